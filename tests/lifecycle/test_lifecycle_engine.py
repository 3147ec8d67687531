"""Dispatch, task execution and scheduler, and what passes between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Workflow
from eventhook_reference.lifecycle.registry import Registry
from lifecycle.recording import RecordingBackend

TENANT: UUID = uuid4()


class Rig:
    def __init__(self) -> None:
        self.backend = RecordingBackend()
        self.clock = MovableClock(lambda: 1_000_000)
        self.engine = Engine(Registry(), self.backend, self.clock)

    async def running(self, kind: str = "order") -> Workflow:
        workflow = await self.engine.dispatch.create_workflow(TENANT, kind)
        await self.engine.start_workflow(workflow, "w1")
        return workflow


def played(body: Callable[[Rig], Awaitable[None]]) -> RecordingBackend:
    rig = Rig()
    asyncio.run(_awaited(body(rig)))
    return rig.backend


async def _awaited(body: Awaitable[None]) -> None:
    await body


def test_a_snapshot_is_of_its_moment() -> None:
    async def body(rig: Rig) -> None:
        await rig.engine.complete_workflow(await rig.running())

    statuses = [event.data["status"] for event in played(body).told]
    assert statuses == ["PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.parametrize("ends", [(0, 1), (1, 0)])
def test_a_workflow_goes_on_with_the_last_of_what_it_waits_for(ends: tuple[int, int]) -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        tasks = [
            await rig.engine.create_task(TENANT, "t", workflow, 0, f"task:{n}") for n in range(2)
        ]
        await rig.engine.dispatch.suspend(workflow, "task", ["task:0", "task:1"])
        for number in ends:
            assert workflow.status == "SUSPENDED"
            await rig.engine.task_execution.start(tasks[number], "w2")
            await rig.engine.complete_task(tasks[number])
        assert workflow.status == "RUNNING"
        assert workflow.suspend_type is None

    assert played(body).types[-1] == "workflow.resumed"


def test_what_nobody_waits_for_resumes_nobody() -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        await rig.engine.signal(workflow, "signal:go")
        await rig.engine.dispatch.suspend(workflow, "signal", ["signal:go"])
        await rig.engine.signal(workflow, "signal:other")
        assert workflow.status == "SUSPENDED"

    assert "workflow.resumed" not in played(body).types


def test_a_task_is_tried_again_while_retries_are_left() -> None:
    async def body(rig: Rig) -> None:
        task = await rig.engine.create_task(TENANT, "t", None, 1, "task:t")
        for status in ("PENDING", "FAILED"):
            await rig.engine.task_execution.start(task, "w1")
            await rig.engine.fail_task(task, "boom")
            assert task.status == status

    failed = [event.data for event in played(body).told if event.event_type == "task.failed"]
    assert [(one["executionCount"], one["status"]) for one in failed] == [
        (1, "PENDING"),
        (2, "FAILED"),
    ]


def test_a_timer_fires_when_it_is_due_and_not_before() -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        timer = await rig.engine.start_timer(workflow, 60_000, "timer:nap")
        assert not await rig.engine.scheduler.fire(timer)
        await rig.engine.pass_time_until(timer)
        assert rig.clock.now_ms() == timer.fire_at_ms == 1_060_000

    backend = played(body)
    assert backend.types.count("timer.fired") == 1
    assert backend.told[-1].timestamp_ms == 1_060_000


def test_cancelling_reaches_tasks_and_children_and_is_told_last() -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        task = await rig.engine.create_task(TENANT, "t", workflow, 0, "task:t")
        child = await rig.engine.start_child(workflow, "c", "child:c")
        done = await rig.engine.start_child(workflow, "c", "child:d")
        await rig.engine.complete_workflow(done)
        await rig.engine.cancel_workflow(workflow)
        assert {workflow.status, task.status, child.status} == {"CANCELLED"}
        assert done.status == "COMPLETED"

    backend = played(body)
    types = backend.types[backend.types.index("workflow.cancellation_requested") :]
    assert types == [
        "workflow.cancellation_requested",
        "task.cancelled",
        "child_workflow.cancellation_requested",
        "workflow.cancellation_requested",
        "workflow.cancelled",
        "child_workflow.failed",
        "child_workflow.cancellation_requested",
        "child_workflow.cancellation_failed",
        "workflow.cancelled",
    ]


def test_retries_on_request_say_what_is_retried() -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        await rig.engine.fail_workflow(workflow, "boom")
        await rig.engine.dispatch.retry_workflow(workflow)
        task = await rig.engine.create_task(TENANT, "t", None, 0, "task:t")
        await rig.engine.dispatch.retry_task(task)
        assert workflow.snapshot()["status"] == task.snapshot()["status"] == "PENDING"

    backend = played(body)
    assert "workflow.retry_requested" in backend.types
    assert "task.retry_requested" in backend.types
    assert [one["event"] for one in backend.older].count("RETRY_REQUESTED") == 2


def test_state_is_kept_and_cleared() -> None:
    async def body(rig: Rig) -> None:
        workflow = await rig.running()
        await rig.engine.dispatch.set_state(workflow, "n", 0)
        assert workflow.state == {"n": 0}
        await rig.engine.dispatch.clear_state(workflow, "n")
        assert workflow.state == {}

    assert [event.data for event in played(body).told[-2:]] == [
        {"key": "n", "value": 0},
        {"key": "n"},
    ]
