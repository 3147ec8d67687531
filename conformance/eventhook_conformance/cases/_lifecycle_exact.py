"""Compares runs exactly, as specification 1.1 asks: every member and every older form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from eventhook_conformance.cases._lifecycle_judging import Play, charge, expect_end, told
from eventhook_conformance.cases._lifecycle_watch import Watch
from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.probe import CaseAborted, Probe
from eventhook_conformance.sequences import (
    Observed,
    Scenario,
    SequenceViolation,
    check_match,
    check_output,
    check_strays,
    check_twins,
    exact_scenario,
    match,
    varied,
)

EXACT: Final = ("LIF-17", "LIF-13", "LIF-14", "LIF-15", "LIF-19")
"""The requirements of exact runs, beside those of every run."""

EVERY_RUN: Final = tuple(f"LIF-{number:02}" for number in (*range(1, 10), 11, 12))
"""The requirements of every run."""


def runs_of(raw: Mapping[str, Any], count: int) -> list[Scenario]:
    """Returns the same run several times, each with data of its own."""
    return [exact_scenario(varied(raw, number)) for number in range(count)]


@contextmanager
def charged_when_aborted(probe: Probe, *requirements: str) -> Iterator[None]:
    """Charges these requirements alone with a call that raised or hung."""
    try:
        yield
    except CaseAborted as aborted:
        if aborted.violation is None:
            raise
        raise CaseAborted(replace(aborted.violation, requirements=requirements)) from aborted


def judge_exactly(probe: Probe, plays: Sequence[Play], watch: Watch) -> None:
    """Charges the errors in the events of several runs.

    Args:
        probe: the case's.
        plays: finished runs of different tenants.
        watch: saw the service's publishes; none, if it publishes through another client.
    """
    seen = [_observed(probe, play, watch) for play in plays]
    for number, stray in check_strays(seen):
        charge(probe, plays[number], [stray])
    for play, run in zip(plays, seen, strict=True):
        charge(probe, play, (_composed(play, one) for one in _findings(play, run, watch)))
        expect_end(probe, play, "LIF-01")
        if play.execution.publish_failures != 0:
            probe.found(
                "publish_failures = 0 where everything was published",
                repr(play.execution.publish_failures),
                charge=("LIF-10",),
            )
    for event, said, real in watch.early:
        what = (
            "the older form of its end" if not isinstance(event, FlovynEvent) else event.event_type
        )
        probe.found(
            f"status {said} of the execution once {what} can be heard",
            f"it is still {real}",
            charge=("LIF-15",),
        )


def _observed(probe: Probe, play: Play, watch: Watch) -> Observed:
    ids = play.ids
    alone = (label for label, task in play.scenario.tasks.items() if task["workflow"] is None)
    keys = [*ids.workflows.values(), *(ids.tasks[one] for one in alone if one in ids.tasks)]
    return Observed(ids, told(probe, play.events), watch.of([str(key) for key in keys]))


def _findings(play: Play, run: Observed, watch: Watch) -> Iterator[SequenceViolation]:
    found = match(play.scenario, run.ids, run.events)
    yield from check_match(found, now_ms=now_ms())
    if watch.streams:
        for one in check_twins(found, run.streams, whole=True):
            yield one if _known_at_prepare(play, one) else replace(one, requirements=("LIF-19",))
        yield from check_output(play.scenario, run.ids, run.streams)


def _known_at_prepare(play: Play, finding: SequenceViolation) -> bool:
    event = finding.events[0]
    key = str(event.workflow_execution_id or event.task_execution_id)
    created = isinstance(event, FlovynEvent) and event.event_type.endswith(".created")
    return key in play.known and not (
        created
        and finding.kind == "twin-missing"
        and (event.task_execution_id is None or event.workflow_execution_id is None)
    )


def _composed(play: Play, finding: SequenceViolation) -> SequenceViolation:
    """Charges LIF-17 too, if the run is not of specification 1.0."""
    if play.scenario.since is None:
        return finding
    return replace(finding, requirements=(*finding.requirements, "LIF-17"))
