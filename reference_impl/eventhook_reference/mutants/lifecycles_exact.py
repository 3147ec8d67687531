"""Bugs of a workflow server that show in exact runs: members, timers, commits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.records import Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_EXACT: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_EXACT)


def _with_data(event: FlovynEvent, data: Any) -> FlovynEvent:
    return msgspec.structs.replace(event, data=data)


# LIF-13: members


@flaw("LIF-13", seen="and not null")
class WritesNullsForWhatIsAbsent(Announcer):
    """Writes null for absent members."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if event.event_type.partition(".")[0] in ("workflow", "task"):
            event = _with_data(event, {"error": None, **event.data})
        await super().send(event, older)


@flaw("LIF-13", seen="data.error, which does not apply")
class KeepsTheErrorOfTheAttemptBefore(TaskExecution):
    """Keeps the error of the attempt before in a new attempt."""

    async def start(self, task: Task, worker: str) -> None:
        error = task.error
        task.status, task.worker = "RUNNING", worker
        task.execution_count += 1
        task.error = error
        await self.tell(task, "TASK_STARTED")


@flaw("LIF-13", seen="with data.workerId, spelled so")
class SpellsTheWorkerAnotherWay(Announcer):
    """Writes the worker of a task as `worker_id`, not `workerId`."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older.startswith("TASK_") and "workerId" in event.data:
            data = {name: value for name, value in event.data.items() if name != "workerId"}
            event = _with_data(event, {**data, "worker_id": event.data["workerId"]})
        await super().send(event, older)


@flaw("LIF-13", "LIF-06", seen="data.suspendType, which does not apply")
class KeepsWhyItWasSuspended(Dispatch):
    """Keeps the reason of a suspension after the resumption."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        why = workflow.suspend_type
        if workflow.awaited == {what} and not workflow.cancelling:
            workflow.awaited = set()
            workflow.status, workflow.suspend_type = "RUNNING", why
            await self.tell(workflow, "WORKFLOW_RESUMED")
            workflow.suspend_type = None
        else:
            await super().happened(workflow, what)


@flaw("LIF-13", seen="data.error = the error")
class TellsTheFirstErrorAlways(TaskExecution):
    """Publishes the first error of a task for later attempts too."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__(announcer)
        self._first: dict[UUID, str] = {}

    async def fail(self, task: Task, error: str) -> None:
        await super().fail(task, self._first.setdefault(task.id, error))


@flaw("LIF-13", seen="data.result = ")
class RoundsResults(Dispatch):
    """Rounds results that are numbers to integers."""

    async def complete_operation(self, workflow: Workflow, operation: str, result: Any) -> None:
        if isinstance(result, dict):
            result = {k: int(v) if isinstance(v, float) else v for k, v in result.items()}
        await super().complete_operation(workflow, operation, result)


# LIF-14: timers


@flaw("LIF-14", seen="as it was told before")
class ReckonsAnewWhenItFires(Scheduler):
    """Publishes when a timer fired, not when it was due."""

    async def fire(self, timer: Timer) -> bool:
        told = Timer(timer.workflow, timer.fire_at_ms, timer.id)
        told.fire_at_ms = self.announcer.clock.now_ms() - 1
        await self.announcer.of_workflow("TIMER_FIRED", timer.workflow, told.snapshot())
        return True


@flaw("LIF-14", seen="ms after it")
class TakesTheDelayForSeconds(Dispatch):
    """Takes a delay in milliseconds for one in seconds."""

    async def start_timer(self, workflow: Workflow, delay_ms: int) -> Timer:
        return await super().start_timer(workflow, delay_ms * 1000)


@flaw("LIF-14", seen="data.fireAtMs = ")
class ForgetsWhenItWasDue(Scheduler):
    """Publishes a timer that fires without its due time."""

    async def fire(self, timer: Timer) -> bool:
        await self.announcer.of_workflow("TIMER_FIRED", timer.workflow, {"timerId": timer.id})
        return True


# LIF-15: committed before it is told


@flaw("LIF-15", seen="status COMPLETED of the execution")
class TellsCompletionBeforeItIsCommitted(Dispatch):
    """Publishes a completion before it is committed."""

    async def complete_workflow(self, workflow: Workflow) -> None:
        data = {**workflow.snapshot(), "status": "COMPLETED"}
        await self.tell(workflow, "WORKFLOW_COMPLETED", data)
        workflow.status = "COMPLETED"


@flaw("LIF-15", seen="status FAILED of the execution")
class TellsFailureBeforeItIsCommitted(Dispatch):
    """Publishes a failure before it is committed."""

    async def fail_workflow(self, workflow: Workflow, error: str) -> None:
        data = {**workflow.snapshot(), "status": "FAILED", "error": error}
        await self.tell(workflow, "WORKFLOW_FAILED", data)
        workflow.status, workflow.error = "FAILED", error


@flaw("LIF-15", seen="status CANCELLED of the execution")
class TellsCancellationBeforeItIsCommitted(Dispatch):
    """Publishes a cancellation before it is committed."""

    async def cancel_workflow(self, workflow: Workflow) -> None:
        data = {**workflow.snapshot(), "status": "CANCELLED"}
        data.pop("suspendType", None)
        await self.announcer.of_workflow("WORKFLOW_CANCELLED", workflow, data)
        workflow.status, workflow.suspend_type = "CANCELLED", None


@flaw("LIF-15", seen="of its end can be heard")
class TellsTheEndOfTasksBeforeItIsCommitted(TaskExecution):
    """Publishes a task's end before it is committed."""

    async def complete(self, task: Task) -> None:
        ended = replace(task, status="COMPLETED")
        await self.tell(ended, "TASK_COMPLETED")
        task.status = "COMPLETED"

    async def fail(self, task: Task, error: str) -> None:
        again = task.execution_count <= task.max_retries
        status = "PENDING" if again else "FAILED"
        await self.tell(replace(task, status=status, error=error), "TASK_FAILED")
        task.status, task.error = status, error
