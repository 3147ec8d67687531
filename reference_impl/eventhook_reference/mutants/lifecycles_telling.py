"""Bugs of a workflow server in telling: slow readers, two tenants at once, the output of tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Task, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_TELLING: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_TELLING)


# LIF-10: telling is not doing


@flaw("LIF-10", seen="it raised BusClosed")
class FailsWithItsPublisher(Announcer):
    """Raises an error of publishing to the workflow."""

    async def attempt(self, publishing: Any) -> None:
        await publishing


@flaw("LIF-10", seen="status COMPLETED at the end")
class TakesSilenceForFailure(Engine):
    """Marks a workflow as failed when its end could not be published."""

    async def complete_workflow(self, workflow: Workflow) -> None:
        await super().complete_workflow(workflow)
        if self.announcer.failures:
            workflow.status = "FAILED"


@flaw("LIF-10", seen="publish_failures = 0")
class CountsNoFailures(Announcer):
    """Swallows an error of publishing, and does not count it."""

    async def attempt(self, publishing: Any) -> None:
        await super().attempt(publishing)
        self.failures = 0


@flaw("LIF-10", seen="publish_failures = 1,")
class GivesUpAfterOneFailure(Announcer):
    """Publishes nothing more after the first failure, and counts nothing more."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if not self.failures:
            await self.attempt(self.backend.events.publish(event))
        if not self.failures:
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))


# LIF-11: two tenants at once


@flaw("LIF-11", seen="but for its own tenant")
class TakesTheLatestTenant(Announcer):
    """Reads the tenant from a global that the latest request has set."""

    latest: UUID | None = None

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older in ("WORKFLOW_CREATED", "TASK_CREATED"):
            type(self).latest = event.tenant_id
        tenant = type(self).latest or event.tenant_id
        await super().send(msgspec.structs.replace(event, tenant_id=tenant), older)


@flaw("LIF-11", seen="but for its own tenant")
class TellsTheFirstTenantOfAKind(Scheduler):
    """Caches the tenant of a child's end by the kind of its parent."""

    tenants: dict[str, UUID] = {}  # noqa: RUF012  # because: shared by all runs, which is the bug

    async def child_started(self, parent: Workflow, child: Workflow) -> None:
        self.tenants[parent.kind] = parent.tenant_id
        await super().child_started(parent, child)

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        tenant = self.tenants.get(parent.kind, parent.tenant_id)
        await super().child_ended(replace(parent, tenant_id=tenant), child)


@flaw("LIF-11", seen="a piece of its output came to")
class StreamsToTheLatestReader(Announcer):
    """Streams output to the stream of the task that started last."""

    latest: str | None = None

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_STARTED":
            type(self).latest = str(event.workflow_execution_id or event.task_execution_id)
        await super().send(event, older)

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=self.latest or task.stream_key,
            sequence=task.sequence,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        task.sequence += 1
        await self.attempt(self.backend.streams.publish(event))


# LIF-12: the output of tasks


@flaw("LIF-12", seen="PROGRESS '0.5'")
class PublishesProgressOnce(Announcer):
    """Publishes the first progress of a task only."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._progressed: set[UUID] = set()

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if kind is StreamEventType.PROGRESS:
            if task.id in self._progressed:
                return
            self._progressed.add(task.id)
        await super().stream(task, kind, payload)


@flaw("LIF-12", seen="after the task's end")
class FlushesOutputAtTheEnd(TaskExecution):
    """Collects output, and publishes it when the task has ended."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._gathered: dict[UUID, list[tuple[StreamEventType, str]]] = {}

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        self._gathered.setdefault(task.id, []).append((kind, payload))

    async def complete(self, task: Task) -> None:
        await super().complete(task)
        for kind, payload in self._gathered.pop(task.id, []):
            await super().stream(task, kind, payload)


@flaw("LIF-12", seen="TOKEN ''")
class DropsEmptyTokens(Announcer):
    """Drops an empty piece of output."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if payload:
            await super().stream(task, kind, payload)


@flaw("LIF-12", seen="before the older TASK_STARTED")
class StartsToStreamBeforeItStarts(Announcer):
    """Publishes the older form of a task's start after its first output."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._held: list[StreamEvent] = []

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_STARTED":
            await self.attempt(self.backend.events.publish(event))
            self._held.append(twin_of(event, older))
            return
        while self._held:
            await self.attempt(self.backend.streams.publish(self._held.pop(0)))
        await super().send(event, older)
