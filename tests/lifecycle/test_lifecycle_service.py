"""The service that plays scenarios, and the targets made with it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.sequences import Ids, check, scenarios
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Target
from eventhook_reference.lifecycle.registry import ENDED, Registry
from eventhook_reference.lifecycle.service import LifecycleService, ScenarioExecution
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.memory import target as memory
from eventhook_reference.mutants.base import pliable_target
from lifecycle.recording import RecordingBackend

LIF = [one.id for one in requirements().values() if one.group == "LIF"]


def prepared(name: str, *broken: str) -> tuple[ScenarioExecution, RecordingBackend, Registry]:
    backend, registry = RecordingBackend(*broken), Registry()
    service = LifecycleService(backend, registry)
    execution = asyncio.run(service.prepare(scenarios()[name].raw, uuid4()))
    return execution, backend, registry


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_is_played_right(name: str) -> None:
    scenario = scenarios()[name]
    tenant = uuid4()
    backend, registry = RecordingBackend(), Registry()

    async def play() -> ScenarioExecution:
        execution = await LifecycleService(backend, registry).prepare(scenario.raw, tenant)
        assert execution.status == "PENDING"
        await execution.proceed()
        return execution

    execution = asyncio.run(play())
    ids = Ids(tenant, execution.workflow_execution_ids, execution.task_execution_ids)
    now = backend.told[0].timestamp_ms
    assert check(scenario, ids, backend.told, now_ms=now) == []
    assert execution.status == scenario.status
    assert execution.publish_failures == 0
    entries: list[Any] = [*registry.workflows.values(), *registry.tasks.values()]
    assert all(entry.status in ENDED for entry in entries)


@pytest.mark.parametrize("broken", [("events",), ("streams",), ("events", "streams")])
@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_ends_alike_without_a_bus(name: str, broken: tuple[str, ...]) -> None:
    execution, backend, _ = prepared(name, *broken)
    asyncio.run(execution.proceed())
    assert execution.status == scenarios()[name].status
    assert execution.publish_failures == len(backend.tried) - len(backend.published)
    assert execution.publish_failures >= len(scenarios()[name].events)


def test_it_runs_through_the_named_step_and_no_further() -> None:
    execution, backend, _ = prepared("task-succeeds")
    asyncio.run(execution.proceed("schedule"))
    assert backend.types == ["workflow.created", "workflow.started", "task.created"]
    assert set(execution.task_execution_ids) == {"charge"}
    asyncio.run(execution.proceed("run"))
    assert backend.types[-1] == "task.started"


@pytest.mark.parametrize("until", ["nowhere", "start"])
def test_a_step_that_is_not_to_come_is_an_error(until: str) -> None:
    execution, _, _ = prepared("task-succeeds")
    asyncio.run(execution.proceed("start"))
    with pytest.raises(ValueError, match="still to come"):
        asyncio.run(execution.proceed(until))


def test_after_a_restart_it_goes_on_from_copies() -> None:
    backend, registry = RecordingBackend(), Registry()
    service = LifecycleService(backend, registry)

    async def play() -> ScenarioExecution:
        execution = await service.prepare(scenarios()["task-retries"].raw, uuid4())
        await execution.proceed("fail-1")
        (before,) = registry.tasks.values()
        told = len(backend.told)
        await service.restart()
        assert len(backend.told) == told
        (after,) = registry.tasks.values()
        assert after == before
        assert after is not before
        await execution.proceed()
        return execution

    execution = asyncio.run(play())
    assert execution.status == "COMPLETED"
    counts = [event.data["executionCount"] for event in backend.told if "maxRetries" in event.data]
    assert counts == [0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "step",
    [
        {"do": "complete-task", "task": "print"},
        {"do": "fail-task", "task": "print", "error": "late"},
        {"do": "cancel-task", "task": "print"},
        {"do": "start-workflow", "workflow": "child", "worker": "w9"},
        {"do": "complete-workflow", "workflow": "child"},
        {"do": "fail-workflow", "workflow": "main", "error": "late"},
        {"do": "cancel-workflow", "workflow": "main"},
        {"do": "fire-timer", "timer": "nap"},
        {"do": "cancel-timer", "timer": "nap"},
        {"do": "resolve-promise", "promise": "approval", "result": 1},
        {"do": "reject-promise", "promise": "approval", "error": "late"},
        {"do": "signal", "workflow": "main", "signal": "go"},
    ],
    ids=lambda step: step["do"],
)
def test_what_is_reported_after_the_end_is_not_told(step: dict[str, Any]) -> None:
    raw = scenarios()["cancelled-while-waiting"].raw
    cancel = [one["name"] for one in raw["steps"]].index("cancel")
    steps = [*raw["steps"][: cancel + 1], {"name": "late", **step}]
    backend = RecordingBackend()

    async def play() -> tuple[int, str]:
        service = LifecycleService(backend)
        execution = await service.prepare({**raw, "steps": steps}, uuid4())
        await execution.proceed("cancel")
        told = len(backend.told)
        await execution.proceed()
        return told, execution.status

    told, status = asyncio.run(play())
    assert status == "CANCELLED"
    assert backend.types[-1] == "workflow.cancelled"
    assert len(backend.told) == told


def test_the_ids_are_known_as_they_come_to_be() -> None:
    execution, _, registry = prepared("grandchild")
    root = execution.workflow_execution_id
    assert root is not None
    assert execution.workflow_execution_ids == {"main": root}
    asyncio.run(execution.proceed())
    ids = execution.workflow_execution_ids
    assert set(ids) == {"main", "child", "grandchild"}
    assert registry.children(root) == [ids["child"]]
    assert registry.children(ids["child"]) == [ids["grandchild"]]
    assert registry.ended(root)


def test_a_standalone_task_has_no_workflow() -> None:
    execution, _, registry = prepared("standalone-task")
    assert execution.workflow_execution_id is None
    assert set(execution.task_execution_ids) == {"solo"}
    assert registry.tasks[execution.task_execution_ids["solo"]].workflow is None


def test_a_target_gains_the_profile_and_keeps_the_rest() -> None:
    target = with_lifecycle(memory, "memory-server")
    assert target.name == "memory-server"
    assert target.capabilities.profiles == {"events", "streams", "lifecycle"}
    assert target.open is memory.open
    assert memory.workflows is None


@pytest.mark.parametrize("base", [memory, pliable_target("pliable")], ids=lambda base: base.name)
def test_it_conforms(base: Target) -> None:
    _conforms(with_lifecycle(base))


@pytest.mark.nats
def test_it_conforms_over_nats() -> None:
    from eventhook_reference.nats import target  # because: nats-py may not be installed

    _conforms(with_lifecycle(target))


def _conforms(target: Target) -> None:
    result = judge(target, instances=cases_for(LIF))
    wrong = {case.id: case.message for case in result.cases if case.outcome != "passed"}
    assert wrong == {}
    outcomes = {one.requirement.id: one.outcome for one in result.requirement_results()}
    assert {outcomes[identifier] for identifier in LIF} == {"passed"}
