"""Composed runs: many of them, each told by the reference engine as the model derives it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from hypothesis import HealthCheck, given, seed, settings

from eventhook_conformance.sequences import (
    Ids,
    Scenario,
    check,
    compose,
    exact_scenario,
    runs,
    varied,
)
from eventhook_fixtures import load, schema
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.service import LifecycleService
from lifecycle.recording import RecordingBackend

SCHEMA: dict[str, Any] = schema("scenarios")
drawing = settings(
    max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def drawn() -> list[Scenario]:
    """Returns the scenarios of sixty composed runs."""
    scenarios = []

    @drawing
    @seed(7)
    @given(runs())
    def draw(run: Any) -> None:
        scenarios.append(exact_scenario(compose(run)))

    draw()
    return scenarios


@drawing
@seed(7)
@given(runs())
def test_the_engine_tells_what_the_model_derives(run: Any) -> None:
    scenario, tenant, backend = exact_scenario(compose(run)), uuid4(), RecordingBackend()

    async def play() -> Any:
        service = LifecycleService(backend, Registry())
        execution = await service.prepare(scenario.raw, tenant)
        for step in scenario.steps:
            await service.restart()
            await execution.proceed(step)
        return execution

    execution = asyncio.run(play())
    ids = Ids(tenant, execution.workflow_execution_ids, execution.task_execution_ids)
    now = backend.told[0].timestamp_ms
    assert check(scenario, ids, backend.told, now_ms=now) == []
    assert execution.status == scenario.status


def test_nearly_every_type_is_drawn(drawn: list[Scenario]) -> None:
    counts = Counter(event.type for scenario in drawn for event in scenario.events)
    assert len(counts) >= 25
    assert {scenario.status for scenario in drawn} == {"COMPLETED", "FAILED", "CANCELLED"}


def test_composed_runs_are_scenarios_as_the_schema_has_them(drawn: list[Scenario]) -> None:
    document = {**load("scenarios"), "scenarios": [one.raw for one in drawn[:20]]}
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_same_run_composes_the_same_scenario() -> None:
    run = ("workflow", ((("tasks", (1, 2, 1, False)), ("timers", True, False)), True), 3)
    assert compose(run) == compose(run)


def test_varied_runs_differ_in_their_data_and_in_nothing_else() -> None:
    run = ("workflow", ((("tasks", (1, 1, 1, False)), ("promises", 4), ("state", 0)), True), None)
    raw = compose(run)
    one, other = exact_scenario(varied(raw, 1)), exact_scenario(varied(raw, 2))
    assert one.steps == other.steps
    assert [event.type for event in one.events] == [event.type for event in other.events]
    assert [event.before for event in one.events] == [event.before for event in other.events]
    assert set(one.errors).isdisjoint(other.errors)
    assert [out.payload for out in one.outputs] != [out.payload for out in other.outputs]
    assert varied(raw, 0)["steps"] == raw["steps"]
