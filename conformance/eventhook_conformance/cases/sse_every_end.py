"""SSE: ends workflows in every way, and publishes what does not end one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._sse import both_sides, child_begun, subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.own_events import says_end
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.provisioning import scenario_named
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream

_SCENARIOS: Final = {
    "failed": "workflow-fails",
    "cancelled": "cancelled-before-start",
    "family": "child-succeeds",
}
"""For each way in which a workflow ends, a scenario for servers that trust their own engine only."""

_CLOSES_S: Final = 0.5
"""Seconds to look whether a stream closes, which it may do."""

_NO_ENDS: Final = (
    "workflow.suspended",
    "workflow.cancellation_requested",
    "workflow.retry_requested",
    "task.failed",
    "task.retry_requested",
    "child_workflow.cancellation_requested",
    "child_workflow.cancellation_failed",
    "operation.completed",
    "state.cleared",
    "timer.cancelled",
    "promise.rejected",
    "workflow.completed.again",
    "task.completed.again",
)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        pytest.param("workflow", "failed"),
        pytest.param("workflow", "cancelled"),
        pytest.param("consolidated", "failed"),
        pytest.param("consolidated", "cancelled"),
        pytest.param("consolidated", "family"),
    ],
)
@case("SSE-25", since="1.1")
async def every_end_closes_the_stream(probe: Probe, kind: StreamKind, how: str) -> None:
    """Ends a workflow by completion, failure and cancellation: its stream must close or tell the end."""
    async with sse_session(probe) as sse:
        own = "lifecycle" in probe.capabilities.profiles
        workflow, finish = await (_run_one(probe, sse, how) if own else _tell_of_one(sse, how))
        stream = await sse.stream(kind, workflow)
        stream.judged = not own
        await finish()
        reading = stream.reading

        def ended() -> bool:
            return reading.over or any(says_end(one.event) for one in reading.received)

        probe.expect(
            await stream.until(ended) and reading.error is None,
            'the stream to close, or an event end with {"status": …} as data',
            reading.error or f"neither within {probe.deadline.current_s:g} s",
            stream.requested,
        )


async def _tell_of_one(sse: Sse, how: str) -> tuple[UUID, Callable[[], Awaitable[None]]]:
    """Makes a workflow whose end the suite publishes."""
    root = await sse.workflow()
    child = await sse.child(root) if how == "family" else None

    async def finish() -> None:
        verb = "completed" if how == "family" else how
        if child is not None:
            await sse.publish(child_begun(sse, root, child))
        for one in (root,) if child is None else (child, root):
            snapshot = {"id": str(one), "kind": "suite", "status": verb.upper()}
            await sse.publish(sse.event(one, f"workflow.{verb}", data=snapshot))

    return root, finish


async def _run_one(probe: Probe, sse: Sse, how: str) -> tuple[UUID, Callable[[], Awaitable[None]]]:
    """Makes a workflow of the target's own engine that ends in that way."""
    service = await probe.workflows()
    preparing = service.prepare(scenario_named(_SCENARIOS[how]), sse.tenants[0].id)
    execution = await probe.returns(preparing, "preparing a workflow")
    workflow = execution.workflow_execution_id
    if workflow is None:
        raise probe.aborted("a prepared workflow to have an id", "it has none")

    async def finish() -> None:
        await probe.returns(execution.proceed(), "running the workflow")

    return workflow, finish


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20", profile="lifecycle", since="1.1")
async def stream_of_what_is_retried_is_open(probe: Probe, kind: StreamKind) -> None:
    """Retries a failed workflow: its stream must carry the rest."""
    async with sse_session(probe) as sse:
        if sse.target.replay is not None:
            return  # history tells of the failure too, and may end there
        service = await probe.workflows()
        preparing = service.prepare(scenario_named("workflow-retry-requested"), sse.tenants[0].id)
        execution = await probe.returns(preparing, "preparing a workflow")
        workflow = execution.workflow_execution_id
        early = await sse.stream(kind, workflow)
        early.judged = False
        await probe.returns(execution.proceed("fail"), "failing the workflow")
        await early.until(lambda: _has(early, "workflow.failed"))
        await early.until(lambda: early.reading.over, timeout_s=_CLOSES_S, glance=True)
        await probe.returns(execution.proceed("retry"), "retrying the workflow")
        stream = await sse.stream(kind, workflow)
        stream.judged = False
        await stream.until(lambda: stream.reading.over, timeout_s=_CLOSES_S, glance=True)
        await probe.returns(execution.proceed(), "running the workflow")
        probe.expect(
            await stream.until(lambda: _has(stream, "workflow.completed")),
            "workflow.completed on the stream of a workflow that was retried",
            "the stream ended before"
            if stream.reading.over
            else f"nothing of it within {probe.deadline.current_s:g} s",
            stream.requested,
        )


def _has(stream: Stream, event_type: str) -> bool:
    return any(one.event.type == event_type for one in stream.reading.received)


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20", since="1.1")
async def nothing_else_ends_a_workflows_stream(probe: Probe, kind: StreamKind) -> None:
    """Publishes errors, suspensions and similar types: a workflow's stream must stay open."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        await _go_on(sse, kind, await sse.workflow())


@case("SSE-16", since="1.1")
async def nothing_but_its_end_ends_a_tasks_stream(probe: Probe) -> None:
    """Publishes failed attempts and full progress: a task's stream must stay open."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        await _go_on(sse, "task", await subject(sse, "task"))


async def _go_on(sse: Sse, kind: StreamKind, it: UUID | None) -> None:
    task, workflow = (it, None) if kind == "task" else (None, it)
    stream = await sse.stream(kind, it)
    snapshot = {"id": str(it), "kind": "suite", "status": "PENDING", "executionCount": 1}
    events: list[Event] = [
        sse.event(workflow, name, task=task, data=snapshot)
        for name in _NO_ENDS
        if kind != "task" or name.startswith("task.")
    ]
    if it is not None:
        events += [
            sse.token(it, text, event_type, task=task)
            for event_type in StreamEventType
            for text in ("100", '{"percent":100,"status":"COMPLETED"}', "[DONE]")
        ]
    await sse.publish(*events)
    await stream.receive(*events)
    comments = stream.reading.parser.comments
    before = len(comments)
    # An early end may take a moment, which a comment outlives.
    limit = min(sse.target.keep_alive_s * 2, sse.probe.settings.arrival_timeout_s / 2)
    await stream.until(lambda: len(comments) > before + 1, timeout_s=limit, glance=True)
    more = both_sides(sse, kind, it)
    await sse.publish(*more)
    await stream.receive(*more)
    await sse.fence(stream)
