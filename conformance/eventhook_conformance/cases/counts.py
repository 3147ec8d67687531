"""PUB, STR: tests larger counts than other cases, and silences."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from eventhook_conformance.cases._bulk import publish_all, run_through
from eventhook_conformance.cases._counting import cleanup
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case

_RUN: Final[dict[Depth, int]] = {"quick": 300, "normal": 4_400, "deep": 41_000}
"""Events on one subscription: beyond 4,096, beyond 40,000."""
_ENTRIES: Final[dict[Depth, int]] = {"quick": 10, "normal": 130, "deep": 3_100}
"""Subscriptions of one tenant or key, one after another."""
_BESIDE: Final = 8
"""Subscriptions of a far target that are entered at once."""
_SCOPES: Final[dict[Depth, int]] = {"quick": 60, "normal": 1_050, "deep": 10_100}
"""Tenants or keys that were used and are idle."""
_READERS: Final[dict[Depth, int]] = {"quick": 20, "normal": 136, "deep": 260}
_SILENCES_S: Final[dict[Depth, tuple[float, ...]]] = {
    "quick": (0.11,),
    "normal": (0.11, 0.31),
    "deep": (0.11, 0.31, 1.05, 3.05, 12.1),
}


@case("PUB-01", "PUB-02", "PUB-06", self_contained=True)
async def thousands_of_events_come_once_and_in_order(probe: Probe, side: Side = "events") -> None:
    """Publishes thousands of events to one subscription, by the depth: each must come once, in order."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await run_through(probe, ground, listener, _RUN[probe.settings.depth])
    await listener.leave()


thousands_of_events_come_once_and_in_order_on_streams = on_streams(
    thousands_of_events_come_once_and_in_order, __name__, "STR-01", "STR-06"
)


@case("PUB-04", "PUB-13", implicates=LOSS | {"replayed"}, self_contained=True)
async def each_of_many_entries_is_active(probe: Probe, side: Side = "events") -> None:
    """Enters one subscription of a tenant after another: each must get its first event."""
    ground = Ground(probe, side)
    count = _ENTRIES[probe.settings.depth]
    beside = probe.distance.side_by_side(max(1, min(_BESIDE, ground.capacity // 2)))
    for first in range(0, count, beside):
        size = min(beside, count - first)
        listeners = await probe.at_once(*(ground.subscribe() for _ in range(size)))
        events = ground.events(size)
        await probe.burst([[event] for event in events])
        await probe.at_once(*(listener.receive(*events) for listener in listeners))
        await probe.at_once(*(listener.leave() for listener in listeners))


each_of_many_entries_is_active_on_streams = on_streams(each_of_many_entries_is_active, __name__)


@case("PUB-01", "PUB-04", implicates=LOSS, exclusive="cleans")
async def newcomer_after_many_idle_ones_is_heard(probe: Probe, side: Side = "events") -> None:
    """Publishes to a thousand tenants without subscriptions, then subscribes: its events must come."""
    client = await probe.client()
    standing_ground = Ground(probe, side)
    standing = await standing_ground.subscribe()
    idle = [Ground(probe, side) for _ in range(_SCOPES[probe.settings.depth])]
    await publish_all(probe, client, idle, 32)
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await probe.publish(event := ground.event())
    await listener.receive(event)
    await probe.publish(event := standing_ground.event())
    await standing.receive(event)
    if probe.capabilities.introspection:
        await cleanup(probe, client)
    await probe.fence(listener, standing)


newcomer_after_many_idle_ones_is_heard_on_streams = on_streams(
    newcomer_after_many_idle_ones_is_heard, __name__
)


@case("STR-06", implicates=LOSS, profile="streams", subscriptions=_READERS["deep"], since="1.1")
async def every_one_of_many_readers_of_a_stream_hears(probe: Probe) -> None:
    """Enters more than 128 or 256 readers of a stream, on two clients if possible: each gets all."""
    ground = Ground(probe, "streams")
    vias: tuple[Via, ...] = ("same", "other") if probe.capabilities.multi_client else ("same",)
    count = room(probe, _READERS[probe.settings.depth])
    calls = (ground.subscribe(vias[number % len(vias)]) for number in range(count))
    listeners = await probe.at_once(*calls)
    if probe.capabilities.activation == "client":
        await probe.reach(*listeners)
    await probe.publish(event := ground.event())
    for listener in listeners:
        await listener.receive(event)


@case("PUB-01", "PUB-02", "STR-01", "STR-06", exclusive="times", subscriptions=90)
async def silence_makes_nobody_deaf(probe: Probe) -> None:
    """Waits through silences of several lengths: readers in each state must get what comes then."""
    await _fall_silent(probe, ["events", "streams"])


@case("PUB-01", "PUB-02", exclusive="times", subscriptions=90)
async def silence_makes_no_tenant_deaf(probe: Probe) -> None:
    """Waits through silences, on a target without streams: readers must get what comes then."""
    if "streams" not in probe.capabilities.profiles:
        await _fall_silent(probe, ["events"])


@case("STR-01", "STR-06", exclusive="times", subscriptions=90)
async def silence_makes_no_stream_deaf(probe: Probe) -> None:
    """Waits through silences, on a target with streams alone: readers must get what comes then."""
    if "events" not in probe.capabilities.profiles:
        await _fall_silent(probe, ["streams"])


_STATES: Final = ("used", "unread", "fresh")
_FILTERS: Final = 2
"""Filters that are used in each state at each length of silence; the next length rotates them."""


@dataclass(frozen=True)
class _Silent:
    """Subscriptions to one tenant or key by several filters, which are silent for some time."""

    ground: Ground
    listeners: list[Listener]
    via: Via
    unread: list[Event]


async def _fall_silent(probe: Probe, sides: list[Side]) -> None:
    publishers: tuple[Via, ...] = ("same",)
    if probe.capabilities.multi_client:
        publishers = ("same", "other")
    lengths_s = _SILENCES_S[probe.settings.depth]
    ways = [(side, via, state) for side in sides for via in publishers for state in _STATES]
    ways = ways[: max(1, room(probe, len(ways) * len(lengths_s)) // len(lengths_s))]
    filters = max(
        1, room(probe, _FILTERS * len(ways) * len(lengths_s)) // len(ways) // len(lengths_s)
    )
    # Each length has its own, since what was woken up is silent no more.
    silent = [
        await probe.at_once(
            *(_prepare(probe, number + shift, filters, *way) for number, way in enumerate(ways))
        )
        for shift in range(0, _FILTERS * len(lengths_s), _FILTERS)
    ]
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, (length_s, places) in enumerate(zip(lengths_s, silent, strict=True)):
        # Silence has no event that could be waited for.
        await asyncio.sleep(max(0.0, began + length_s - loop.time()))
        # Entering is the first that a client does again; the other side's turn is next time.
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            await probe.at_once(*(_enter_and_hear(probe, side, via) for via in publishers))
        if length_s > lengths_s[0] and probe.capabilities.introspection:
            # What was silent for so long is not idle for that.
            await probe.at_once(*[cleanup(probe, await probe.client(via)) for via in publishers])
        await probe.at_once(*(_wake(probe, place) for place in places))


async def _enter_and_hear(probe: Probe, side: Side, via: Via) -> None:
    """Enters a subscription after a silence; its client's next event arrives."""
    ground = Ground(probe, side)
    await probe.client(via)
    listener = await probe.listener(ground.all, via)
    limit_s = 3 * probe.deadline.current_s
    story = _hear_here(probe, ground, listener, via)
    await probe.returns(story, "entering and publishing in one task", timeout_s=limit_s)


async def _hear_here(probe: Probe, ground: Ground, listener: Listener, via: Via) -> None:
    """Leaves no turn between entering and publishing: a bus could wake up in it."""
    async with listener.entered_here():
        await probe.publish_here(event := ground.event(), via=via)
        await listener.receive(event)


async def _prepare(
    probe: Probe, number: int, filters: int, side: Side, via: Via, state: str
) -> _Silent:
    """Subscribes, then stays silent: after reading, with unread events, or without any event.

    They ask for the same, each by another filter.
    """
    ground = Ground(probe, side)
    kinds = ground.kinds[number % len(ground.kinds) :] + ground.kinds[: number % len(ground.kinds)]
    chosen = list(dict.fromkeys(kinds))[:filters]
    listeners = await probe.at_once(*(probe.subscribe(selects) for selects in chosen))
    await probe.reach(*listeners, via=via)
    if state == "fresh" or (state == "unread" and ground.capacity < 2):
        return _Silent(ground, listeners, via, [])
    events = ground.events(min(2, max(1, ground.capacity // 4)))
    await probe.publish(*events, via=via)
    if state == "used":
        for listener in listeners:
            await listener.receive(*events)
            await listener.wait_reading()
        events = []
    return _Silent(ground, listeners, via, events)


async def _wake(probe: Probe, silent: _Silent) -> None:
    events = silent.ground.events(min(2, max(1, silent.ground.capacity // 4)))
    await probe.publish(*events, via=silent.via)
    for listener in silent.listeners:
        await listener.receive(*silent.unread, *events)
