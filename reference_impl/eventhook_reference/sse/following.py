"""Learns from the bus which executions there are.

A server that stands alone knows what other processes began only by their events: `*.created` makes a
workflow or task known, `child_workflow.initiated` a child, and the last event of a workflow ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamingBackend,
    Subscription,
)
from eventhook_reference.lifecycle.registry import Registry

_STATUSES: Final = {
    "started": "RUNNING",
    "resumed": "RUNNING",
    "suspended": "SUSPENDED",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}


class Following:
    """Keeps a registry up to date with the events of some tenants.

    Args:
        backend: the bus.
        registry: the one that is kept up to date.
    """

    def __init__(self, backend: StreamingBackend, registry: Registry) -> None:
        self._backend = backend
        self._registry = registry

    @asynccontextmanager
    async def of(self, tenant_id: UUID) -> AsyncIterator[None]:
        """Follows that tenant as long as the context is open."""
        async with self._backend.events.subscribe(EventPattern.all(tenant_id)) as subscription:
            following = asyncio.get_running_loop().create_task(self._follow(subscription))
            try:
                yield
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def catch_up(self, tenant_id: UUID) -> None:
        """Returns once all is known that other servers had published before this was called.

        An event that a subscription entered now would miss has reached the one there is, and has woken
        its task, which runs before this one does.

        Raises:
            StreamingError: the bus refuses.
        """
        async with self._backend.events.subscribe(EventPattern.all(tenant_id)):
            pass
        await asyncio.sleep(0)

    async def _follow(self, subscription: Subscription[FlovynEvent]) -> None:
        async for event in subscription:
            self.learn(event)

    def learn(self, event: FlovynEvent) -> None:
        """Takes in one event."""
        learn(self._registry, event)


def learn(registry: Registry, event: FlovynEvent) -> None:
    """Takes in one event. An event never moves an execution to another tenant."""
    data: dict[str, Any] = event.data if isinstance(event.data, dict) else {}
    kind = str(data.get("kind", ""))
    workflow, task = event.workflow_execution_id, event.task_execution_id
    category, _, what = event.event_type.partition(".")
    if event.event_type == "child_workflow.initiated":
        child = _uuid(data.get("childWorkflowId"))
        if child is not None and child not in registry.workflows:
            registry.add_workflow(child, event.tenant_id, kind, workflow)
    elif event.event_type == "task.created" and task is not None:
        if task not in registry.tasks:
            registry.add_task(task, event.tenant_id, kind, workflow)
    elif category == "workflow" and workflow is not None:
        if what == "created" and workflow not in registry.workflows:
            parent = _uuid(data.get("parentWorkflowExecutionId"))
            registry.add_workflow(workflow, event.tenant_id, kind, parent)
        entry = registry.workflows.get(workflow)
        if entry is not None and entry.tenant_id == event.tenant_id:
            entry.status = _STATUSES.get(what, entry.status)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
