"""Both forms of each event, and publishers that fail."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest

from eventhook_conformance.contract import BusClosed, StreamEventType
from eventhook_reference.lifecycle.announcer import Announcer, by_worker
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.records import Task, Workflow
from lifecycle.recording import RecordingBackend


def workflow() -> Workflow:
    return Workflow(uuid4(), "order", None, "RUNNING")


def test_both_forms_say_the_same_at_the_same_time() -> None:
    backend, about = RecordingBackend(), workflow()
    asyncio.run(Announcer(backend, MovableClock()).of_workflow("WORKFLOW_STARTED", about))
    event, twin = backend.told[0], backend.streamed[0]
    assert (event.tenant_id, event.workflow_execution_id) == (about.tenant_id, about.id)
    assert event.data == about.snapshot()
    assert json.loads(twin.payload) == {
        "type": "Event",
        "event": "WORKFLOW_STARTED",
        "data": about.snapshot(),
        "timestampMs": event.timestamp_ms,
    }
    assert twin.workflow_execution_id == str(about.id)
    assert twin.timestamp_ms == event.timestamp_ms
    assert (twin.task_execution_id, twin.sequence) == ("", 0)


def test_a_standalone_task_has_its_own_key_and_no_workflow() -> None:
    backend, task = RecordingBackend(), Task(uuid4(), "resize", None, "RUNNING")
    announcer = Announcer(backend, MovableClock())
    asyncio.run(announcer.of_task("TASK_STARTED", task))
    asyncio.run(announcer.stream(task, StreamEventType.TOKEN, "x"))
    assert backend.told[0].workflow_execution_id is None
    assert backend.told[0].task_execution_id == task.id
    assert {one.workflow_execution_id for one in backend.streamed} == {str(task.id)}
    assert {one.task_execution_id for one in backend.streamed} == {str(task.id)}


@pytest.mark.parametrize("broken", ["events", "streams"])
def test_if_one_form_fails_the_other_is_sent_all_the_same(broken: str) -> None:
    backend = RecordingBackend(broken)
    announcer = Announcer(backend, MovableClock())
    asyncio.run(announcer.of_workflow("WORKFLOW_STARTED", workflow()))
    assert backend.tried == ["events", "streams"]
    assert len(backend.published) == 1
    assert announcer.failures == 1


@pytest.mark.parametrize("error", [BusClosed("closed"), TimeoutError(), RuntimeError("a bug")])
def test_whatever_publishing_raises_is_counted_only(error: Exception) -> None:
    backend = RecordingBackend("events", "streams")
    backend.error = error
    announcer = Announcer(backend, MovableClock())
    asyncio.run(announcer.of_workflow("WORKFLOW_STARTED", workflow()))
    assert announcer.failures == 2


def test_being_cancelled_is_no_failure_of_the_publisher() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    announcer = Announcer(RecordingBackend(), MovableClock())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(announcer.attempt(cancelled()))
    assert announcer.failures == 0


def test_output_is_numbered() -> None:
    backend, task = RecordingBackend(), Task(uuid4(), "write", uuid4(), "RUNNING")
    announcer = Announcer(backend, MovableClock())
    for kind in StreamEventType:
        asyncio.run(announcer.stream(task, kind, kind.lower()))
    assert [one.sequence for one in backend.streamed] == [0, 1, 2, 3]
    assert [one.payload for one in backend.streamed] == ["token", "progress", "data", "error"]


def test_sources() -> None:
    assert by_worker("w1") == "worker:w1"
    assert by_worker(None) == "system"
