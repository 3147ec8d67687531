"""LIF: keeps two runs of one tenant apart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import pytest

from eventhook_conformance.cases._lifecycle_bus import interposed_service
from eventhook_conformance.cases._lifecycle_exact import charged_when_aborted, runs_of
from eventhook_conformance.cases._lifecycle_outage import ELSEWHERE
from eventhook_conformance.cases._lifecycle_watch import Watch
from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.sequences import (
    Ids,
    Match,
    check_match,
    check_output,
    check_twins,
    covering,
    interleavings,
    match,
    scenarios,
)
from eventhook_conformance.specification import case
from eventhook_conformance.target import Execution

_RUNS: Final = 2
_TURNS: Final = 8


@pytest.mark.parametrize("scenario", covering())
@case("LIF-02", since="1.1")
async def runs_of_one_tenant_stay_apart(probe: Probe, scenario: str) -> None:
    """Plays a scenario twice in one tenant, step by step: no step of one run may affect the other."""
    watch, tenant = Watch(), probe.make.tenant()
    raw = scenarios()[scenario].raw
    runs = runs_of(raw, _RUNS)
    *_, schedule = interleavings(scenarios()[scenario].steps, _RUNS)
    executions: list[Execution] = []
    begun: list[dict[str, int]] = [{"prepare": 0} for _ in runs]
    with charged_when_aborted(probe, "LIF-02"):
        async with interposed_service(probe, watch.intervene()) as service:
            for run in runs:
                preparing = service.prepare(run.raw, tenant)
                executions.append(await probe.returns(preparing, f"preparing {scenario}"))
            for turn in schedule:
                for number in turn.order:
                    begun[number][turn.step] = len(watch.events)
                    going = executions[number].proceed(turn.step)
                    await probe.returns(going, f"{scenario} through {turn.step!r}")
            for execution in executions:
                await probe.returns(execution.proceed(), f"{scenario} to its end")
            for _ in range(_TURNS):  # a service that tells something by itself has its turn
                await asyncio.sleep(0)
    if not watch.events and not watch.streams:
        raise NotOffered(ELSEWHERE)
    ids = [Ids(tenant, it.workflow_execution_ids, it.task_execution_ids) for it in executions]
    owned = [[event for event in watch.events if _is_of(event, its)] for its in ids]
    for number, run in enumerate(runs):
        found = match(run, ids[number], owned[number])
        _judge(probe, found, executions[number], watch)
        _judge_causes(probe, found, begun[number], watch)
    for event in watch.events:
        if not any(event in events for events in owned):
            probe.found(
                "nothing but the events of the two runs",
                f"{event.event_type} of {event.data!r:.120}",
            )


def _is_of(event: FlovynEvent, ids: Ids) -> bool:
    if event.workflow_execution_id is not None:
        return event.workflow_execution_id in ids.workflows.values()
    return event.task_execution_id in ids.tasks.values()


def _judge(probe: Probe, found: Match, execution: Execution, watch: Watch) -> None:
    run, ids = found.scenario, found.ids
    streams = watch.of([str(key) for key in (*ids.workflows.values(), *ids.tasks.values())])
    for finding in (
        *check_match(found, now_ms=now_ms()),
        *check_twins(found, streams, whole=True),
        *check_output(run, ids, streams),
    ):
        probe.found(f"{finding.expected}, beside another run of the tenant", finding.seen)
    probe.expect(
        execution.status == run.status,
        f"status {run.status} at the end of {run.name}, beside another run of the tenant",
        repr(execution.status),
    )


def _judge_causes(probe: Probe, found: Match, begun: Mapping[str, int], watch: Watch) -> None:
    """Finds events that were published before the step began that causes them."""
    places = {event.id: place for place, event in enumerate(watch.events)}
    for expected in found.scenario.events:
        if expected.label not in found.found:
            continue
        event = found.event(expected.label)
        if places[event.id] < begun.get(expected.step, 0):
            probe.found(
                f"{expected.label} ({event.event_type}) after the step {expected.step!r} began",
                "it came before, while another run of the tenant took a step",
            )
