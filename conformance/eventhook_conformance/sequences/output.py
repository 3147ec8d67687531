"""Checks a task's output: it lies between the older forms of its start and its end (LIF-12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.scenario import Ids, Scenario
from eventhook_conformance.sequences.twins import Streams, twin_in

_YEAR_MS: Final = 366 * 24 * 3600 * 1000
_ENDS: Final = ("TASK_COMPLETED", "TASK_FAILED", "TASK_CANCELLED")


def check_output(scenario: Scenario, ids: Ids, streams: Streams) -> Iterator[SequenceViolation]:
    """Finds errors in the output of tasks on the streams that were read."""
    for label, task in scenario.tasks.items():
        workflow = ids.workflows.get(task["workflow"]) if task["workflow"] else None
        task_id = ids.tasks.get(label)
        key = str(workflow or task_id)
        if task_id is not None and key in streams:
            yield from _check_task(scenario, label, str(task_id), streams[key])


def _check_task(
    scenario: Scenario, label: str, task_id: str, stream: Sequence[StreamEvent]
) -> Iterator[SequenceViolation]:
    wanted = [(one.type, one.payload) for one in scenario.outputs if one.task == label]
    its = [event for event in stream if event.task_execution_id == task_id]
    names = [twin.older if (twin := twin_in(event)) else None for event in its]
    output = [event for event, name in zip(its, names, strict=True) if name is None]
    charge = ("LIF-12",) if scenario.tasks[label]["workflow"] else ("LIF-12", "LIF-09")
    seen = [(event.event_type.value, event.payload) for event in output]
    if seen != wanted:
        yield SequenceViolation(
            "output",
            charge,
            f"the output of {label}: {_shown(wanted)}",
            _shown(seen),
            tuple(output),
        )
    if not output:
        return
    started = names.index("TASK_STARTED") if "TASK_STARTED" in names else len(its)
    ends = [place for place, name in enumerate(names) if name in _ENDS]
    ended = ends[-1] if ends else len(its)
    if scenario.exact and started < len(its):
        yield from _check_unit(label, its[started], output)
    for place, name in enumerate(names):
        if name is None and not started < place < ended:
            where = "before the older TASK_STARTED" if place < started else "after the task's end"
            yield SequenceViolation(
                "output",
                charge,
                f"{_shown([(its[place].event_type.value, its[place].payload)])} of {label} "
                "between the older TASK_STARTED and the task's end",
                f"it came {where}",
                (its[place],),
            )


def _check_unit(
    label: str, started: StreamEvent, output: Sequence[StreamEvent]
) -> Iterator[SequenceViolation]:
    """Checks that output has its times in the unit that the task's start has (LIF-05)."""
    for event in output:
        if abs(event.timestamp_ms - started.timestamp_ms) > _YEAR_MS:
            yield SequenceViolation(
                "time",
                ("LIF-05",),
                f"output of {label} stamped in milliseconds, near {started.timestamp_ms}, its start",
                f"{event.timestamp_ms}",
                (started, event),
            )
            return


def _shown(output: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {payload!r}" for kind, payload in output) or "nothing"
