"""Finds events of one run among those of another that ran at the same time (LIF-11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.contract.json_value import json_equal
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.scenario import Ids
from eventhook_conformance.sequences.twins import Streams, Twin, twin_in


@dataclass(frozen=True)
class Observed:
    """One run, and the events that readers of its tenant and its streams got."""

    ids: Ids
    events: Sequence[FlovynEvent]
    streams: Streams

    own: frozenset[str] = field(init=False)
    """The ids of its workflows and tasks, as text."""

    def __post_init__(self) -> None:
        known = (*self.ids.workflows.values(), *self.ids.tasks.values())
        object.__setattr__(self, "own", frozenset(map(str, known)))


def check_strays(runs: Sequence[Observed]) -> Iterator[tuple[int, SequenceViolation]]:
    """Finds events of another run that a run's readers got; yields the number of the readers' run.

    Args:
        runs: each of a tenant of its own.
    """
    for number, run in enumerate(runs):
        others = [other for other in runs if other is not run]
        for event in run.events:
            found = _named_in(event.data) | _ids_of(event)
            for other in others:
                if theirs := found & other.own:
                    yield number, _stray(theirs, other, f"{event.event_type} of it", run, event)
        for stream in run.streams.values():
            for published in stream:
                yield from ((number, one) for one in _check_streamed(published, run, others))


def _check_streamed(
    event: StreamEvent, run: Observed, others: Sequence[Observed]
) -> Iterator[SequenceViolation]:
    twin = twin_in(event)
    what = "a piece of its output" if twin is None else f"the older {twin.older} of it"
    found = {event.task_execution_id} | (set() if twin is None else _named_in(twin.data))
    # A snapshot that names nothing, such as a value of the state, is known by what it equals.
    nameless = twin is not None and not found & run.own
    if nameless and twin is not None and any(_tells(twin, one) for one in run.events):
        nameless = False
    for other in others:
        theirs = found & other.own
        if not theirs and nameless and twin is not None:
            equal = (one for one in other.events if _tells(twin, one))
            theirs = {str(one.workflow_execution_id) for one in equal} & other.own
        if theirs:
            yield _stray(theirs, other, what, run, event)


def _stray(
    theirs: frozenset[str] | set[str],
    other: Observed,
    what: str,
    run: Observed,
    event: FlovynEvent | StreamEvent,
) -> SequenceViolation:
    return SequenceViolation(
        "stray",
        ("LIF-11",),
        f"nothing of {sorted(theirs)} but for its own tenant, {other.ids.tenant}",
        f"{what} came to {run.ids.tenant}",
        (event,),
    )


def _ids_of(event: FlovynEvent) -> frozenset[str]:
    ids = (event.workflow_execution_id, event.task_execution_id)
    return frozenset(str(one) for one in ids if one is not None)


def _named_in(data: Any) -> frozenset[str]:
    values = data.values() if isinstance(data, dict) else ()
    return frozenset(value.lower() for value in values if isinstance(value, str))


def _tells(twin: Twin, event: FlovynEvent) -> bool:
    return (
        event.event_type in twin.types
        and twin.timestamp_ms == event.timestamp_ms
        and json_equal(twin.data, event.data)
    )
