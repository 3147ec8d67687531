"""PUB: reads, entering and leaving that are cancelled."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventhook_conformance.cases import case
from eventhook_conformance.cases._counting import expect_back, swept
from eventhook_conformance.cases._steps import DISTURBANCE, LOSS, either, yields
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.probe.failure import describe


@either
@case("PUB-14", shows=LOSS | {"repeated", "reordered"})
async def cancelled_read_takes_nothing_with_it(probe: Probe, via: Via) -> None:
    """One read, or several in a row, are cancelled while they wait; then an event comes."""
    tenant = probe.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.reach(listener, via=via)
    for cancelled in (1, 1, 3):
        for _ in range(cancelled):
            await listener.wait_reading()
            await listener.cancel_read()
        events = [probe.event(tenant) for _ in range(cancelled)]
        await probe.publish(*events, via=via)
        await listener.receive(*events)
    await probe.fence(listener)


@either
@case("PUB-14", shows=LOSS | {"repeated", "reordered"})
async def read_cancelled_as_its_event_arrives_loses_nothing(probe: Probe, via: Via) -> None:
    """The read is cancelled at every step between the publish and the delivery."""
    tenant = probe.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.reach(listener, via=via)
    for pause in (*range(10), *range(10), *range(10, 30)):
        event = probe.event(tenant)
        await listener.wait_reading()
        publishing = probe.spawn(probe.publish(event, via=via))
        await yields(pause)
        await listener.cancel_read()
        await publishing
        await listener.receive(event)
    await probe.fence(listener)


@case("PUB-14", shows=LOSS | {"repeated", "reordered"})
async def read_cancelled_before_a_full_buffer_loses_nothing(probe: Probe) -> None:
    """Several events are there; a read of the first is cancelled as soon as it was started."""
    tenant = probe.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for pause in range(6):
        events = [probe.event(tenant) for _ in range(5)]
        await probe.publish(*events)
        for _ in range(3):
            listener.start_reading()
            await yields(pause)
            await listener.cancel_read()
        await listener.receive(*events)
    await probe.fence(listener)


@pytest.mark.parametrize("what", ["entering", "reading", "leaving"])
@case("PUB-23", shows=DISTURBANCE, alone=True)
async def cancelling_leaves_nothing_behind(probe: Probe, what: str) -> None:
    """At every step; the bus and the others work on, and no channel is left that was not there."""
    client = await probe.client()
    tenant, counted = probe.tenant(), probe.capabilities.introspection
    standing = await probe.subscribe(EventPattern.all(tenant))
    # What a guest leaves behind shows in the count only where nobody else keeps the channel.
    guests = [tenant, probe.tenant(), tenant, probe.tenant()]
    start = await swept(probe, client) if counted else None
    for pause in range(6):
        for place in guests:
            unread = probe.event(tenant)
            await probe.publish(unread)
            publishing = probe.spawn(probe.publish(events := probe.event(tenant)))
            await _cancel(probe, what, place, pause)
            await publishing
            later = probe.event(tenant)
            await probe.publish(later)
            await standing.receive(unread, events, later)
    for place in guests:
        newcomer = await probe.subscribe(EventPattern.all(place))
        event = probe.event(place)
        await probe.publish(event)
        await newcomer.receive(event)
        await newcomer.leave()
    await probe.fence(standing)
    if start is not None:
        await expect_back(probe, client, start, f"cancelled {what}", standing)


async def _cancel(probe: Probe, what: str, tenant: UUID, pause: int) -> None:
    """Has one subscription of the tenant cancelled in that, after so many steps."""
    guest = await probe.listener(EventPattern.all(tenant))
    if what == "entering":
        guest.held.start()
        await yields(pause)
    else:
        await probe.returns(guest.enter(), "entering")
    if what == "reading":
        if pause % 2:
            await guest.wait_reading()
            publishing = probe.spawn(probe.publish(probe.event(tenant)))
            await yields(pause)
            await guest.cancel_read()
            await publishing
        else:
            guest.start_reading()
            await yields(pause)
            await guest.cancel_read()
        await guest.leave()
        return
    leaving = probe.spawn(guest.held.leave()) if what == "leaving" else None
    if leaving is not None:
        await yields(pause)
    await _cancelled(probe, what, guest)
    if leaving is not None:
        await probe.returns(leaving, "leaving")


async def _cancelled(probe: Probe, what: str, guest: Listener) -> None:
    ended = await guest.held.cancel()
    if not ended:
        raise probe.aborted(f"{what} to end when it is cancelled", "it goes on", guest.entry)
    task = guest.held.task
    if task is not None and not task.cancelled() and (error := task.exception()) is not None:
        expected = f"{what} to end when it is cancelled"
        probe.found(expected, f"it raised {describe(error)}", guest.entry)
