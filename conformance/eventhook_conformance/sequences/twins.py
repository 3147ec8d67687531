"""Compares the older form of each event, on the stream side, with the event itself (LIF-04)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.contract.json_value import json_equal
from eventhook_conformance.sequences.finding import FindingKind, SequenceViolation
from eventhook_conformance.sequences.matching import Match
from eventhook_conformance.sequences.scenario import types_by_older_name

Streams = Mapping[str, Sequence[StreamEvent]]
"""By key, what was read of that stream, in order of arrival."""


@dataclass(frozen=True)
class Twin:
    """A lifecycle event in its older form."""

    event: StreamEvent
    older: str
    data: Any
    timestamp_ms: int
    told_ms: Any = None
    """As its payload has it; None where it has none."""

    @property
    def types(self) -> frozenset[str]:
        """The event types that its name may stand for."""
        return types_by_older_name().get(self.older, frozenset())


def twin_in(event: StreamEvent) -> Twin | None:
    """Returns the lifecycle event that a stream event is the older form of; None if it is output."""
    if event.event_type is not StreamEventType.DATA:
        return None
    payload = _parsed(event.payload)
    if payload is None:
        return None
    older, time = payload.get("event"), payload.get("timestampMs")
    return Twin(
        event,
        older if isinstance(older, str) else "",
        payload.get("data"),
        time if isinstance(time, int) else event.timestamp_ms,
        time,
    )


@lru_cache(maxsize=4096)
def _parsed(payload: str) -> dict[str, Any] | None:
    """Returns the payload of an older form; kept, since each is looked at several times."""
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("type") == "Event" else None


def check_twins(
    found: Match, streams: Streams, *, whole: bool = False
) -> Iterator[SequenceViolation]:
    """Finds errors in the older forms on the streams that were read.

    Args:
        found: the events of the bus.
        streams: of the workflows, and tasks without one, whose ids were known at `prepare`.
        whole: all streams there are were read, from before anything was published.
    """
    left = [twin for its in streams.values() for event in its if (twin := twin_in(event))]
    optional = set() if whole else {one.label for one in found.scenario.events if one.optional}
    maybe = {found.found[label] for label in optional & found.found.keys()}
    asked = [
        place
        for place, event in enumerate(found.seen)
        if place not in found.repeated and (whole or _key(event) in streams)
    ]
    # Those that fit exactly go first: else an event without a twin would take that of another.
    twins = {place: twin for place in asked if (twin := _take(found.seen[place], left, _fits))}
    for place in asked:
        if place not in twins and (twin := _take(found.seen[place], left, _resembles)):
            twins[place] = twin
    taken = list(twins.values())
    for place in asked:
        event = found.seen[place]
        if place in twins:
            yield from _compare(event, twins[place], exact=whole)
        elif place not in maybe:
            yield _finding(
                "twin-missing",
                f"the older form of {event.event_type} on the stream {_key(event)}",
                "it never came",
                event,
            )
    for twin in left:
        again = any(twin.older == one.older and _alike(twin, one) for one in taken)
        kind: FindingKind = "twin-repeated" if again else "twin-alone"
        yield _finding(
            kind,
            f"{twin.older} exactly once on the stream" if again else f"an event for {twin.older}",
            "it came again" if again else "the older form came without it",
            twin.event,
        )


def _likeness(event: FlovynEvent, twin: Twin) -> tuple[bool, bool, bool, bool]:
    return (
        event.event_type in twin.types,
        twin.timestamp_ms == event.timestamp_ms,
        twin.event.task_execution_id == _task(event),
        json_equal(twin.data, event.data),
    )


def _fits(event: FlovynEvent, twin: Twin) -> bool:
    return (
        event.event_type in twin.types
        and twin.timestamp_ms == event.timestamp_ms
        and twin.event.task_execution_id == _task(event)
        and json_equal(twin.data, event.data)
    )


def _resembles(event: FlovynEvent, twin: Twin) -> bool:
    return event.event_type in twin.types or (
        twin.timestamp_ms == event.timestamp_ms and json_equal(twin.data, event.data)
    )


def _take(
    event: FlovynEvent, left: list[Twin], admits: Callable[[FlovynEvent, Twin], bool]
) -> Twin | None:
    """Removes and returns the most similar older form on the event's stream, among those admitted."""
    key = _key(event)
    candidates = [
        twin for twin in left if twin.event.workflow_execution_id == key and admits(event, twin)
    ]
    if len(candidates) > 1:
        candidates.sort(key=lambda twin: _likeness(event, twin), reverse=True)
    if not candidates:
        return None
    left.remove(candidates[0])
    return candidates[0]


def _compare(event: FlovynEvent, twin: Twin, *, exact: bool) -> Iterator[SequenceViolation]:
    if event.event_type not in twin.types:
        right = " or ".join(sorted(twin.types)) or "nothing: there is no such older name"
        yield _finding(
            "twin-named", f"{twin.older} to be {right}", event.event_type, event, twin.event
        )
    members = {
        "data": (event.data, twin.data),
        # Specification 1.0 does not ask that the payload has a time.
        "timestampMs": (event.timestamp_ms, twin.told_ms if exact else twin.timestamp_ms),
        "the stream event's timestamp_ms": (event.timestamp_ms, twin.event.timestamp_ms),
        "task_execution_id": (_task(event), twin.event.task_execution_id),
        "sequence": (0, twin.event.sequence),
    }
    for name, (wanted, seen) in members.items():
        if not json_equal(wanted, seen):
            yield _finding(
                "twin-differs",
                f"the older form of {event.event_type} with {name} = {wanted!r:.160}",
                f"{seen!r:.160}",
                event,
                twin.event,
            )


def _alike(one: Twin, other: Twin) -> bool:
    return one.timestamp_ms == other.timestamp_ms and json_equal(one.data, other.data)


def _key(event: FlovynEvent) -> str:
    return str(event.workflow_execution_id or event.task_execution_id)


def _task(event: FlovynEvent) -> str:
    return "" if event.task_execution_id is None else str(event.task_execution_id)


def _finding(
    kind: FindingKind, expected: str, seen: str, *events: FlovynEvent | StreamEvent
) -> SequenceViolation:
    return SequenceViolation(kind, ("LIF-04",), expected, seen, events)
