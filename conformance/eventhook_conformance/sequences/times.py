"""LIF-05: times are milliseconds, and never run backwards along a causal chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.matching import Match
from eventhook_conformance.sequences.picture import named

_YEAR_MS: Final = 366 * 24 * 3600 * 1000


def check_times(found: Match, now_ms: int) -> Iterator[SequenceViolation]:
    """Finds errors in the times of the events that were found.

    Args:
        found: the events.
        now_ms: about when they were published; a time a year off is in another unit.
    """
    due: dict[object, int] = {}
    for label in found.found:
        event = found.event(label)
        for member, value in _times(event):
            if abs(value - now_ms) > _YEAR_MS:
                yield SequenceViolation(
                    "time",
                    ("LIF-05",),
                    f"{label} with {member} in milliseconds since the epoch, near {now_ms}",
                    str(value),
                    (event,),
                )
            if member == "data.fireAtMs" and event.event_type == "timer.started":
                due[event.data.get("timerId")] = value
    yield from _check_timers(found, due)
    if found.scenario.exact:
        yield from _check_delays(found)
    for first, second in found.edges():
        a, b = found.event(first.label), found.event(second.label)
        if a.timestamp_ms > b.timestamp_ms:
            yield SequenceViolation(
                "time",
                ("LIF-05",),
                f"{named(second)} stamped no earlier than {named(first)}, its cause",
                f"it is stamped {a.timestamp_ms - b.timestamp_ms} ms earlier",
                (a, b),
            )


def _check_timers(found: Match, due: dict[object, int]) -> Iterator[SequenceViolation]:
    for label in found.found:
        event = found.event(label)
        if event.event_type != "timer.fired" or not isinstance(event.data, dict):
            continue
        fire_at_ms = due.get(event.data.get("timerId"))
        if fire_at_ms is not None and event.timestamp_ms < fire_at_ms:
            yield SequenceViolation(
                "time",
                ("LIF-05",),
                f"{label} not before its time, {fire_at_ms}",
                f"it is stamped {event.timestamp_ms}",
                (event,),
            )


def _check_delays(found: Match) -> Iterator[SequenceViolation]:
    """Checks that a timer is due its delay after its start (LIF-14); half of it is left for clocks."""
    for expected in found.scenario.events:
        wanted = expected.snapshot.get("fireAtMs")
        if expected.type != "timer.started" or expected.label not in found.found:
            continue
        event = found.event(expected.label)
        due = event.data.get("fireAtMs") if isinstance(event.data, dict) else None
        if not isinstance(wanted, dict) or "due" not in wanted or not isinstance(due, int):
            continue
        delay = wanted["due"]["delayMs"]
        if abs(due - event.timestamp_ms - delay) > delay / 2:
            yield SequenceViolation(
                "time",
                ("LIF-14",),
                f"{named(expected)} with data.fireAtMs {delay} ms after it, {event.timestamp_ms + delay}",
                str(due),
                (event,),
            )


def _times(event: FlovynEvent) -> Iterator[tuple[str, int]]:
    yield "timestamp_ms", event.timestamp_ms
    fire_at: Any = event.data.get("fireAtMs") if isinstance(event.data, dict) else None
    if isinstance(fire_at, int) and not isinstance(fire_at, bool):
        yield "data.fireAtMs", fire_at
