"""Publishes each change in both forms: on the event bus, and as an older stream event (LIF-04).

A failed publish stops nothing: the exception is counted and otherwise ignored, and the other form is
still published (LIF-10).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from uuid import UUID, uuid4

from eventhook_conformance.contract import (
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    StreamingBackend,
)
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.names import Retried, event_type_of
from eventhook_reference.lifecycle.records import Snapshot, Task, Workflow

SYSTEM = "system"


def by_worker(worker: str | None) -> str:
    """Returns the source of a worker's act; the system's if there is no worker."""
    return f"worker:{worker}" if worker else SYSTEM


class Announcer:
    """Publishes for one run through one client of the bus.

    Args:
        backend: through which it publishes.
        clock: stamps the events.
    """

    def __init__(self, backend: StreamingBackend, clock: MovableClock) -> None:
        self.clock = clock
        self.failures = 0
        """Events, of either form, that could not be published."""
        self.backend = backend

    async def of_workflow(
        self,
        older: str,
        workflow: Workflow,
        snapshot: Snapshot | None = None,
        *,
        source: str = SYSTEM,
        retried: Retried | None = None,
    ) -> None:
        """Tells of a workflow; with a snapshot given, of something that belongs to it."""
        data = workflow.snapshot() if snapshot is None else snapshot
        await self._tell(older, retried, workflow.tenant_id, workflow.id, None, source, data)

    async def of_task(
        self, older: str, task: Task, *, source: str = SYSTEM, retried: Retried | None = None
    ) -> None:
        """Tells of a task; a standalone one has no workflow (LIF-09)."""
        await self._tell(
            older, retried, task.tenant_id, task.workflow, task.id, source, task.snapshot()
        )

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        """Publishes a piece of a task's output."""
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=task.stream_key,
            sequence=task.sequence,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        task.sequence += 1
        await self.attempt(self.backend.streams.publish(event))

    async def _tell(
        self,
        older: str,
        retried: Retried | None,
        tenant_id: UUID,
        workflow: UUID | None,
        task: UUID | None,
        source: str,
        snapshot: Snapshot,
    ) -> None:
        event = FlovynEvent(
            id=uuid4(),
            tenant_id=tenant_id,
            workflow_execution_id=workflow,
            task_execution_id=task,
            event_type=event_type_of(older, retried),
            source=source,
            data=snapshot,
            timestamp_ms=self.clock.now_ms(),
        )
        await self.send(event, older)

    async def send(self, event: FlovynEvent, older: str) -> None:
        """Publishes both forms of an event."""
        twin = twin_of(event, older)
        await self.attempt(self.backend.events.publish(event))
        await self.attempt(self.backend.streams.publish(twin))

    async def attempt(self, publishing: Awaitable[None]) -> None:
        """Makes one publish; counts a failure, and otherwise ignores it."""
        try:
            await publishing
        except Exception:  # because: no error of a publisher may fail a workflow
            self.failures += 1


def twin_of(event: FlovynEvent, older: str) -> StreamEvent:
    """Returns the older form of a lifecycle event."""
    payload = {
        "type": "Event",
        "event": older,
        "data": event.data,
        "timestampMs": event.timestamp_ms,
    }
    task = event.task_execution_id
    return StreamEvent(
        task_execution_id="" if task is None else str(task),
        workflow_execution_id=str(event.workflow_execution_id or task),
        sequence=0,
        event_type=StreamEventType.DATA,
        payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        timestamp_ms=event.timestamp_ms,
    )
