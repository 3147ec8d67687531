"""LIF: lets a workflow service's publishing fail and recover, and restarts it."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from eventhook_conformance.cases._lifecycle import prepared
from eventhook_conformance.cases._lifecycle_bus import interposed_service
from eventhook_conformance.cases._lifecycle_exact import charged_when_aborted
from eventhook_conformance.cases._lifecycle_outage import (
    ELSEWHERE,
    ONCE_A_STEP,
    OUTAGES,
    restart,
    run_through,
)
from eventhook_conformance.cases._lifecycle_watch import Watch
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.sequences import (
    CORNERS,
    Ids,
    Scenario,
    check_match,
    check_output,
    check_twins,
    compose,
    covering,
    exact_scenario,
    match,
    scenarios,
)
from eventhook_conformance.specification import case

_TURNS: Final = 8
_REMEMBERED: Final = (
    "reported otherwise",
    "reported again",
    "newest first",
    "signals of one name",
    "failed children",
)


@pytest.mark.parametrize("scenario", covering())
@case("LIF-18", "LIF-10", since="1.1")
async def failing_publisher_is_used_again(probe: Probe, scenario: str) -> None:
    """Fails the publishes of one form, the other or both, for some steps: later ones must succeed."""
    exact = exact_scenario(scenarios()[scenario].raw)
    number = covering().index(scenario)
    for outage in (*OUTAGES[:2], OUTAGES[2 + number % 3]):
        await run_through(probe, exact, outage)


@pytest.mark.parametrize("scenario", covering())
@case("LIF-16", "LIF-18", since="1.1")
async def restart_keeps_the_count_of_failures(probe: Probe, scenario: str) -> None:
    """Fails a publish in each step, and restarts the service between: `publish_failures` must count on."""
    exact = exact_scenario(scenarios()[scenario].raw)
    await run_through(probe, exact, ONCE_A_STEP, restarts=True)


@pytest.mark.parametrize("scenario", covering())
@case("LIF-16")
async def restart_goes_unnoticed(probe: Probe, scenario: str) -> None:
    """Restarts the service before each step: the events must be those of a run without restarts."""
    await _restart_throughout(probe, exact_scenario(scenarios()[scenario].raw))


@pytest.mark.parametrize("corner", _REMEMBERED)
@case("LIF-16", since="1.1")
async def restart_goes_unnoticed_by_composed_runs(probe: Probe, corner: str) -> None:
    """Restarts before each step of composed runs: what is over, and in which way, must be remembered."""
    await _restart_throughout(probe, exact_scenario(compose(CORNERS[corner])))


async def _restart_throughout(probe: Probe, exact: Scenario) -> None:
    tenant, watch, name = probe.make.tenant(), Watch(), exact.name
    async with interposed_service(probe, watch.intervene()) as service:
        with charged_when_aborted(probe, "LIF-16" if exact.since is None else "LIF-17"):
            preparing = prepared(service, exact, tenant)
            execution = await probe.returns(preparing, f"preparing {name}")
        if execution is None:
            raise NotOffered("the service plays the written scenarios only")
        for step in exact.steps:
            await restart(probe, service, step)
            await probe.returns(execution.proceed(step), f"{name} through {step!r} after a restart")
        await probe.returns(execution.proceed(), f"{name} to its end after restarts")
        for _ in range(_TURNS):  # a service that tells something by itself has its turn
            await asyncio.sleep(0)
    if not watch.events and not watch.streams:
        raise NotOffered(ELSEWHERE)
    ids = Ids(tenant, execution.workflow_execution_ids, execution.task_execution_ids)
    found = match(exact, ids, watch.events)
    for finding in (
        *check_match(found, now_ms=now_ms()),
        *check_twins(found, watch.streams, whole=True),
        *check_output(exact, ids, watch.streams),
    ):
        probe.found(f"{finding.expected}, with a restart before each step", finding.seen)
    for member, right, seen in (
        ("status", exact.status, execution.status),
        ("publish_failures", 0, execution.publish_failures),
    ):
        probe.expect(
            seen == right,
            f"{member} = {right!r} at the end of {name}, with a restart before each step",
            repr(seen),
        )
