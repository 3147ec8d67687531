"""RPL-04: publishes while history turns into live, at each of the first thousand boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.cases._replay import (
    WRONG,
    Events,
    ReplayChannel,
    history_size,
    sides,
)
from eventhook_conformance.cases._steps import either, yields
from eventhook_conformance.contract import START, EventPattern, Since
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, NotOffered, Probe, Via
from eventhook_conformance.specification import case

_BOUNDARIES: Final = 1000
_SHORTEST: Final = 4
_PUBLISHERS: Final = 3
_LOAD: Final = 12
_LENGTHS: Final = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    65,
    99,
    100,
    101,
    127,
    128,
    129,
    255,
    256,
)
_STEPS: Final = 6
"""When publishing begins: with entering, or after so many publishes on another channel."""
_LONG: Final = (257, 500, 501, 512, 999, 1000)
"""The lengths of histories, around those of pages and batches."""


@sides
@case("RPL-04", implicates=WRONG, subscriptions=12)
async def every_one_of_the_first_thousand_boundaries_holds(probe: Probe, side: Side) -> None:
    """Resumes at each position of a channel while the next event is published: no event may be lost."""
    channel = ReplayChannel(probe, side)
    if history_size(probe) < _SHORTEST:
        raise NotOffered(f"replay_events: expected {_SHORTEST} or more to hand over from")
    leader = await channel.subscribe(START)
    await leader.receive(*await channel.publish(2))
    before: Listener | None = None
    for boundary in range(_BOUNDARIES):
        # Two back, so that there is history to turn from.
        cursor = leader.entry.deliveries[-2].cursor
        if not isinstance(cursor, str):
            return
        last, new = leader.received[-1], channel.event()
        reader = await _enter_while(probe, channel, cursor, [[new]], boundary % 4)
        await reader.receive(last, new)
        await leader.receive(new)
        if before is not None:
            # What this one got twice stands before the next event.
            await before.receive(new)
            await before.leave()
        before = reader


async def _enter_while(
    probe: Probe,
    channel: ReplayChannel,
    since: Since,
    chains: Sequence[Events],
    turns: int,
    first: Events = (),
) -> Listener:
    """Subscribes while events are published, `first` and so many turns before them."""

    async def publish() -> None:
        await yields(turns)
        if first:
            await probe.publish(*first)
        await probe.burst(chains)

    beside = probe.spawn(publish())
    listener = await channel.subscribe(since)
    await probe.returns(
        beside,
        "publishing while a subscription is entered",
        progress=lambda: sum(one.returned is not None for one in probe.history.publishes),
    )
    return listener


@sides
@either
@case("RPL-04", implicates=WRONG, subscriptions=16)
async def start_hands_over_under_load(probe: Probe, side: Side, via: Via) -> None:
    """Begins at the start of histories of many lengths under load: no event may be lost or repeated."""
    for turns, length in enumerate(_LENGTHS):
        await _hand_over(probe, side, length, via, turns % 4)


@sides
@case("RPL-04", implicates=WRONG, subscriptions=16)
async def long_history_hands_over_under_load(probe: Probe, side: Side) -> None:
    """Begins at the start of a long history under load: no event may be lost or repeated."""
    for turns, length in enumerate(_LONG):
        await _hand_over(probe, side, length, None, turns % 4)


async def _hand_over(probe: Probe, side: Side, length: int, via: Via, turns: int) -> None:
    """Hands over from a history of that length, unless it is longer than claimed."""
    channel = ReplayChannel(probe, side)
    load = max(_PUBLISHERS, min(_LOAD, channel.capacity // 2))
    if length + load > history_size(probe):
        return
    await channel.fill(length, via)
    chains = [channel.events(load // _PUBLISHERS) for _ in range(_PUBLISHERS)]
    reader = await _enter_while(probe, channel, START, chains, turns)
    await reader.receive(*channel.published())
    # What came twice stands before the next event.
    await reader.receive(*await channel.publish(1))
    await reader.leave()


@sides
@case("RPL-04", implicates=WRONG, subscriptions=12)
async def reader_that_read_all_hands_over_under_load(probe: Probe, side: Side) -> None:
    """Resumes at the newest cursor under load: no event may be lost or repeated."""
    for steps in range(_STEPS):
        channel = ReplayChannel(probe, side)
        reader = await channel.subscribe(START)
        await reader.receive(*await channel.publish(2))
        await reader.leave()
        await _hand_over_nothing(probe, channel, reader.cursor, steps)


@sides
@case("RPL-04", implicates=WRONG, subscriptions=12)
async def purged_channel_hands_over_under_load(probe: Probe, side: Side) -> None:
    """Begins at the start of a purged history under load: no event may be lost or repeated."""
    for steps in range(_STEPS):
        channel = ReplayChannel(probe, side)
        await channel.publish(2)
        await probe.purge(channel.selects)
        await _hand_over_nothing(probe, channel, START, steps)


@case("RPL-04", needs={"replay": ("events",)}, implicates=WRONG, subscriptions=12)
async def filter_that_selects_nothing_hands_over_under_load(probe: Probe) -> None:
    """Begins at the start with a filter that selects nothing of it, under load: no event may be lost."""
    for steps in range(_STEPS):
        channel = ReplayChannel(probe, "events")
        await probe.publish(probe.make.event(channel.tenant, event_type="other.done"))
        channel.selects = EventPattern.by_type(channel.tenant, channel.event().event_type)
        await _hand_over_nothing(probe, channel, START, steps)


async def _hand_over_nothing(
    probe: Probe, channel: ReplayChannel, since: Since, steps: int
) -> None:
    """Hands over without anything to replay, one step further into the entering each time.

    A bus that knows no hand-over here looks at the history, then becomes active: what comes between is
    lost. Only the first event can show it. After that, there is something to replay.
    """
    load = max(_PUBLISHERS, min(_LOAD, channel.capacity // 2))
    if load + 2 > history_size(probe):
        raise NotOffered(f"replay_events: expected {load + 2} or more to hand over under load")
    chains = [channel.events(load // _PUBLISHERS) for _ in range(_PUBLISHERS)]
    elsewhere = ReplayChannel(probe, channel.side).events(steps)
    reader = await _enter_while(probe, channel, since, chains, steps, elsewhere)
    await reader.receive(*(event for chain in chains for event in chain))
    # What came twice stands before the next event.
    await reader.receive(*await channel.publish(1))
    await reader.leave()
