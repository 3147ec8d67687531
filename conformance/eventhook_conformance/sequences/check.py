"""Checks the events seen of a run against its scenario, by a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.matching import Match, match
from eventhook_conformance.sequences.members import check_members
from eventhook_conformance.sequences.picture import in_a_line, named
from eventhook_conformance.sequences.scenario import (
    ExpectedEvent,
    Ids,
    Scenario,
    snapshot_members,
)
from eventhook_conformance.sequences.snapshot_matcher import MISSING, Bindings, mismatch
from eventhook_conformance.sequences.times import check_times


def check(
    scenario: Scenario, ids: Ids, seen: Sequence[FlovynEvent], *, now_ms: int
) -> list[SequenceViolation]:
    """Finds all that is wrong with a run's events, each charged to its requirements.

    Args:
        scenario: what was played.
        ids: what its labels stand for in this run.
        seen: everything of the run's tenant, in order of arrival.
        now_ms: about when it was played; times a year off are in another unit.
    """
    return check_match(match(scenario, ids, seen), now_ms=now_ms)


def check_match(found: Match, *, now_ms: int) -> list[SequenceViolation]:
    """Checks as `check` does, for events that were matched already."""
    return [
        *_check_presence(found),
        *_check_order(found),
        *_check_filing(found),
        *_check_snapshots(found),
        *(check_members(found) if found.scenario.exact else ()),
        *check_times(found, now_ms),
    ]


def _check_presence(found: Match) -> Iterator[SequenceViolation]:
    """Checks that each event came once, and no other, and none after the end (LIF-01, LIF-02)."""
    for expected in found.missing:
        yield SequenceViolation(
            "missing",
            ("LIF-01", *_for_missing(expected)),
            f"{named(expected)}, caused by the step {expected.step!r}",
            f"it never came; in order: {in_a_line(found)}",
        )
    for place, label in found.repeated.items():
        yield SequenceViolation(
            "repeated",
            ("LIF-01",),
            f"{label} exactly once",
            f"it came again; in order: {in_a_line(found, {place})}",
            (found.seen[place],),
        )
    for place in found.extra:
        event = found.seen[place]
        yield SequenceViolation(
            "extra",
            ("LIF-02",),
            f"nothing but the events of {found.scenario.name}",
            f"{event.event_type} of {event.data!r:.120}; in order: {in_a_line(found, {place})}",
            (event,),
        )
    end = found.found.get(found.scenario.terminal)
    if end is not None and end < len(found.seen) - 1:
        yield SequenceViolation(
            "after-end",
            ("LIF-02",),
            f"nothing after {named(found.scenario.by_label(found.scenario.terminal))}",
            f"more came: {in_a_line(found, range(end + 1, len(found.seen)))}",
            tuple(found.seen[end:]),
        )


def _for_missing(expected: ExpectedEvent) -> tuple[str, ...]:
    if expected.type in ("workflow.suspended", "workflow.resumed"):
        return ("LIF-06",)
    return ("LIF-07",) if expected.category == "child_workflow" else ()


def _check_order(found: Match) -> Iterator[SequenceViolation]:
    """Checks the order, which causality allows (LIF-01); yields each edge that broke."""
    for first, second in found.edges():
        a, b = found.found[first.label], found.found[second.label]
        if a > b:
            yield SequenceViolation(
                "broken-edge",
                ("LIF-01",),
                f"{named(first)} before {named(second)}",
                f"the other way round; in order: {in_a_line(found, {a, b})}",
                (found.seen[b], found.seen[a]),
            )


def _check_filing(found: Match) -> Iterator[SequenceViolation]:
    """Checks tenant, workflow, task and source (LIF-03, LIF-07, LIF-09)."""
    scenario, ids = found.scenario, found.ids
    for label in [*scenario.workflows, *scenario.tasks]:
        known = ids.workflows if label in scenario.workflows else ids.tasks
        if label not in known:
            yield SequenceViolation(
                "unnamed", ("LIF-03",), f"the execution to tell the id of {label!r}", "it does not"
            )
    for expected in scenario.events:
        if expected.label not in found.found:
            continue
        event = found.event(expected.label)
        if event.tenant_id != ids.tenant:
            yield SequenceViolation(
                "misfiled",
                ("LIF-03",),
                f"{named(expected)} of tenant {ids.tenant}",
                f"it is of {event.tenant_id}",
                (event,),
            )
        if expected.label in found.misfiled:
            yield _misfiled(found, expected, event)
        if problem := _source_problem(scenario, expected, event):
            yield SequenceViolation(
                "source", ("LIF-03",), f"{named(expected)} {problem}", repr(event.source), (event,)
            )


def _misfiled(found: Match, expected: ExpectedEvent, event: FlovynEvent) -> SequenceViolation:
    scenario, ids = found.scenario, found.ids
    workflow = None if expected.workflow is None else ids.workflows.get(expected.workflow)
    task = None if expected.task is None else ids.tasks.get(expected.task)
    charge = ["LIF-03"]
    if expected.category == "child_workflow" or _is_child(scenario, expected):
        charge.append("LIF-07")
    if expected.workflow is None:
        charge.append("LIF-09")
    return SequenceViolation(
        "misfiled",
        tuple(charge),
        f"{named(expected)} with workflow {workflow} and task {task}",
        f"workflow {event.workflow_execution_id} and task {event.task_execution_id}",
        (event,),
    )


def _source_problem(scenario: Scenario, expected: ExpectedEvent, event: FlovynEvent) -> str | None:
    kind, colon, worker = event.source.partition(":")
    by_worker = kind == "worker" and colon == ":" and bool(worker)
    if not by_worker and event.source != "system":
        return "from `system` or `worker:<worker id>`"
    if expected.source == "system" and by_worker:
        return "from `system`"
    if by_worker and scenario.exact and worker != expected.worker:
        right = f"`worker:{expected.worker}`"
        return f"from {right if expected.source == 'worker' else f'`system` or {right}'}"
    if expected.source == "worker":
        if not by_worker:
            return "from `worker:<worker id>`"
        told = event.data.get("workerId") if isinstance(event.data, dict) else None
        if told is not None and told != worker:
            return f"from the worker that its snapshot names, {told!r}"
    return None


def _check_snapshots(found: Match) -> Iterator[SequenceViolation]:
    """Checks snapshots (LIF-03), and what a single member breaks (LIF-06 to LIF-09)."""
    bindings = Bindings(errors=frozenset(found.scenario.errors))
    for expected in found.scenario.events:
        if expected.label not in found.found:
            continue
        event = found.event(expected.label)
        if not isinstance(event.data, dict):
            yield SequenceViolation(
                "snapshot",
                ("LIF-03",),
                f"the snapshot of a {expected.category} as data of {named(expected)}",
                f"{event.data!r:.120}",
                (event,),
            )
            continue
        wanted: dict[str, Any] = {
            member: {"any": "value"} for member in snapshot_members()[expected.category][0]
        }
        for member, matcher in sorted({**wanted, **expected.snapshot}.items()):
            value = event.data.get(member, MISSING)
            right = mismatch(matcher, value, found.ids, bindings)
            if right is not None:
                seen = "no such member" if value is MISSING else f"{value!r:.120}"
                yield SequenceViolation(
                    "snapshot",
                    _for_member(found.scenario, expected, member),
                    f"{named(expected)} with data.{member} = {right}",
                    seen,
                    (event,),
                )


def _for_member(scenario: Scenario, expected: ExpectedEvent, member: str) -> tuple[str, ...]:
    charge = ["LIF-03"]
    if member == "suspendType":
        charge.append("LIF-06")
    if member in ("childWorkflowId", "parentWorkflowExecutionId") or (
        member == "id" and expected.category == "workflow" and _is_child(scenario, expected)
    ):
        charge.append("LIF-07")
    if (
        expected.category == "task"
        and scenario.retries
        and member in ("executionCount", "status", "maxRetries")
    ):
        charge.append("LIF-08")
    if scenario.exact and member in snapshot_members()[expected.category][1]:
        charge.append("LIF-14" if member == "fireAtMs" else "LIF-13")
    return tuple(charge)


def _is_child(scenario: Scenario, expected: ExpectedEvent) -> bool:
    workflow = expected.workflow
    return workflow is not None and scenario.workflows[workflow]["parent"] is not None
