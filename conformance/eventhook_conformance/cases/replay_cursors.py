"""RPL: uses wrong, foreign and old cursors, and the streams of ended workflows."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._counting import grown, swept, total
from eventhook_conformance.cases._replay import (
    LOST,
    WRONG,
    ReplayChannel,
    evicted_by,
    outlive,
    sides,
)
from eventhook_conformance.cases._steps import either
from eventhook_conformance.contract import START, CursorExpired, InvalidCursor
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.probe.failure import CaseAborted, describe
from eventhook_conformance.specification import case

_MALFORMED: Final = {
    "empty": "",
    "blank": " ",
    "a blank within": "12 13",
    "a line break": "12\n",
    "a tab": "\t12",
    "no ASCII": "１２",
    "a control character": "\x00",
    "too long": "9" * 257,
    "one too long": "a" * 257,
}
_MADE_UP: Final = {
    "words": "no-bus-gives-this-cursor",
    "punctuation": "~!{}[]|;'<>?",
    "a number beyond all": "9" * 40,
    "a negative number": "-17",
    "a path": "../../events",
    "a pattern": "*",
}


@sides
@case("RPL-09")
async def malformed_cursor_is_refused(probe: Probe, side: Side) -> None:
    """Subscribes with malformed cursors: each must be refused, and nothing delivered."""
    channel = ReplayChannel(probe, side)
    events = await channel.publish(3)
    for cursor in _MALFORMED.values():
        await probe.refuse_subscription(channel.selects, InvalidCursor, since=cursor)
    for cursor in _MADE_UP.values():
        await probe.refuse_subscription(channel.selects, InvalidCursor, since=cursor)
    reader = await channel.subscribe(START)
    await reader.receive(*events)
    await probe.fence(reader)
    cursor = reader.cursor
    for wrong in (f"{cursor} ", f" {cursor}", f"{cursor}\n", f"\t{cursor}", f"{cursor}\x00"):
        await probe.refuse_subscription(channel.selects, InvalidCursor, since=wrong)
    for altered in (cursor[:-1], cursor[1:], (cursor * 2)[:256], cursor.swapcase()):
        # Where positions are numbers, another's may be one too.
        listener = await probe.listener(channel.selects, since=altered)
        if await _answer(probe, listener) == "entered":
            await listener.leave()
    await channel.resume(cursor)


@case("RPL-09", exclusive="counts", needs={"introspection": (True,)})
async def refused_cursor_leaves_nothing_behind(probe: Probe) -> None:
    """Subscribes with a refused cursor again and again: no subscription may be left over."""
    side: Side = "events" if "events" in probe.capabilities.replay else "streams"
    client, channel = await probe.client(), ReplayChannel(probe, side)
    before = await swept(probe, client)
    for cursor in (*_MADE_UP.values(), *_MALFORMED.values()):
        await probe.refuse_subscription(channel.selects, InvalidCursor, since=cursor)
    after = await swept(probe, client)
    probe.expect(
        not grown(after, before),
        f"{total(before)} channels after subscriptions that were refused, as before them",
        f"{total(after)}",
    )


@sides
@either
@case("RPL-07", implicates={"leaked", "crossed", "phantom"})
async def cursor_of_another_channel_shows_nothing(probe: Probe, side: Side, via: Via) -> None:
    """Subscribes with a cursor of another channel: nothing of that channel may come."""
    mine, theirs = ReplayChannel(probe, side), ReplayChannel(probe, side)
    for _ in range(3):
        await theirs.publish(2)
        await mine.publish(1)
    reader = await theirs.subscribe(START, via)
    await probe.fence(reader)
    for delivery in reader.entry.deliveries[:4]:
        if isinstance(delivery.cursor, str):
            listener = await probe.listener(mine.selects, via, since=delivery.cursor)
            if await _answer(probe, listener) == "entered":
                await listener.receive(*await mine.publish(1))
                await listener.leave()


@sides
@case("RPL-07")
async def cursor_of_another_channel_does_not_tell_what_is_there(probe: Probe, side: Side) -> None:
    """Subscribes with another channel's cursor, before and after its event went: the result is the same."""
    limit = evicted_by(probe)
    mine, theirs = ReplayChannel(probe, side), ReplayChannel(probe, side)
    await mine.publish(1)
    reader = await theirs.subscribe(START)
    await reader.receive(*await theirs.publish(1))
    cursor = reader.cursor
    await reader.leave()
    there = await _answer(probe, await probe.listener(mine.selects, since=cursor))
    await theirs.fill(2 * limit + 66)
    gone = await _answer(probe, await probe.listener(mine.selects, since=cursor))
    probe.expect(
        there == gone,
        "one answer to a cursor of another channel",
        f"{there} while its event is there, {gone} when it is gone",
    )


async def _answer(probe: Probe, listener: Listener) -> str:
    """Returns how the bus takes a cursor of another channel."""
    try:
        await listener.enter()
    except (InvalidCursor, CursorExpired) as error:
        return type(error).__name__
    except Exception as error:  # because: whatever the target raises is a finding
        raise probe.aborted(
            "entering since another's cursor to raise InvalidCursor, or to succeed",
            f"it raised {describe(error)}",
            listener.entry,
        ) from error
    return "entered"


@pytest.mark.parametrize("via", ["same", "other"])
@case("RPL-07", needs={"replay": ("events",), "profiles": ("streams",)}, implicates={"crossed"})
async def cursor_of_the_other_side_shows_nothing(probe: Probe, via: Via) -> None:
    """Subscribes with a cursor of the other side's channel of the same name: nothing of it may come."""
    events = ReplayChannel(probe, "events")
    key = str(events.tenant)
    await events.publish(3)
    await probe.publish(probe.make.stream_event(key), probe.make.stream_event(key))
    reader = await events.subscribe(START, "same" if via == "same" else None)
    await probe.fence(reader)
    listener = await probe.listener(key, since=reader.cursor)
    if await _answer(probe, listener) == "entered":
        new = probe.make.stream_event(key)
        await probe.publish(new)
        await listener.receive(new)


@sides
@case("RPL-13", clients=1, needs={"multi_client": (True,)}, implicates=WRONG)
async def cursor_outlives_its_client_as_claimed(probe: Probe, side: Side) -> None:
    """Closes the client of a cursor: another client must resume at it, as claimed."""
    channel, first = ReplayChannel(probe, side), await probe.open_client()
    events = await channel.publish(3, first)
    reader = await channel.subscribe(START, first)
    await reader.receive(*events)
    cursor = reader.cursor
    await probe.close(first)
    missed = await channel.publish(2)
    listener = await probe.listener(channel.selects, since=cursor)
    if await _answer(probe, listener) == "entered":
        await listener.receive(*missed)
        await probe.fence(listener)


@sides
@case("RPL-13", implicates=WRONG)
async def cursor_stays_valid_while_channels_come_and_go(probe: Probe, side: Side) -> None:
    """Leaves, cleans up and subscribes again: a cursor must still stand for the same event."""
    channel = ReplayChannel(probe, side)
    reader = await channel.subscribe(START)
    events = await channel.publish(4)
    await reader.receive(*events[:2])
    cursor = reader.cursor
    await reader.leave()
    if probe.capabilities.introspection:
        client = await probe.client()
        await probe.returns(client.cleanup(probe.history), "cleanup")
    missed = await channel.publish(2)
    await channel.resume(cursor, *events[2:], *missed)


@sides
@either
@case("RPL-14", implicates=LOST)
async def acknowledged_event_is_in_the_history_at_once(probe: Probe, side: Side, via: Via) -> None:
    """Replays through another client right after publish returned: the event must come."""
    for _ in range(10):
        channel = ReplayChannel(probe, side)
        first = await channel.publish(1, via)
        reader = await channel.subscribe(START)
        await reader.receive(*first)
        cursor = reader.cursor
        await reader.leave()
        second = await channel.publish(1, via)
        again = await channel.subscribe(cursor)
        await again.receive(*second)
        await again.leave()


@sides
@case("RPL-14", clients=2, needs={"multi_client": (True,)}, implicates=LOST)
async def history_is_that_of_the_bus_and_of_no_client(probe: Probe, side: Side) -> None:
    """Closes the publisher, and replays through a newer client: the whole history must come."""
    channel, first = ReplayChannel(probe, side), await probe.open_client()
    events = await channel.publish(4, first)
    await probe.close(first)
    late = await probe.open_client()
    reader = await channel.subscribe(START, late)
    await reader.receive(*events)
    cursor = reader.entry.deliveries[1].cursor
    if isinstance(cursor, str):
        again = await channel.subscribe(cursor, late)
        await again.receive(*events[2:])


@case("RPL-15", implicates=WRONG)
async def history_stays_after_the_workflow_ended(probe: Probe) -> None:
    """Ends a workflow: within the grace its stream must replay in full, since every cursor."""
    for how in ("workflow.completed", "workflow.failed", "workflow.cancelled"):
        channel, reader, events = await _ended(probe, how)
        ended = probe.history.clock.now()
        try:
            start = await channel.subscribe(START)
            await start.receive(*events)
            await channel.resume(_after_two(reader), *events[2:])
        finally:
            now = probe.history.clock.now()
            if now.at_s - ended.at_s >= probe.capabilities.replay_grace_s:
                # This machine was too slow for the claim: the history may be gone.
                probe.history.purge("the bus, after the grace", str(channel.selects)).called = ended
        await reader.leave()
        await start.leave()


@case("RPL-15", implicates=WRONG, exclusive="times")
async def cursor_after_the_grace_is_no_silent_skip(probe: Probe) -> None:
    """Resumes after the grace: all must come, or the cursor must be refused, without waiting."""
    channel, reader, events = await _ended(probe, "workflow.completed")
    cursor = _after_two(reader)
    await reader.leave()
    entry = probe.history.purge("the bus, after the grace", str(channel.selects))
    await outlive(probe, "replay_grace_s", probe.capabilities.replay_grace_s)
    entry.returned = probe.history.clock.now()
    listener = await probe.listener(channel.selects, since=cursor)
    if await _answer(probe, listener) == "entered":
        await listener.receive(*events[2:])
    again = await channel.subscribe(START)
    await again.receive(*await channel.publish(1))


def _after_two(reader: Listener) -> str:
    """Returns the cursor after the second event, however many were read.

    Raises:
        CaseAborted: there is none; the checker says so.
    """
    cursor = reader.entry.deliveries[1].cursor
    if not isinstance(cursor, str):
        raise CaseAborted
    return cursor


async def _ended(probe: Probe, how: str) -> tuple[ReplayChannel, Listener, list[Event]]:
    """Returns the stream of an ended workflow, a reader that read two of its events, and all events."""
    channel = ReplayChannel(probe, "streams")
    workflow = channel.tenant
    channel.selects = str(workflow)
    reader = await channel.subscribe(START)
    events = await channel.publish(5)
    await reader.receive(*events[:2])
    if "events" in probe.capabilities.profiles:
        await probe.publish(probe.make.event(probe.make.tenant(), how, workflow=workflow))
    return channel, reader, events
