"""Bugs of a workflow server in the course of a run: times, suspensions, families, retries, tasks alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Snapshot, Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_COURSE: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_COURSE)


# LIF-05: times


@flaw("LIF-05", seen="in milliseconds since the epoch")
class StampsInSeconds(Announcer):
    """Stamps events in seconds."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        seconds = event.timestamp_ms // 1000
        await super().send(msgspec.structs.replace(event, timestamp_ms=seconds), older)


@flaw("LIF-05", seen="its cause")
class StampsResumptionWithSuspension(Announcer):
    """Stamps a resumption with the time at which the workflow was suspended."""

    written_ms = 0

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "WORKFLOW_SUSPENDED":
            self.written_ms = event.timestamp_ms
        if older == "WORKFLOW_RESUMED":
            event = msgspec.structs.replace(event, timestamp_ms=self.written_ms)
        await super().send(event, older)


@flaw("LIF-05", seen="not before its time")
class FiresAtOnce(Engine):
    """Takes a timer's delay in milliseconds for one in microseconds."""

    async def pass_time_until(self, timer: Timer) -> None:
        timer.fire_at_ms = self.clock.now_ms()
        await super().pass_time_until(timer)


# LIF-06: why suspended, and every resumption


@flaw("LIF-06", seen="workflow.resumed")
class ResumesFromTimersSilently(Dispatch):
    """Resumes a workflow after a timer, and publishes no resumption."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what.startswith("timer:"):
            workflow.status, workflow.suspend_type = "RUNNING", None
        else:
            await super().happened(workflow, what)


@flaw("LIF-06", seen="workflow.resumed")
class ResumesParentsSilently(Dispatch):
    """Resumes a parent after its child has ended, and publishes no resumption."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what.startswith("child:"):
            workflow.status, workflow.suspend_type = "RUNNING", None
        else:
            await super().happened(workflow, what)


@flaw("LIF-06", seen="suspendType")
class SuspendsWithoutReason(Dispatch):
    """Publishes a suspension without its reason."""

    async def suspend(self, workflow: Workflow, suspend_type: str, awaited: Any) -> None:
        await super().suspend(workflow, "", awaited)


@flaw("LIF-06", seen="data.suspendType = 'task'")
class SuspendsForSignalsOnly(Dispatch):
    """Publishes a suspension for an inner task as one for a signal."""

    async def suspend(self, workflow: Workflow, suspend_type: str, awaited: Any) -> None:
        await super().suspend(workflow, "signal", awaited)


# LIF-07: children and parents


@flaw("LIF-07", seen="under its workflow id")
class FilesChildrenUnderParents(Announcer):
    """Publishes a child's events with the workflow id of its parent."""

    async def of_workflow(
        self, older: str, workflow: Workflow, snapshot: Snapshot | None = None, **more: Any
    ) -> None:
        data = workflow.snapshot() if snapshot is None else snapshot
        if workflow.parent is not None and older.startswith("WORKFLOW_"):
            await super().of_workflow(older, replace(workflow, id=workflow.parent), data, **more)
        else:
            await super().of_workflow(older, workflow, data, **more)


@flaw("LIF-07", seen="child-completed")
class TellsParentsUnderChildren(Scheduler):
    """Publishes the end of a child, for its parent, with the id of the child."""

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        await super().child_ended(replace(parent, id=child.id), child)


@flaw("LIF-07", seen="grandchild")
class TellsGrandparents(Scheduler):
    """Publishes the end of a descendant to the root instead of its parent."""

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        root = replace(parent, id=parent.parent or parent.id)
        await super().child_ended(root, child)


# LIF-08: retries


@flaw("LIF-08", seen="executionCount 1, 2, …")
class NeverCountsAttempts(TaskExecution):
    """Publishes every attempt as the first."""

    async def tell(self, task: Task, older: str) -> None:
        await super().tell(replace(task, execution_count=1), older)


@flaw("LIF-08", seen="no status that is final")
class CallsEveryFailureFinal(TaskExecution):
    """Publishes the first failure as final, and runs the task again a second later."""

    async def fail(self, task: Task, error: str) -> None:
        task.status, task.error = "FAILED", error
        await self.tell(task, "TASK_FAILED")
        if task.execution_count <= task.max_retries:
            task.status = "PENDING"


@flaw("LIF-08", seen="executionCount")
class CountsFailuresNotStarts(TaskExecution):
    """Counts an attempt when it has failed, not when it begins."""

    async def start(self, task: Task, worker: str) -> None:
        task.execution_count -= 1
        await super().start(task, worker)

    async def fail(self, task: Task, error: str) -> None:
        task.execution_count += 1
        await super().fail(task, error)


# LIF-09: standalone tasks


class _KeyedStandaloneTasks(Announcer):
    """Streams the output of a standalone task under a key that a bug can get wrong."""

    def key(self, task: Task) -> str:
        """Returns that key."""
        return str(task.id)

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if task.workflow is not None:
            await super().stream(task, kind, payload)
            return
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=self.key(task),
            sequence=0,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        await self.attempt(self.backend.streams.publish(event))


@flaw("LIF-09", seen="nothing came there")
class HasNoKeyForStandaloneTasks(_KeyedStandaloneTasks):
    """Publishes a standalone task's stream events with an empty key."""

    def key(self, task: Task) -> str:
        return ""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if event.workflow_execution_id is not None:
            await super().send(event, older)
            return
        await self.attempt(self.backend.events.publish(event))
        twin = msgspec.structs.replace(twin_of(event, older), workflow_execution_id="")
        await self.attempt(self.backend.streams.publish(twin))


@flaw("LIF-09", seen="and no workflow")
class InventsWorkflows(Announcer):
    """Names a standalone task's own id as its workflow."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if event.workflow_execution_id is None and event.task_execution_id is not None:
            event = event.with_workflow(event.task_execution_id)
        await super().send(event, older)


@flaw("LIF-09", seen="nothing came there")
class NamesTheStreamByTheKind(_KeyedStandaloneTasks):
    """Names the stream of a standalone task by the task's kind: all of a kind share one."""

    def key(self, task: Task) -> str:
        return task.kind

    async def send(self, event: FlovynEvent, older: str) -> None:
        twin = twin_of(event, older)
        if event.workflow_execution_id is None:
            twin = msgspec.structs.replace(twin, workflow_execution_id=event.data["kind"])
        await self.attempt(self.backend.events.publish(event))
        await self.attempt(self.backend.streams.publish(twin))
