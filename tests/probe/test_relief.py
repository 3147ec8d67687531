"""A case that would leave too much unread reads first; where it overruns on purpose, it does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from eventhook_conformance.cases._overrun import OverflowScenario
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.target import Capabilities
from eventhook_reference.mutants.base import PliableClient
from probe.rig import rig

TIGHT = replace(PliableClient.capabilities, event_capacity=2, stream_capacity=2)


class Two(PliableClient):
    capabilities = TIGHT


async def left_unread(client: type[PliableClient], claims: Capabilities, count: int) -> int:
    """Returns how many of so many events lie unread after they were published at once."""
    async with rig(client, claims) as one:
        tenant = one.probe.make.tenant()
        listener = await one.probe.subscribe(EventPattern.all(tenant))
        events = [one.probe.make.event(tenant) for _ in range(count)]
        await asyncio.gather(*(one.probe.publish(event) for event in events))
        unread = count - len(listener.received)
        await listener.receive(*events)
        assert one.found() == []
        return unread


def test_what_would_be_too_much_is_read_first() -> None:
    assert asyncio.run(left_unread(Two, TIGHT, 7)) == 2


def test_equal_events_count_each() -> None:
    async def acted() -> None:
        async with rig(Two, TIGHT) as one:
            event = one.probe.make.stream_event(key := one.probe.make.key())
            listener = await one.probe.subscribe(key)
            await one.probe.publish(event, event, event, event)
            assert len(listener.received) == 2

    asyncio.run(acted())


def test_nothing_is_read_for_a_bus_that_claims_to_hold_enough() -> None:
    claims = replace(TIGHT, event_capacity=8, stream_capacity=8)
    wide = type("Eight", (PliableClient,), {"capabilities": claims})
    assert asyncio.run(left_unread(wide, claims, 7)) == 7


def test_what_is_overrun_on_purpose_is_overrun() -> None:
    async def acted() -> None:
        async with rig(Two, TIGHT) as one:
            stage = OverflowScenario(one.probe, "events")
            listener = await stage.subscribe()
            await stage.publish(5)
            assert listener.received == []
            assert listener.dropped == 3

    asyncio.run(acted())
