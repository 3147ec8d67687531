"""RPL: checks how far history reaches, and how the bus tells that something is gone.

Over 300 lines: the cases share how a channel is filled and read to its end.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from uuid import uuid4

from eventhook_conformance.cases._overrun import NOT_BLOCKING
from eventhook_conformance.cases._replay import (
    LOST,
    WRONG,
    ReplayChannel,
    evicted_by,
    history_size,
    outlive,
    published,
    sides,
)
from eventhook_conformance.cases._steps import either
from eventhook_conformance.contract import START, CursorExpired, EventPattern
from eventhook_conformance.history import Side, identity
from eventhook_conformance.probe import Listener, NotOffered, Probe, Via
from eventhook_conformance.probe.failure import CaseAborted
from eventhook_conformance.specification import case

_BRIEF_S: Final = 1.0
"""The longest age, in seconds, for which a case waits twice."""
_FILTERED: Final = 600
"""Events that are read with each filter."""
_WINDOW: Final = 48
"""Events that are published at once, and read before the next ones."""


@sides
@case("RPL-08", implicates={"skipped"})
async def cursor_older_than_the_history_is_no_silent_skip(probe: Probe, side: Side) -> None:
    """Resumes at a cursor pushed out of the history: it must be refused, or the gap must be told."""
    limit = evicted_by(probe)
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    await reader.receive(*await channel.publish(2))
    cursor = reader.cursor
    await reader.leave()
    await channel.publish(2 * limit + 66)
    await _refused_or_complete(probe, channel, cursor)
    if isinstance(channel.selects, EventPattern):
        for pattern in (
            EventPattern.by_type(channel.tenant, "task"),
            EventPattern(tenant_id=channel.tenant, source="suite"),
        ):
            listener = await probe.listener(pattern, since=cursor)
            if await _enters(probe, listener):
                await _read_to_the_end(probe, channel, listener)


@sides
@case("RPL-08", implicates={"skipped"})
async def cursors_around_the_oldest_event_are_no_silent_skip(probe: Probe, side: Side) -> None:
    """Resumes around the oldest event that is kept: a gap must be told, and no event may be skipped."""
    limit = evicted_by(probe)
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    window = min(_WINDOW, channel.capacity)
    for _ in range((2 * limit + 66) // window + 1):
        await channel.fill(window)
        await reader.receive(*published(probe)[-window:])
    order = reader.received
    cursors = [delivery.cursor for delivery in reader.entry.deliveries]
    await reader.leave()
    for back in (2, 1):
        start = await channel.subscribe(START)
        await start.read(1)
        place = order.index(start.received[0]) - back
        await start.leave()
        cursor = cursors[place] if place >= 0 else None
        if isinstance(cursor, str):
            listener = await probe.listener(channel.selects, since=cursor)
            if await _enters(probe, listener):
                await _read_to_the_end(probe, channel, listener)


@sides
@case("RPL-08", needs={"overflow": NOT_BLOCKING})
async def reader_that_its_history_leaves_behind_is_told(probe: Probe, side: Side) -> None:
    """Lets a reader stand still until its history is gone: it must get all, or learn of the gap."""
    limit = evicted_by(probe)
    channel = ReplayChannel(probe, side)
    await channel.fill(limit)
    history = published(probe)
    reader = await channel.subscribe(START)
    await reader.read(2)
    await channel.fill(2 * limit + 66)
    last = await channel.publish(1)
    # It may end with SubscriptionLost: that is one way to say so.
    reader.entry.end_awaited = True
    with suppress(CaseAborted), reader.reading_on():
        await reader.receive(*last)
    if reader.entry.end == "lost":
        return
    came = set(map(identity, reader.received))
    gone = [event for event in history if identity(event) not in came]
    others = len(published(probe)) - len(history) - (len(came) - (len(history) - len(gone)))
    told = reader.dropped or 0
    seen = f"{len(gone)} events of the history were skipped, and {others} live ones; dropped={told}"
    # Live events that were lost alone are no word about the history.
    probe.expect(
        not gone or told not in (0, others),
        "`dropped` to tell of what history pushed out before it was read, or SubscriptionLost",
        seen,
        reader.entry,
    )
    probe.expect(
        not others or reader.dropped != 0,
        "`dropped` to count what overran a reader that was still in its history",
        seen,
        reader.entry,
    )


@sides
@case("RPL-08", "RPL-11", implicates={"skipped"}, exclusive="times")
async def cursor_that_grew_too_old_is_no_silent_skip(probe: Probe, side: Side) -> None:
    """Resumes at cursors older than `replay_s`: each must be refused, or the gap must be told."""
    channels = [ReplayChannel(probe, side), ReplayChannel(probe, side)]
    cursors: list[str] = []
    for channel in channels:
        reader = await channel.subscribe(START)
        events = await channel.publish(3)
        await reader.receive(events[0])
        cursors.append(reader.cursor)
        await reader.leave()
    await outlive(probe, "replay_s", probe.capabilities.replay_s)
    await channels[0].publish(2)
    for channel, cursor in zip(channels, cursors, strict=True):
        await _refused_or_complete(probe, channel, cursor)


@sides
@case("RPL-08", implicates={"skipped"})
async def cursor_older_than_a_purge_is_no_silent_skip(probe: Probe, side: Side) -> None:
    """Resumes at a cursor from before a purge: it must be refused, or the gap must be told."""
    for later in (2, 0):
        channel = ReplayChannel(probe, side)
        reader = await channel.subscribe(START)
        await reader.receive(*(await channel.publish(4))[:2])
        cursor = reader.cursor
        await reader.leave()
        await probe.purge(channel.selects)
        await channel.publish(later)
        await _refused_or_complete(probe, channel, cursor)


async def _refused_or_complete(probe: Probe, channel: ReplayChannel, cursor: str) -> None:
    """Subscribes since a cursor that may have expired; the checker judges what comes."""
    listener = await probe.listener(channel.selects, since=cursor)
    if await _enters(probe, listener):
        await _read_to_the_end(probe, channel, listener)
    # Either way a reader has somewhere to begin.
    again = await channel.subscribe(START)
    await again.receive(*await channel.publish(1))


async def _enters(probe: Probe, listener: Listener) -> bool:
    try:
        await listener.enter()
    except CursorExpired:
        return False
    except Exception as error:  # because: whatever the target raises is a finding
        raise probe.aborted(
            "entering since an old cursor to raise CursorExpired, or to succeed",
            f"it raised {type(error).__name__}: {error}",
            listener.entry,
        ) from error
    return True


async def _read_to_the_end(probe: Probe, channel: ReplayChannel, listener: Listener) -> None:
    """Reads up to an event that is published now."""
    with listener.reading_on():
        await listener.receive(*await channel.publish(1))


@sides
@either
@case("RPL-10", implicates=LOST | {"cursor-refused"})
async def claimed_history_is_reachable_in_full(probe: Probe, side: Side, via: Via) -> None:
    """Replays the claimed history from the start and since several cursors: all must come."""
    size = history_size(probe)
    channel = ReplayChannel(probe, side)
    await channel.fill(size, via)
    reader = await channel.subscribe(START)
    await reader.receive(*published(probe))
    told = f"dropped={reader.dropped}"
    probe.expect(not reader.dropped, "`dropped` to count none: all of it came", told, reader.entry)
    # The channel's order: several publishers wrote it.
    whole, deliveries = reader.received, reader.entry.deliveries
    for place in (1, len(deliveries) // 2, len(deliveries) - 2):
        cursor = deliveries[place].cursor if 0 <= place < len(deliveries) else None
        if isinstance(cursor, str):
            rest = await channel.subscribe(cursor, via)
            await rest.receive(*whole[place + 1 :])
            await rest.leave()
    newest = await channel.subscribe(reader.cursor, via)
    await newest.receive(*await channel.publish(1, via))


@case("RPL-10", "RPL-06", needs={"replay": ("events",)}, implicates=LOST)
async def claimed_history_is_reachable_by_type(probe: Probe) -> None:
    """Replays the claimed history with each filter that all of it matches: all must come."""
    channel = ReplayChannel(probe, "events")
    workflow, task = uuid4(), uuid4()
    size = min(_FILTERED, history_size(probe))
    made = [
        probe.make.event(channel.tenant, "order.sent", source="s", workflow=workflow, task=task)
        for _ in range(size)
    ]
    await probe.burst([made[: size // 2], made[size // 2 :]])
    for selects in (
        EventPattern.by_type(channel.tenant, "order"),
        EventPattern.for_workflow(channel.tenant, workflow),
        EventPattern.for_task(channel.tenant, task),
        EventPattern(tenant_id=channel.tenant, source="s"),
    ):
        reader = await probe.subscribe(selects, since=START)
        await reader.receive(*made)
        await reader.leave()


@sides
@case("RPL-11")
async def history_is_bounded_and_loses_its_oldest_run(probe: Probe, side: Side) -> None:
    """Fills a history several times: an unbroken newest run must stay, of at most twice the claim."""
    limit = evicted_by(probe)
    channel = ReplayChannel(probe, side)
    await channel.publish(3 * limit + 97)
    reader = await channel.subscribe(START)
    last = await channel.publish(1)
    with reader.reading_on():
        await reader.receive(*last)
    got, most = reader.received, 2 * limit + 64
    probe.expect(
        len(got) <= most,
        f"at most {most} events from START, where replay_events={limit} is claimed",
        f"{reader.entry.name} got {len(got)}",
        reader.entry,
    )
    run = published(probe)[-len(got) :]
    probe.expect(
        got == run,
        "an unbroken run of events up to the newest",
        f"{reader.entry.name} got {len(got)} events with gaps between",
        reader.entry,
    )


@sides
@case("RPL-11", exclusive="times")
async def events_that_grew_too_old_are_gone(probe: Probe, side: Side) -> None:
    """Waits for twice the claimed age: START must begin with younger events."""
    claimed = probe.capabilities.replay_s
    if claimed is None or claimed > _BRIEF_S:
        raise NotOffered(f"replay_s: expected at most {_BRIEF_S:g} s to be tested, got {claimed}")
    channel = ReplayChannel(probe, side)
    old = await channel.publish(3)
    # A store may drop what is old only now and then.
    await outlive(probe, "replay_s", 2 * claimed + 0.5)
    reader = await channel.subscribe(START)
    await reader.receive(*await channel.publish(1))
    probe.expect(
        not reader.heard(old),
        f"events older than twice replay_s={claimed:g} to be gone",
        f"{reader.entry.name} got some of them since START",
        reader.entry,
    )


@sides
@case("RPL-11", implicates=LOST | {"cursor-refused"})
async def busy_channel_takes_nothing_from_another(probe: Probe, side: Side) -> None:
    """Publishes very much to one channel: the few events of another one must stay."""
    quiet, busy = ReplayChannel(probe, side), ReplayChannel(probe, side)
    events = await quiet.publish(3)
    reader = await quiet.subscribe(START)
    await reader.receive(*events)
    cursor = reader.entry.deliveries[0].cursor
    await reader.leave()
    await busy.fill(2 * history_size(probe) + 10)
    start = await quiet.subscribe(START)
    await start.receive(*events)
    if isinstance(cursor, str):
        await quiet.resume(cursor, *events[1:])


@sides
@case("RPL-12", implicates=WRONG)
async def each_reader_has_its_own_position(probe: Probe, side: Side) -> None:
    """Replays one channel by several readers in turn: each must get all from its own position."""
    channel = ReplayChannel(probe, side)
    events = await channel.publish(20)
    readers = [await channel.subscribe(START) for _ in range(3)]
    for number in range(20):
        for reader in readers[: 1 + number % 3]:
            await reader.read(1)
    # A history that is shorter brings less; what was to come is waited for below.
    middle = readers[0].entry.deliveries[9:10]
    cursor = middle[0].cursor if middle else None
    if isinstance(cursor, str):
        readers.append(await channel.subscribe(cursor))
        await readers[-1].receive(*events[10:])
    await readers[1].leave()
    del readers[1]
    await readers[0].receive(*events)
    await readers[1].receive(*events)
    await probe.fence(*readers)


@sides
@case("RPL-12", implicates=WRONG)
async def replay_that_stands_still_delays_nobody(probe: Probe, side: Side) -> None:
    """Leaves a replay unread: other readers and publishers must go on."""
    channel, other = ReplayChannel(probe, side), ReplayChannel(probe, side)
    history = await channel.publish(min(200, history_size(probe) // 2))
    stalled = await channel.subscribe(START)
    live = await other.subscribe(START)
    for _ in range(3):
        beside = await channel.subscribe(START)
        new = await channel.publish(4)
        await beside.receive(*history[-3:], *new)
        await live.receive(*await other.publish(4))
        await beside.leave()
    await stalled.receive(*published(probe)[: len(history)])
