"""RPL: compares replayed events with the published ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from eventhook_conformance.cases._event_values import TEXTS, TIMES, VALUES
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._replay import LOST, WRONG, ReplayChannel, history_size, sides
from eventhook_conformance.cases._steps import either
from eventhook_conformance.cases._stream_values import PAYLOADS
from eventhook_conformance.cases._vectors import replayed_tables
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import (
    START,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    PublishError,
    Since,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case

_EXACT: Final[frozenset[ViolationKind]] = LOST | {"altered", "phantom", "cursor-changed"}
_FILTERED: Final[frozenset[ViolationKind]] = WRONG | {"unmatched", "cursor-changed"}
_ENVELOPE: Final = 2048
"""Bytes reserved for the rest of an event."""
_TYPES: Final = tuple(StreamEventType)
_LARGE: Final = 60_000
_LARGE_ONES: Final = 40


@sides
@case("RPL-05", implicates=_EXACT)
async def history_gives_every_value_as_it_came(probe: Probe, side: Side) -> None:
    """Replays every kind of data, text and time, and the largest event: each must come unchanged."""
    values = _events(probe) if side == "events" else _stream_events(probe)
    size = max(2, min(history_size(probe) // 2, len(values)))
    channels = (_replay(probe, side, values[at : at + size]) for at in range(0, len(values), size))
    await side_by_side(probe, channels, each=2)


async def _replay(probe: Probe, side: Side, values: Sequence[Event]) -> None:
    channel = ReplayChannel(probe, side)
    events = [_of(channel, value) for value in values]
    for event in events:
        await probe.publish(event)
    reader = await channel.subscribe(START)
    await reader.receive(*events)
    cursor = reader.entry.deliveries[0].cursor
    if isinstance(cursor, str):
        await channel.resume(cursor, *events[1:])


@sides
@either
@case("RPL-05", implicates=_EXACT)
async def history_keeps_each_of_equal_events(probe: Probe, side: Side, via: Via) -> None:
    """Publishes one event again, and others of its id or sequence: the history must keep each."""
    channel = ReplayChannel(probe, side)
    first, second = channel.events(2)
    if isinstance(first, FlovynEvent):
        alike: Event = msgspec.structs.replace(first, data={"n": 2})
    else:
        alike = msgspec.structs.replace(first, payload=f"{first.payload} again")
    events = [first, first, second, alike]
    for number, event in enumerate(events):
        await probe.publish(event, via=via if number % 2 else "same")
    reader = await channel.subscribe(START)
    await reader.receive(*events)
    await probe.fence(reader)


@sides
@case("RPL-05", implicates=_EXACT | {"refused-seen"})
async def history_keeps_nothing_that_was_refused(probe: Probe, side: Side) -> None:
    """Publishes events that are refused between others: the history must have the others alone."""
    channel = ReplayChannel(probe, side)
    most = probe.capabilities.max_event_bytes
    events: list[Event] = []
    for number in range(3):
        events += await channel.publish(1)
        wrong = channel.event()
        if isinstance(wrong, FlovynEvent):
            wrong = msgspec.structs.replace(
                wrong, **({"event_type": "order.>"} if number else {"data": "x" * (most + 1)})
            )
        else:
            wrong = msgspec.structs.replace(
                wrong, **({"sequence": 2**53 + number} if number else {"payload": "x" * (most + 1)})
            )
        # One that is larger than is claimed may be carried all the same.
        await probe.refuse(wrong, InvalidEvent, PublishError, unless_delivered=number == 0)
    reader = await channel.subscribe(START)
    await reader.receive(*events)
    cursor = reader.entry.deliveries[0].cursor
    if isinstance(cursor, str):
        await channel.resume(cursor, *events[1:])


def _of(channel: ReplayChannel, value: Event) -> Event:
    """Returns a copy of the event for this channel."""
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, FlovynEvent):
        return FlovynEvent(**fields | {"tenant_id": channel.tenant})
    return StreamEvent(**fields | {"workflow_execution_id": channel.selects})


def _events(probe: Probe) -> list[Event]:
    tenant, make = probe.make.tenant(), probe.make.event
    most = probe.capabilities.max_event_bytes
    texts = [text for some in TEXTS.values() for text in some]
    events = [
        *(make(tenant, data=value) for values in VALUES.values() for value in values),
        *(make(tenant, data={text: text}, source=text, correlation_id=text) for text in texts),
        *(make(tenant, timestamp_ms=time) for time in TIMES),
        *(make(tenant, kind) for kind in ("Task.CREATED", "a." + "b" * 253, "_a-b.C")),
        make(tenant, source=" blanks ", correlation_id="\ttab\r\n"),
        make(tenant, data="x" * (most - _ENVELOPE)),
    ]
    return [one for one in events if len(one.to_json()) <= most]


def _stream_events(probe: Probe) -> list[Event]:
    key, make = probe.make.key(), probe.make.stream_event
    most = probe.capabilities.max_event_bytes
    texts = [*PAYLOADS, *(text for some in TEXTS.values() for text in some)]
    texts.append("x" * (most - _ENVELOPE))
    events = [
        make(key, text, _TYPES[place % len(_TYPES)], task=("", "007", " ", "Ä")[place % 4])
        for place, text in enumerate(texts)
    ]
    events += [make(key, sequence=number) for number in (-1, 2**53 - 1, -(2**53) + 1, 2**31)]
    return [one for one in events if len(one.to_json()) <= most]


@case("RPL-06", needs={"replay": ("events",)}, implicates=_FILTERED, subscriptions=22)
async def whole_decision_table_holds_in_replay(probe: Probe) -> None:
    """Replays the whole decision table: each pattern must select the same events as live."""
    # Each of those beside each other hears the fences of all.
    most = probe.capabilities.event_capacity // 2
    for patterns, events in replayed_tables(probe, history_size(probe)):
        await probe.publish(*events)
        whole = await probe.subscribe(EventPattern.all(patterns[0].tenant_id), since=START)
        await whole.receive(*events)
        middle = len(events) // 2
        cursor = whole.entry.deliveries[middle].cursor
        await side_by_side(probe, _replays(probe, patterns, events, START), most=most)
        if isinstance(cursor, str):
            # Its event is one that most of them do not select.
            rest = _replays(probe, patterns, events[middle + 1 :], cursor)
            await side_by_side(probe, rest, most=most)
        await whole.leave()


def _replays(
    probe: Probe, patterns: Sequence[EventPattern], events: Sequence[Event], since: Since
) -> Iterator[Any]:
    for pattern in patterns:
        yield _replay_of(probe, pattern, events, since)


async def _replay_of(
    probe: Probe, pattern: EventPattern, events: Sequence[Event], since: Since
) -> None:
    listener = await probe.subscribe(pattern, since=since)
    await listener.receive(
        *(event for event in events if isinstance(event, FlovynEvent) and pattern.matches(event))
    )
    await probe.fence(listener)
    await listener.leave()


@either
@case("RPL-10", "RPL-06", needs={"replay": ("events",)}, implicates=_FILTERED)
async def rare_events_are_found_throughout_the_history(probe: Probe, via: Via) -> None:
    """Replays with a filter that selects a few of many events: exactly these must come."""
    size = history_size(probe)
    channel = ReplayChannel(probe, "events")
    rare = [probe.make.event(channel.tenant, "rare.found") for _ in range(4)]
    for event in rare[:3]:
        await probe.publish(event, via=via)
        await channel.fill(max(0, (size - len(rare)) // 3), via)
    await probe.publish(rare[3], via=via)
    pattern = EventPattern.by_type(channel.tenant, "rare")
    reader = await probe.subscribe(pattern, since=START)
    await reader.receive(*rare)
    for place, delivery in enumerate(list(reader.entry.deliveries)):
        if isinstance(delivery.cursor, str):
            rest = await probe.subscribe(pattern, since=delivery.cursor)
            await rest.receive(*rare[place + 1 :])
            await probe.fence(rest)
            await rest.leave()


@either
@case("RPL-04", "RPL-06", needs={"replay": ("events",)}, implicates=_FILTERED)
async def filtered_history_hands_over(probe: Probe, via: Via) -> None:
    """Publishes before any of a filtered history is read: exactly the selected events must come."""
    live = min(12, probe.capabilities.event_capacity)
    for length in (0, 1, 12, 40):
        tenant, kinds = (
            probe.make.tenant(),
            ("task.created", "order.paid", "task.a.b", "taskx.created"),
        )
        made = [probe.make.event(tenant, kinds[place % 4]) for place in range(length + live)]
        for event in made[:length]:
            await probe.publish(event, via=via)
        patterns = [EventPattern.by_type(tenant, "task"), EventPattern.all(tenant)]
        readers = [await probe.subscribe(pattern, since=START) for pattern in patterns]
        await probe.publish(*made[length:], via=via)
        for pattern, reader in zip(patterns, readers, strict=True):
            await reader.receive(*(event for event in made if pattern.matches(event)))
        await probe.fence(*readers)
        for reader in readers:
            await reader.leave()


@sides
@case("RPL-10", implicates=LOST)
async def large_events_take_no_more_of_the_history(probe: Probe, side: Side) -> None:
    """Fills a history with 2 MB of large events, fewer than claimed: all must be reachable."""
    channel, size = ReplayChannel(probe, side), probe.capabilities.max_event_bytes
    count = max(1, min(_LARGE_ONES, history_size(probe) // 2))
    text = "x" * min(_LARGE, size // 2)
    events: list[Event] = []
    for number in range(count):
        if isinstance(channel.selects, str):
            events.append(probe.make.stream_event(channel.selects, f"{number}{text}"))
        else:
            events.append(probe.make.event(channel.tenant, data=f"{number}{text}"))
    await probe.publish(*events)
    reader = await channel.subscribe(START)
    await reader.receive(*events)
