"""RPL: begins subscriptions in the past, which must get the rest, once and in order."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._replay import LOST, WRONG, ReplayChannel, published, sides
from eventhook_conformance.cases._steps import either, every_kind, yields
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import LIVE, START, EventPattern, Since
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case

_CURSORS: Final[frozenset[ViolationKind]] = frozenset({"cursor-malformed", "cursor-reused"})


@sides
@either
@case("RPL-01", implicates=_CURSORS)
async def every_delivery_has_a_cursor_of_its_own(probe: Probe, side: Side, via: Via) -> None:
    """Reads events of several publishers, live and replayed: each must have a cursor of its own."""
    channel = ReplayChannel(probe, side)
    live = await channel.subscribe(LIVE)
    await probe.reach(live, via=via)
    for through in ("same", via):
        await probe.burst([channel.events(8) for _ in range(3)], via=through)
        await probe.fence(live)
    replay = await channel.subscribe(START, via)
    await replay.receive(*live.received)
    cursor = live.entry.deliveries[0].cursor
    if isinstance(cursor, str):
        await channel.resume(cursor, *live.received[1:], via=via)


@sides
@case("RPL-01", implicates=_CURSORS)
async def cursors_differ_for_events_that_are_alike(probe: Probe, side: Side) -> None:
    """Reads events that differ in id or time only: their cursors must differ."""
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    for _ in range(3):
        events = await channel.publish(min(10, channel.capacity))
        await reader.receive(*events)
    await probe.fence(reader)


@sides
@case("RPL-01", implicates=_CURSORS)
async def cursor_stays_until_the_next_event_is_read(probe: Probe, side: Side) -> None:
    """Waits for a read, and cancels it: the cursor must not change."""
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    for count in (1, 2):
        await reader.receive(*await channel.publish(count))
        last = reader.cursor
        await reader.wait_reading()
        waiting = reader.subscription.cursor
        await reader.cancel_read()
        for when, now in (("waits", waiting), ("was cancelled", reader.subscription.cursor)):
            probe.expect(
                now == last,
                f"the cursor to stay {last!r:.80} while a read {when}",
                f"it became {now!r:.80}",
                reader.entry,
            )


@sides
@case("RPL-01", "RPL-03", implicates=_CURSORS | {"after-leaving", "ended"})
async def leaving_ends_what_is_replayed(probe: Probe, side: Side) -> None:
    """Leaves with history unread: nothing of it may come, and the cursor stays where the reader stood."""
    channel = ReplayChannel(probe, side)
    events = await channel.publish(5)
    for count in (1, 3):
        reader = await channel.subscribe(START)
        await reader.receive(*events[:count])
        last = reader.cursor
        await reader.leave()
        for when in ("left", "read after leaving"):
            now = reader.subscription.cursor
            probe.expect(
                now == last,
                "the cursor after the last event that was read",
                f"{now!r} once it was {when}, after {last!r}",
                reader.entry,
            )
            await reader.read_late()
        await channel.resume(last, *events[count:])


@sides
@either
@case("RPL-01", "RPL-12", implicates=_CURSORS)
async def cursor_is_its_own_readers(probe: Probe, side: Side, via: Via) -> None:
    """Reads one channel by two readers at different places: neither may move the other's cursor."""
    channel = ReplayChannel(probe, side)
    events = await channel.publish(6)
    slow, fast = await channel.subscribe(START), await channel.subscribe(START, via)
    await slow.receive(*events[:2])
    last = slow.cursor
    for start in (0, 3):
        await fast.receive(*events[start : start + 3])
        now = slow.subscription.cursor
        probe.expect(
            now == last,
            f"the cursor to stay {last!r:.80} while another reader reads",
            f"it became {now!r:.80}",
            slow.entry,
        )
    await slow.receive(*events[2:])


@sides
@either
@case("RPL-02", implicates=WRONG)
async def since_each_cursor_the_rest_comes(probe: Probe, side: Side, via: Via) -> None:
    """Resumes at each cursor of a channel of two publishers: exactly the rest must come."""
    channel = ReplayChannel(probe, side)
    await channel.publish(5)
    await channel.publish(4, via)
    await channel.publish(3)
    reader = await channel.subscribe(START)
    await reader.receive(*published(probe))
    for place, delivery in enumerate(list(reader.entry.deliveries)):
        if isinstance(delivery.cursor, str):
            rest = await channel.resume(delivery.cursor, *reader.received[place + 1 :], via=via)
            await rest.leave()
            await reader.receive(*published(probe))


@sides
@either
@case("RPL-02", implicates=WRONG)
async def reader_that_comes_back_misses_nothing(probe: Probe, side: Side, via: Via) -> None:
    """Leaves and resumes again and again while others publish: no event may be lost or repeated."""
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(LIVE)
    await probe.reach(reader, via=via)
    for away in (0, 1, 3, 7, 2):
        events = await channel.publish(3, via)
        await reader.receive(*events[:2])
        cursor = reader.cursor
        await reader.leave()
        missed = await channel.publish(away, via)
        reader = await channel.subscribe(cursor, via if away % 2 else "same")
        await reader.receive(*events[2:], *missed)
    await probe.fence(reader)


@sides
@case("RPL-02", implicates=WRONG)
async def since_the_newest_cursor_only_what_is_new_comes(probe: Probe, side: Side) -> None:
    """Resumes at the newest cursor: only new events may come."""
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    for _ in range(3):
        events = await channel.publish(4)
        await reader.receive(*events)
        again = await channel.subscribe(reader.cursor)
        new = await channel.publish(2)
        await again.receive(*new)
        await reader.receive(*new)
    await probe.fence(reader, again)


@sides
@either
@case("RPL-03", implicates=LOST | {"reordered", "order-changed"})
async def start_delivers_history_then_live(probe: Probe, side: Side, via: Via) -> None:
    """Begins at the start of a history of none, one and many: it must come, then what is live."""
    for count in (0, 1, 40):
        channel = ReplayChannel(probe, side)
        history = await channel.publish(count, via)
        reader = await channel.subscribe(START)
        late = await channel.subscribe(START, via)
        await reader.receive(*history)
        live = await channel.publish(5, via)
        await reader.receive(*live)
        await late.receive(*history, *live)
        await probe.fence(reader, late)


@sides
@case("RPL-03", needs={"in_process": (True,)}, implicates=WRONG)
async def cancelled_reads_of_history_lose_nothing(probe: Probe, side: Side) -> None:
    """Cancels reads of the history at every step: no event may be lost."""
    channel = ReplayChannel(probe, side)
    events = await channel.publish(12)
    reader = await channel.subscribe(START)
    for turns in (0, 1, 2, 3, 5, 8, 0, 1):
        reader.start_reading()
        await yields(turns)
        await reader.cancel_read()
    await reader.receive(*events)
    await probe.fence(reader)


@sides
@either
@case("RPL-05", implicates=WRONG | {"cursor-changed", "altered", "phantom"})
async def every_replay_of_a_range_is_the_same(probe: Probe, side: Side, via: Via) -> None:
    """Replays a range by several readers: each must get the same events as the live reader."""
    channel = ReplayChannel(probe, side)
    live = await channel.subscribe(LIVE)
    await probe.reach(live, via=via)
    for through in (via, "same"):
        await probe.burst([channel.events(6) for _ in range(4)], via=through)
        await probe.fence(live)
    events = live.received
    middle = live.entry.deliveries[len(events) // 2].cursor
    begins: list[Since] = [START, START, *([middle, middle] if isinstance(middle, str) else [])]
    for since in begins:
        replay = await channel.subscribe(since, via)
        await replay.receive(*(events if since is START else events[len(events) // 2 + 1 :]))
        await probe.fence(replay, live)


@either
@case("RPL-06", needs={"replay": ("events",)}, implicates=WRONG | {"unmatched", "cursor-changed"})
async def filters_select_the_same_in_replay(probe: Probe, via: Via) -> None:
    """Replays with every kind of filter: it must select the same events as live."""
    tenant, workflow, task = probe.make.tenant(), probe.make.tenant(), probe.make.tenant()
    like = probe.make.event(tenant, "task.step.done", workflow=workflow, task=task)
    patterns = [*every_kind(tenant, like), EventPattern.by_type(tenant, "workflow")]
    live = [await probe.subscribe(pattern) for pattern in patterns]
    await probe.reach(*live, via=via)
    for number in range(24):
        event = probe.make.event(
            tenant,
            ("task.step.done", "task.step", "workflow.started", "taskx.step")[number % 4],
            workflow=workflow if number % 3 else None,
            task=task if number % 2 else None,
            source="suite" if number % 5 else "other",
        )
        await probe.publish(event, via=via)
    await probe.fence(*live)
    for one in live:
        pattern = one.entry.selects
        replay = await probe.subscribe(pattern, via, since=START)
        await replay.receive(*one.received)
        await replay.leave()
        for place in {0, len(one.received) // 2}:
            cursor = one.entry.deliveries[place].cursor
            if isinstance(cursor, str):
                for asked in (pattern, EventPattern.all(tenant)):
                    rest = await probe.subscribe(asked, via, since=cursor)
                    await rest.receive(*one.received[place + 1 :])
                    await rest.leave()


@sides
@case("RPL-06", implicates=WRONG | {"cursor-changed"})
async def purge_moves_no_reader_of_another(probe: Probe, side: Side) -> None:
    """Purges a channel: its readers go on live, and those of other channels must not be affected."""
    purged, other = ReplayChannel(probe, side), ReplayChannel(probe, side)
    before = await purged.publish(6)
    events = await other.publish(6)
    # Newer than all that the other one holds.
    before += await purged.publish(2)
    active = await purged.subscribe(LIVE)
    midway, whole = await other.subscribe(START), await other.subscribe(START)
    await midway.receive(*events[:3])
    cursor = midway.cursor
    await probe.purge(purged.selects)
    await midway.receive(*events[3:])
    await other.resume(cursor, *events[3:])
    await whole.receive(*events)
    await active.receive(*await purged.publish(2))
    after = await purged.subscribe(START)
    await after.receive(*await purged.publish(2))
    await probe.fence(active, midway, whole, after)
    probe.expect(
        not after.heard(before),
        "what was purged to be forgotten",
        f"{after.entry.name} got some of it since START",
        after.entry,
    )
