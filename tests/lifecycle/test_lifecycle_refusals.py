"""Workflow services that play only some scenarios: the charges against them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import StreamingBackend, Unsupported
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.results import CaseResult
from eventhook_conformance.sequences import scenarios
from eventhook_conformance.target import Execution, Target, WorkflowService
from eventhook_reference.lifecycle.service import LifecycleService
from eventhook_reference.mutants.base import pliable_target

COMPOSED = "lifecycle_composed::composed_runs_tell_exactly_their_own"
EXACT = "lifecycle_exact::interleaved_runs_tell_exactly_their_own"
OUTAGE = "lifecycle_troubles::failing_publisher_is_used_again"
RESTART = "lifecycle_troubles::restart_goes_unnoticed"


class Wrapped(WorkflowService):
    """A correct service, but for a test's changes."""

    def __init__(self, backend: StreamingBackend) -> None:
        self.inner = LifecycleService(backend)

    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        return await self.inner.prepare(scenario, tenant_id)


class KnowsScenariosByName(Wrapped):
    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        return await self.inner.prepare(scenarios()[scenario["name"]].raw, tenant_id)


class SaysThatItPlaysNoOthers(Wrapped):
    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        if scenario["name"] not in scenarios():
            raise Unsupported(f"{scenario['name']} is none of the written scenarios")
        return await super().prepare(scenario, tenant_id)


class BreaksOnOthers(Wrapped):
    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        if scenario["name"] not in scenarios():
            raise ValueError("no such workflow")
        return await super().prepare(scenario, tenant_id)


class KnowsTheFirstScenariosAlone(Wrapped):
    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        if scenario.get("since"):
            raise KeyError(scenario["name"])
        return await super().prepare(scenario, tenant_id)


class NeedsItsOwnBus(Wrapped):
    """Publishes through a backend of its own class alone."""

    def __init__(self, backend: StreamingBackend) -> None:
        if type(backend).__name__ == "InterposedBackend":
            raise TypeError(f"{backend!r} is no client of mine")
        super().__init__(backend)


def target(service: Callable[[StreamingBackend], WorkflowService]) -> Target:
    @asynccontextmanager
    async def workflows(backend: StreamingBackend) -> AsyncIterator[WorkflowService]:
        yield service(backend)

    base = pliable_target("wrapped")
    profiles = {*base.capabilities.profiles, "lifecycle"}
    claimed = dataclasses.replace(base.capabilities, profiles=profiles)
    return dataclasses.replace(base, workflows=workflows, capabilities=claimed)


def judged(service: Callable[[StreamingBackend], WorkflowService], *ids: str) -> list[CaseResult]:
    return list(judge(target(service), instances=[catalog()[one] for one in ids]).cases)


@pytest.mark.parametrize("service", [KnowsScenariosByName, SaysThatItPlaysNoOthers])
def test_a_service_need_not_play_composed_runs(service: type[Wrapped]) -> None:
    (result,) = judged(service, COMPOSED)
    assert result.outcome == "not_claimed"
    assert result.message is not None
    assert "written scenarios only" in result.message


def test_a_service_that_breaks_on_a_composed_run_is_charged() -> None:
    (result,) = judged(BreaksOnOthers, COMPOSED)
    assert result.outcome == "failed"
    assert result.violations[0].requirements == ("LIF-17",)


def test_a_service_that_offers_no_restart_is_not_charged() -> None:
    (result,) = judged(Wrapped, f"{RESTART}[task-fails]")
    assert result.outcome == "not_claimed"
    assert result.message == "the service offers no restart"


@pytest.mark.parametrize("case", [EXACT, OUTAGE])
def test_a_service_of_1_0_is_charged_with_newer_scenarios_alone(case: str) -> None:
    older, newer = judged(
        KnowsTheFirstScenariosAlone, f"{case}[task-fails]", f"{case}[nested-suspensions]"
    )
    assert older.outcome == "passed"
    assert {one for violation in newer.violations for one in violation.requirements} == {"LIF-17"}


def test_a_service_that_needs_its_own_bus_is_judged_by_what_is_read() -> None:
    exact, outage = judged(NeedsItsOwnBus, f"{EXACT}[task-fails]", f"{OUTAGE}[task-fails]")
    assert exact.outcome == "passed"
    assert outage.outcome == "not_claimed"
