"""PUB: cancels reads, entering and leaving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from eventhook_conformance.cases._counting import expect_back, swept
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE, LOSS, either, yields
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case

_CANCELLED: Final = 70
"""Reads in a row: past 32, 50 and 64."""


@either
@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def cancelled_read_takes_nothing_with_it(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Cancels one waiting read or several, then publishes: the event must come."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    for cancelled in (1, 1, 3):
        for _ in range(cancelled):
            await listener.wait_reading()
            await listener.cancel_read()
        events = ground.events(cancelled)
        await probe.publish(*events, via=via)
        await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-14", implicates=LOSS | {"repeated", "reordered"}, since="1.1")
async def reads_cancelled_many_times_lose_nothing(probe: Probe, side: Side = "events") -> None:
    """Reads with short timeouts, each of which cancels its read: no event may be lost."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    for _ in range(2):
        for _ in range(_CANCELLED):
            listener.start_reading()
            await yields(1)
            await listener.cancel_read()
        await probe.publish(event := ground.event())
        await listener.receive(event)
    await probe.fence(listener)


reads_cancelled_many_times_lose_nothing_on_streams = on_streams(
    reads_cancelled_many_times_lose_nothing, __name__
)


@either
@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def read_cancelled_as_its_event_arrives_loses_nothing(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Cancels a read at every step between publish and delivery: the event must come."""
    pauses = [*range(10), *range(10), *range(10, 30)]
    await side_by_side(
        probe, (_cancel_reads(Ground(probe, side), probe, via, pauses[n::4]) for n in range(4))
    )


async def _cancel_reads(ground: Ground, probe: Probe, via: Via, pauses: Iterable[int]) -> None:
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    for pause in pauses:
        event = ground.event()
        await listener.wait_reading()
        publishing = probe.spawn(probe.publish(event, via=via))
        await yields(pause)
        await listener.cancel_read()
        await publishing
        await listener.receive(event)
    await probe.fence(listener)


@case("PUB-14", implicates=LOSS | {"repeated", "reordered"})
async def read_cancelled_before_a_full_buffer_loses_nothing(
    probe: Probe, side: Side = "events"
) -> None:
    """Cancels a read as soon as it starts, with several unread events: none may be lost."""
    lanes = (_cancel_first_reads(Ground(probe, side), probe, (n, n + 3)) for n in range(3))
    await side_by_side(probe, lanes)


async def _cancel_first_reads(ground: Ground, probe: Probe, pauses: Iterable[int]) -> None:
    listener = await ground.subscribe()
    for pause in pauses:
        events = ground.events(min(5, ground.capacity))
        await probe.publish(*events)
        for _ in range(3):
            listener.start_reading()
            await yields(pause)
            await listener.cancel_read()
        await listener.receive(*events)
    await probe.fence(listener)


@pytest.mark.parametrize("what", ["entering", "reading", "leaving"])
@case("PUB-23", implicates=DISTURBANCE, subscriptions=12)
async def cancelling_disturbs_nobody(probe: Probe, what: str, side: Side = "events") -> None:
    """Cancels entering and leaving at every step: the bus and the other subscriptions work on."""
    lanes = (_cancel_beside(probe, side, what, pause) for pause in range(6))
    await side_by_side(probe, lanes, each=2)


async def _cancel_beside(probe: Probe, side: Side, what: str, pause: int) -> None:
    """Cancels at one tenant or key with a subscription, twice in a row, and once at another."""
    ground, elsewhere, once = (Ground(probe, side) for _ in range(3))
    standing = await ground.subscribe()
    # A second cancellation might heal what the first one left behind.
    for place in (ground, elsewhere, ground, elsewhere, once):
        unread = ground.event()
        await probe.publish(unread)
        publishing = probe.spawn(probe.publish(event := ground.event()))
        await _cancel(probe, what, place, pause)
        await publishing
        later = ground.event()
        await probe.publish(later)
        await standing.receive(unread, event, later)
    for place in (ground, elsewhere, once):
        newcomer = await place.subscribe()
        event = place.event()
        await probe.publish(event)
        await newcomer.receive(event)
        await newcomer.leave()
    await probe.fence(standing)


@pytest.mark.parametrize("what", ["entering", "reading", "leaving"])
@case("PUB-23", exclusive="counts", needs={"introspection": (True,)}, subscriptions=14)
async def cancelling_leaves_no_channel_behind(
    probe: Probe, what: str, side: Side = "events"
) -> None:
    """Cancels entering and leaving at every step: no channel may be left over."""
    client, ground = await probe.client(), Ground(probe, side)
    standing = await ground.subscribe()
    start = await swept(probe, client)
    guests = [(place, pause) for pause in range(6) for place in (ground, Ground(probe, side))]
    await side_by_side(probe, (_cancel(probe, what, *guest) for guest in guests))
    await probe.fence(standing)
    await expect_back(probe, client, start, f"cancelled {what}", standing)


async def _cancel(probe: Probe, what: str, ground: Ground, pause: int) -> None:
    """Cancels one subscription in that phase, after so many steps."""
    guest = await probe.listener(ground.all)
    if what == "entering":
        guest.context_task.start()
        await yields(pause)
    else:
        await probe.returns(guest.enter(), "entering")
    if what == "reading":
        if pause % 2:
            await guest.wait_reading()
            publishing = probe.spawn(probe.publish(ground.event()))
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
