"""PUB: enters and leaves subscriptions, and enters them again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from eventhook_conformance.cases._ground import Ground, Selects
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE, LOSS, either, end, yields
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case, needs


@either
@case("PUB-11", implicates={"after-leaving", "ended"})
async def after_leaving_nothing_is_delivered(probe: Probe, via: Via, side: Side = "events") -> None:
    """Leaves a subscription: a waiting read must end, and later reads must end at once."""
    ground = Ground(probe, side)
    witness = await ground.subscribe(via)
    for waiting in (True, False):
        guest = await ground.subscribe()
        await probe.reach(guest, witness, via=via)
        if waiting:
            await guest.wait_reading()
        else:
            await probe.publish(*ground.events(min(3, ground.capacity)), via=via)
        await guest.leave()
        await guest.read_late()
        await probe.publish(*ground.events(2), via=via)
        await probe.fence(witness)
        await guest.read_late()
        await guest.read_late()


@pytest.mark.parametrize("how", ["unread", "waiting", "publishing"])
@case("PUB-11", implicates={"after-leaving", "ended"})
async def read_called_while_leaving_delivers_nothing(
    probe: Probe, how: str, side: Side = "events"
) -> None:
    """Reads and publishes at every step of leaving: nothing may be delivered after it."""
    ground = Ground(probe, side)
    witness = await ground.subscribe()
    for pause in range(5):
        guest = await ground.subscribe()
        events = ground.events(2)
        if how == "unread":
            await probe.publish(*events)
        elif how == "waiting":
            await guest.wait_reading()
        publishing = probe.spawn(probe.publish(*events)) if how == "publishing" else None
        leaving = probe.spawn(guest.leave())
        await yields(pause)
        guest.start_reading()
        await leaving
        if publishing is not None:
            await publishing
        await probe.fence(witness)
        await guest.read_late()


@pytest.mark.parametrize(
    "how",
    [
        "left",
        pytest.param("cancelled", marks=needs(in_process=True)),
        pytest.param("cancelled-read", marks=needs(in_process=True)),
        pytest.param("raised", marks=needs(in_process=True)),
    ],
)
@either
@case("PUB-12", implicates=DISTURBANCE)
async def subscriber_that_ends_disturbs_nobody(
    probe: Probe, via: Via, how: str, side: Side = "events"
) -> None:
    """Ends a subscription while it waits, with unread events, and beside publishes: others lose nothing."""
    lanes = (
        _end_beside(Ground(probe, side), probe, via, how, range(first, 6, 2)) for first in range(2)
    )
    await side_by_side(probe, lanes, each=4)


async def _end_beside(
    ground: Ground, probe: Probe, via: Via, how: str, pauses: Iterable[int]
) -> None:
    neighbours = [await ground.subscribe(), await ground.subscribe(via)]
    for number, pause in enumerate(pauses):
        guest = await ground.subscribe()
        neighbours.append(await ground.subscribe(via if number % 2 else None))
        await probe.reach(*neighbours)
        await probe.reach(*neighbours, via=via)
        await neighbours[0].wait_reading()
        unread = ground.events(min(pause % 3, ground.capacity - 4))
        if unread:
            await probe.publish(*unread, via=via)
        else:
            await guest.wait_reading()
        events = ground.events(4)
        publishing = probe.spawn(probe.burst([events[:2], events[2:]], via=via))
        await yields(pause)
        await end(guest, how)
        await publishing
        for listener in neighbours:
            await listener.receive(*unread, *events)
        later = ground.event()
        await probe.publish(later)
        for listener in neighbours:
            await listener.receive(later)
        await neighbours.pop(2).leave()
    await probe.fence(*neighbours)


@either
@case("PUB-13", implicates={"replayed", "repeated", "phantom"})
async def subscribing_again_starts_afresh(probe: Probe, via: Via, side: Side = "events") -> None:
    """Subscribes again after leaving: nothing of before may be delivered."""
    grounds = [Ground(probe, side), Ground(probe, side)]
    wanted = (grounds[0].all, grounds[1].part)
    lanes = (
        _come_again(ground, probe, via, selects)
        for ground, selects in zip(grounds, wanted, strict=True)
    )
    await side_by_side(probe, lanes, each=2)


async def _come_again(ground: Ground, probe: Probe, via: Via, selects: Selects) -> None:
    for read in (0, 1, 3):
        listener = await probe.subscribe(selects)
        await probe.fence(listener)
        await probe.reach(listener, via=via)
        events = ground.events(min(3, ground.capacity))
        await probe.publish(*events, via=via)
        await listener.receive(*events[:read])
        await listener.leave()
        await probe.publish(*ground.events(2), via=via)
    last = [await ground.subscribe(), await probe.subscribe(selects, via)]
    await probe.fence(*last)
    await probe.fence(*last)


@either
@case("PUB-16", implicates=DISTURBANCE, subscriptions=28)
async def coming_and_going_disturbs_no_standing_subscription(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Enters and leaves subscriptions at every step of a publish: standing ones must get all events."""
    lanes = (
        _come_and_go(Ground(probe, side), probe, via, range(first, 8, 4)) for first in range(4)
    )
    await side_by_side(probe, lanes, each=7)


async def _come_and_go(ground: Ground, probe: Probe, via: Via, pauses: Iterable[int]) -> None:
    everything, tasks = ground.all, ground.part
    early = [await probe.subscribe(everything), await probe.subscribe(tasks, via)]
    for pause in pauses:
        guests = [await probe.subscribe(everything), await probe.subscribe(tasks, via)]
        late = [await probe.subscribe(everything, via), await probe.subscribe(tasks)]
        standing = [*early, *late]
        await probe.reach(*standing)
        await probe.reach(*standing, via=via)
        unread = ground.event()
        await probe.publish(unread)
        await early[0].wait_reading()
        events = ground.events(max(1, min(5, ground.capacity - 1)))
        publishing = [
            probe.spawn(probe.burst([events[:2], events[2:3]])),
            probe.spawn(probe.burst([events[3:]], via=via)),
        ]
        await yields(pause)
        newcomer = probe.spawn(probe.subscribe(everything, via))
        await probe.at_once(*(guest.leave() for guest in guests))
        await (await newcomer).leave()
        await asyncio.gather(*publishing)
        for listener in standing:
            await listener.receive(unread, *events)
        for listener in late:
            await listener.leave()
    await probe.fence(*early)


@case("PUB-16", implicates=LOSS, subscriptions=21)
async def many_that_come_and_go_leave_the_standing_alone(
    probe: Probe, side: Side = "events"
) -> None:
    """Enters and leaves many subscriptions at once beside traffic: standing ones must get all events."""
    ground = Ground(probe, side)
    standing = await ground.subscribe()
    # Half of what is claimed may be taken by what other cases left parked.
    crowd = max(1, min(20, probe.capabilities.max_subscriptions // 2 - 2))
    for _ in range(3):
        events = ground.events(max(4, min(6, ground.capacity)))
        coming = [probe.spawn(ground.subscribe()) for _ in range(crowd)]
        await probe.publish(*events[:3])
        guests = await asyncio.gather(*coming)
        going = [probe.spawn(guest.leave()) for guest in guests]
        await probe.publish(*events[3:])
        await asyncio.gather(*going)
        await standing.receive(*events)
    await probe.fence(standing)
