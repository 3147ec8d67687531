"""The subscriptions that each endpoint needs, and those of their events that belong on its stream."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_reference.sse.feed import Feed

ENDINGS: Final = {
    "workflow.completed": "COMPLETED",
    "workflow.failed": "FAILED",
    "workflow.cancelled": "CANCELLED",
}
"""The events that end a workflow, and its status from then on."""


class EndingFeed(Feed):
    """A feed whose stream ends with its executions."""

    def note_end(self, event: FlovynEvent) -> None:
        """Tells the registry of an end, so that a stream opened later ends too."""
        if event.workflow_execution_id is not None:
            status = ENDINGS[event.event_type]
            self.registry.note_status(event.workflow_execution_id, event.tenant_id, status)


class WorkflowFeed(EndingFeed):
    """One workflow's stream events and lifecycle events."""

    async def open(self) -> None:
        """Follows both sides; events even if none are asked for, since one of them tells of the end."""
        if self.types.wants_streams:
            await self.follow_stream(self.id)
        await self.follow_events(EventPattern.for_workflow(self.tenant_id, self.id))
        if self.registry.ended(self.id):
            self.begin_end()

    async def on_event(self, event: FlovynEvent) -> bool:
        """Returns True for each event; the last one begins the end."""
        if event.event_type in ENDINGS:
            self.note_end(event)
            self.begin_end()
        return True


class ConsolidatedFeed(EndingFeed):
    """The events of a workflow and all its descendants, also of those that begin later (SSE-11)."""

    async def open(self) -> None:
        """Follows the tenant's events on one subscription, so that their order holds across the family."""
        self.family: set[UUID] = set()
        self._ended: set[UUID] = set()
        await self.adopt(self.id)
        await self.follow_events(EventPattern.all(self.tenant_id))
        # Children begun while the subscription was entered are only in the registry.
        await self.adopt(self.id)
        self._end_if_all_did()

    async def adopt(self, workflow: UUID) -> None:
        """Listens to a member and to all its descendants known so far."""
        if not self._is_ours(workflow):
            return
        if workflow not in self.family:
            self.family.add(workflow)
            if self.types.wants_streams:
                await self.follow_stream(workflow)
        for child in self.registry.children(workflow):
            await self.adopt(child)

    def _is_ours(self, workflow: UUID) -> bool:
        """Returns whether a workflow is the tenant's: an event may name one of another tenant."""
        entry = self.registry.workflows.get(workflow)
        return entry is None or entry.tenant_id == self.tenant_id

    async def on_event(self, event: FlovynEvent) -> bool:
        """Accepts the family's events; follows a child before the event that tells of it is forwarded."""
        workflow = event.workflow_execution_id
        if workflow is None:
            return False
        if workflow not in self.family and self._descends(workflow):
            await self.adopt(workflow)
        if workflow not in self.family:
            return False
        if event.event_type == "child_workflow.initiated":
            child = _child_of(event)
            if child is not None:
                await self.adopt(child)
        elif event.event_type in ENDINGS:
            self.note_end(event)
            self._ended.add(workflow)
            self._end_if_all_did()
        return True

    def _descends(self, workflow: UUID) -> bool:
        entry = self.registry.workflows.get(workflow)
        while entry is not None and entry.parent is not None:
            if entry.parent in self.family:
                return True
            entry = self.registry.workflows.get(entry.parent)
        return False

    def _end_if_all_did(self) -> None:
        if all(one in self._ended or self.registry.ended(one) for one in self.family):
            self.begin_end()

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """Returns the event's bytes, with the workflow that it belongs to."""
        return self.encoders.consolidated(event)


class TaskFeed(Feed):
    """A task's events: a standalone task has a stream of its own, another one writes to its workflow's."""

    async def open(self) -> None:
        """Follows both sides, as far as they are asked for."""
        workflow = self.registry.tasks[self.id].workflow
        self._standalone = workflow is None
        if self.types.wants_streams:
            await self.follow_stream(self.id if workflow is None else workflow)
        if self.types.prefixes is None or self.types.prefixes:
            await self.follow_events(EventPattern.for_task(self.tenant_id, self.id))

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """Returns the event's bytes; None for an event of another task of the workflow."""
        if self._standalone or event.task_execution_id.lower() == str(self.id):
            return self.encoders.stream(event)
        return None


class TenantFeed(Feed):
    """The lifecycle events of the tenant."""

    async def open(self) -> None:
        """Follows the events alone."""
        await self.follow_events(EventPattern.all(self.tenant_id))


def _child_of(event: FlovynEvent) -> UUID | None:
    named = event.data.get("childWorkflowId") if isinstance(event.data, dict) else None
    try:
        return UUID(named)
    except (ValueError, TypeError, AttributeError):
        return None  # a malformed snapshot names nobody
