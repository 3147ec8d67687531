"""Bugs of a workflow server: wrong events, ids and forms."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.records import Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES: list[Mutant] = []

flaw = flaw_in(LIFECYCLES)


# LIF-01: every event, once, in order


@flaw("LIF-01", seen="the other way round")
class TellsStartAfterEnd(TaskExecution):
    """Publishes the start of a short task in a batch job, after its end."""

    async def tell(self, task: Task, older: str) -> None:
        if older != "TASK_STARTED":
            await super().tell(task, older)
            await super().tell(task, "TASK_STARTED")


@flaw("LIF-01", seen="it came again")
class TellsCreationTwice(Dispatch):
    """Publishes a task's creation twice, since it reads the outbox again before removing the entry."""

    async def create_task(
        self, tenant_id: UUID, kind: str, workflow: Workflow | None, max_retries: int
    ) -> Task:
        task = await super().create_task(tenant_id, kind, workflow, max_retries)
        await self.announcer.of_task("TASK_CREATED", task)
        return task


@flaw("LIF-01", seen="task.cancelled of main/charge")
class CancelsTasksSilently(TaskExecution):
    """Marks the running tasks as cancelled, and publishes nothing."""

    async def cancel(self, task: Task) -> None:
        task.status = "CANCELLED"


@flaw("LIF-01", seen="resumed (workflow.resumed of main)")
class ResumesAtTheFirst(Dispatch):
    """Resumes a workflow that waits for several tasks when the first of them has ended."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what in workflow.awaited:
            workflow.awaited = {what}
        await super().happened(workflow, what)


# LIF-02: nothing else, nothing after the end


@flaw("LIF-02", seen="more came: workflow.created > workflow.started")
class FailsAndCompletes(Dispatch):
    """Publishes the completion of a workflow after its failure."""

    async def fail_workflow(self, workflow: Workflow, error: str) -> None:
        await super().fail_workflow(workflow, error)
        await self.complete_workflow(workflow)


@flaw("LIF-02", seen="task.retry_requested")
class RequestsRetriesNobodyWants(TaskExecution):
    """Publishes every automatic retry as a requested one."""

    async def fail(self, task: Task, error: str) -> None:
        await super().fail(task, error)
        if task.status == "PENDING":
            await self.announcer.of_task("RETRY_REQUESTED", task, retried="task")


@flaw("LIF-02", seen="more came")
class ClearsStateAfterTheEnd(Dispatch):
    """Clears the rest of a workflow's state after its end, and publishes that."""

    async def complete_workflow(self, workflow: Workflow) -> None:
        await super().complete_workflow(workflow)
        await self.clear_state(workflow, "scratch")


@flaw("LIF-02", seen="workflow.started")
class StartsWhilePreparing(Dispatch):
    """Starts a workflow as soon as it is created, before its preparation has ended."""

    async def create_workflow(
        self, tenant_id: UUID, kind: str, parent: Workflow | None = None
    ) -> Workflow:
        workflow = await super().create_workflow(tenant_id, kind, parent)
        await self.start_workflow(workflow, "eager")
        return workflow


@flaw("LIF-02", seen="task.completed")
class TellsTheEndAgainLater(TaskExecution):
    """Publishes a task's end again a moment later, when its lease runs out."""

    async def complete(self, task: Task) -> None:
        await super().complete(task)
        asyncio.get_running_loop().call_later(0.05, self._run_out, task)

    def _run_out(self, task: Task) -> None:
        lost = asyncio.ensure_future(self.tell(task, "TASK_COMPLETED"))
        lost.add_done_callback(asyncio.Future.result)


# LIF-03: ids, source, snapshot


@flaw("LIF-03", seen="timer-fired (timer.fired of main)")
class FiresForTheLatestWorkflow(Scheduler):
    """Fires a timer for the workflow whose timer is fired last in the same turn."""

    latest: Workflow | None = None

    async def fire(self, timer: Timer) -> bool:
        type(self).latest = timer.workflow
        await asyncio.sleep(0)
        return await super().fire(
            Timer(type(self).latest or timer.workflow, timer.fire_at_ms, timer.id)
        )


@flaw("LIF-03", seen="data.status = 'RUNNING'")
class TakesTheSnapshotTooEarly(Dispatch):
    """Takes the snapshot before it changes the status."""

    async def start_workflow(self, workflow: Workflow, worker: str) -> None:
        workflow.worker = worker
        await self.tell(workflow, "WORKFLOW_STARTED")
        workflow.status = "RUNNING"


@flaw("LIF-03", seen="and task None")
class ForgetsTheTask(Announcer):
    """Publishes the creation of a task without the task's id."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_CREATED" and event.workflow_execution_id is not None:
            event = msgspec.structs.replace(event, task_execution_id=None)
        await super().send(event, older)


@flaw("LIF-03", seen="from `worker:<worker id>`")
class SaysSystemForWorkers(Announcer):
    """Names `system` as the source of all that workers report."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older.startswith("TASK_"):
            event = msgspec.structs.replace(event, source="system")
        await super().send(event, older)


@flaw("LIF-03", seen="no such member")
class LeavesOutTheKind(Announcer):
    """Leaves the kind out of a child's snapshot."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older.startswith("CHILD_"):
            data = {name: value for name, value in event.data.items() if name != "kind"}
            event = msgspec.structs.replace(event, data=data)
        await super().send(event, older)


# LIF-04: both forms, the same


@flaw("LIF-04", seen="seen: child.workflow.")
class ReplacesEveryUnderscore(Announcer):
    """Makes the event type of the older name by replacing every underscore by a dot."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        naive = older.lower().replace("_", ".")
        await super().send(msgspec.structs.replace(event, event_type=naive), older)


@flaw("LIF-04", seen="it never came")
class SendsTheNewFormOnly(Announcer):
    """Publishes the new form only, without the older one."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await self.attempt(self.backend.events.publish(event))


@flaw("LIF-04", seen="the older form came without it")
class SendsFailuresInTheOlderFormOnly(Announcer):
    """Publishes failures in the older form only."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_FAILED":
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))
        else:
            await super().send(event, older)


@flaw("LIF-04", seen="it came again")
class SendsTheOlderFormTwice(Announcer):
    """Publishes the older form of timers twice."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await super().send(event, older)
        if older.startswith("TIMER_"):
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))


@flaw("LIF-04", seen="timestamp_ms")
class StampsTheTwinAnew(Announcer):
    """Stamps the older form when it is written, sometimes a millisecond later."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await self.attempt(self.backend.events.publish(event))
        later = msgspec.structs.replace(event, timestamp_ms=event.timestamp_ms + 1)
        await self.attempt(self.backend.streams.publish(twin_of(later, older)))
