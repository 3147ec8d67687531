"""Something to see: a small workflow, again and again."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID, uuid4

from eventhook_conformance.contract import (
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    StreamingBackend,
)
from eventhook_conformance.contract.events import now_ms
from eventhook_reference.lifecycle.registry import Registry

PACE_S: Final = 0.3
"""Seconds between two events: as fast as one reads."""
_WORDS: Final = ("Every", " event", " comes", " to", " whoever", " asked", " for", " it", ".")


async def play_on(
    backend: StreamingBackend, registry: Registry, tenant_id: UUID, pace_s: float = PACE_S
) -> None:
    """Plays until it is cancelled."""
    while True:
        await play_once(backend, registry, tenant_id, pace_s)


async def play_once(
    backend: StreamingBackend, registry: Registry, tenant_id: UUID, pace_s: float = PACE_S
) -> None:
    """One workflow with one task that writes a sentence."""
    workflow, task = uuid4(), uuid4()
    registry.add_workflow(workflow, tenant_id, "greeting")
    registry.add_task(task, tenant_id, "write", workflow)

    async def happen(event_type: str, snapshot: dict[str, Any], of_task: bool = False) -> None:
        event = FlovynEvent.new(tenant_id, event_type, "system", snapshot).with_workflow(workflow)
        await backend.events.publish(event.with_task(task) if of_task else event)
        await asyncio.sleep(pace_s)

    def root(status: str) -> dict[str, Any]:
        return {"id": str(workflow), "kind": "greeting", "status": status}

    def part(status: str) -> dict[str, Any]:
        counts = {"executionCount": 1, "maxRetries": 3}
        return {"id": str(task), "kind": "write", "status": status, **counts}

    await happen("workflow.created", root("PENDING"))
    await happen("workflow.started", root("RUNNING"))
    await happen("task.created", part("PENDING"), True)
    await happen("task.started", part("RUNNING"), True)
    for sequence, word in enumerate(_WORDS):
        await backend.streams.publish(
            StreamEvent(
                task_execution_id=str(task),
                workflow_execution_id=str(workflow),
                sequence=sequence,
                event_type=StreamEventType.TOKEN,
                payload=word,
                timestamp_ms=now_ms(),
            )
        )
        await asyncio.sleep(pace_s)
    await happen("task.completed", part("COMPLETED"), True)
    registry.workflows[workflow].status = "COMPLETED"
    await happen("workflow.completed", root("COMPLETED"))
