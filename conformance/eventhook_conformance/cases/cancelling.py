"""PUB: reads, entering and leaving that are cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import pytest

from eventhook_conformance.cases._counting import expect_back, swept
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE, LOSS, either, yields
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case


@either
@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def cancelled_read_takes_nothing_with_it(probe: Probe, via: Via) -> None:
    """One read, or several in a row, are cancelled while they wait; then an event comes."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.reach(listener, via=via)
    for cancelled in (1, 1, 3):
        for _ in range(cancelled):
            await listener.wait_reading()
            await listener.cancel_read()
        events = [probe.make.event(tenant) for _ in range(cancelled)]
        await probe.publish(*events, via=via)
        await listener.receive(*events)
    await probe.fence(listener)


@either
@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def read_cancelled_as_its_event_arrives_loses_nothing(probe: Probe, via: Via) -> None:
    """The read is cancelled at every step between the publish and the delivery."""
    pauses = [*range(10), *range(10), *range(10, 30)]
    await side_by_side(probe, (_cancel_reads(probe, via, pauses[first::4]) for first in range(4)))


async def _cancel_reads(probe: Probe, via: Via, pauses: Iterable[int]) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.reach(listener, via=via)
    for pause in pauses:
        event = probe.make.event(tenant)
        await listener.wait_reading()
        publishing = probe.spawn(probe.publish(event, via=via))
        await yields(pause)
        await listener.cancel_read()
        await publishing
        await listener.receive(event)
    await probe.fence(listener)


@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def read_cancelled_before_a_full_buffer_loses_nothing(probe: Probe) -> None:
    """Several events are there; a read of the first is cancelled as soon as it was started."""
    await side_by_side(probe, (_cancel_first_reads(probe, (one, one + 3)) for one in range(3)))


async def _cancel_first_reads(probe: Probe, pauses: Iterable[int]) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for pause in pauses:
        events = [probe.make.event(tenant) for _ in range(5)]
        await probe.publish(*events)
        for _ in range(3):
            listener.start_reading()
            await yields(pause)
            await listener.cancel_read()
        await listener.receive(*events)
    await probe.fence(listener)


@pytest.mark.parametrize("what", ["entering", "reading", "leaving"])
@case("PUB-23", implicates=DISTURBANCE, subscriptions=12)
async def cancelling_disturbs_nobody(probe: Probe, what: str) -> None:
    """At every step; the bus and the others work on, and what was cancelled can be had again."""
    await side_by_side(probe, (_cancel_beside(probe, what, pause) for pause in range(6)), each=2)


async def _cancel_beside(probe: Probe, what: str, pause: int) -> None:
    """Of the tenant of one that stands, and of another."""
    tenant = probe.make.tenant()
    standing = await probe.subscribe(EventPattern.all(tenant))
    places = [tenant, probe.make.tenant()]
    for place in (*places, *places):
        unread = probe.make.event(tenant)
        await probe.publish(unread)
        publishing = probe.spawn(probe.publish(events := probe.make.event(tenant)))
        await _cancel(probe, what, place, pause)
        await publishing
        later = probe.make.event(tenant)
        await probe.publish(later)
        await standing.receive(unread, events, later)
    for place in places:
        newcomer = await probe.subscribe(EventPattern.all(place))
        event = probe.make.event(place)
        await probe.publish(event)
        await newcomer.receive(event)
        await newcomer.leave()
    await probe.fence(standing)


@pytest.mark.parametrize("what", ["entering", "reading", "leaving"])
@case("PUB-23", exclusive="counts", needs={"introspection": (True,)}, subscriptions=14)
async def cancelling_leaves_no_channel_behind(probe: Probe, what: str) -> None:
    """At every step; what a guest leaves shows in the count only where nobody else keeps the channel."""
    client, tenant = await probe.client(), probe.make.tenant()
    standing = await probe.subscribe(EventPattern.all(tenant))
    start = await swept(probe, client)
    guests = [(place, pause) for pause in range(6) for place in (tenant, probe.make.tenant())]
    await side_by_side(probe, (_cancel(probe, what, *guest) for guest in guests))
    await probe.fence(standing)
    await expect_back(probe, client, start, f"cancelled {what}", standing)


async def _cancel(probe: Probe, what: str, tenant: UUID, pause: int) -> None:
    """Has one subscription of the tenant cancelled in that, after so many steps."""
    guest = await probe.listener(EventPattern.all(tenant))
    if what == "entering":
        guest.context_task.start()
        await yields(pause)
    else:
        await probe.returns(guest.enter(), "entering")
    if what == "reading":
        if pause % 2:
            await guest.wait_reading()
            publishing = probe.spawn(probe.publish(probe.make.event(tenant)))
            await yields(pause)
            await guest.cancel_read()
            await publishing
        else:
            guest.start_reading()
            await yields(pause)
            await guest.cancel_read()
        await guest.leave()
        return
    leaving = probe.spawn(guest.context_task.leave()) if what == "leaving" else None
    if leaving is not None:
        await yields(pause)
    await _cancelled(probe, what, guest)
    if leaving is not None:
        await probe.returns(leaving, "leaving")


async def _cancelled(probe: Probe, what: str, guest: Listener) -> None:
    ended = await guest.context_task.cancel()
    if not ended:
        raise probe.aborted(f"{what} to end when it is cancelled", "it goes on", guest.entry)
    task = guest.context_task.task
    if task is not None and not task.cancelled() and (error := task.exception()) is not None:
        expected = f"{what} to end when it is cancelled"
        probe.found(expected, f"it raised {describe(error)}", guest.entry)
