"""Bugs of a workflow server that show after a restart, in compositions and in outages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine, Journal
from eventhook_reference.lifecycle.records import Task, Timer, Workflow
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_LASTING: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_LASTING)


def _with_data(event: FlovynEvent, data: Any) -> FlovynEvent:
    return msgspec.structs.replace(event, data=data)


# LIF-16: restarts


@flaw("LIF-16", seen="workflow.resumed")
class ForgetsWhatIsAwaited(Engine):
    """Forgets at a restart what a suspended workflow waits for."""

    def restore(self, journal: Journal, failures: int) -> None:
        super().restore(journal, failures)
        for workflow in self.registry.workflows.values():
            if isinstance(workflow, Workflow):
                workflow.awaited = set()


@flaw("LIF-16", seen="executionCount")
class CountsAttemptsFromTheRestart(Engine):
    """Counts attempts anew after a restart."""

    def restore(self, journal: Journal, failures: int) -> None:
        super().restore(journal, failures)
        for task in self.registry.tasks.values():
            if isinstance(task, Task):
                task.execution_count = 0


@flaw("LIF-16", seen="timer.fired")
class LosesItsTimers(Engine):
    """Forgets its timers at a restart."""

    def restore(self, journal: Journal, failures: int) -> None:
        super().restore(Journal(journal.awaited_as), failures)


@flaw("LIF-16", seen="it came again")
class TellsAgainWhoRuns(TaskExecution):
    """Publishes the start of each running task again after a restart."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__(announcer)
        self._seen: set[UUID] = set()

    async def start(self, task: Task, worker: str) -> None:
        self._seen.add(task.id)
        await super().start(task, worker)

    async def complete(self, task: Task) -> None:
        if task.id not in self._seen:
            await self.tell(task, "TASK_STARTED")
        await super().complete(task)

    async def fail(self, task: Task, error: str) -> None:
        if task.id not in self._seen:
            await self.tell(task, "TASK_STARTED")
        await super().fail(task, error)


# LIF-17: compositions


@flaw("LIF-17", seen="workflow.resumed")
class ResumesWhatIsBeingCancelled(Dispatch):
    """Resumes a cancelled workflow when the child that it waits for is cancelled with it."""

    async def request_cancellation(self, workflow: Workflow) -> None:
        await super().request_cancellation(workflow)
        workflow.cancelling = False


@flaw("LIF-17", seen="more came")
class FiresTimersOfTheDead(Engine):
    """Fires a timer whose workflow has ended."""

    async def pass_time_until(self, timer: Timer) -> None:
        self.clock.move_to(timer.fire_at_ms)
        await self.scheduler.fire(timer)
        await self.dispatch.happened(timer.workflow, self.journal.awaited_as[timer.id])


@flaw("LIF-17", seen="more came")
class TakesLateReports(Engine):
    """Takes a worker's report of a cancelled task as if it still ran."""

    async def complete_task(self, task: Task) -> None:
        await self.task_execution.complete(task)
        await self._task_ended(task)


@flaw("LIF-17", seen="it raised NotImplementedError")
class CannotRetryOnRequest(Dispatch):
    """Raises NotImplementedError when a retry of a task is requested."""

    async def retry_task(self, task: Task) -> None:
        raise NotImplementedError(f"cannot retry {task.kind}")


@flaw("LIF-17", seen="timer.cancelled")
class LeavesTimersOfCancelledWorkflows(Engine):
    """Forgets the timers of a cancelled workflow, instead of cancelling them."""

    async def cancel_workflow(self, workflow: Workflow) -> None:
        for timer in list(self.journal.timers.values()):
            if timer.workflow.id == workflow.id:
                del self.journal.timers[timer.id]
        await super().cancel_workflow(workflow)


# LIF-18: outages


@flaw("LIF-18", seen="the older form of")
class GivesUpOnBothForms(Announcer):
    """Does not publish the second form of an event when the first one fails."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        try:
            await self.backend.events.publish(event)
            await self.backend.streams.publish(twin_of(event, older))
        except Exception:  # because: this is the bug, at the right place for one form only
            self.failures += 1


@flaw("LIF-18", seen="it was published 2 times")
class PublishesBothFormsAgain(Announcer):
    """Publishes the event again when its older form fails."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        before = self.failures
        await super().send(event, older)
        if self.failures > before:
            await self.attempt(self.backend.events.publish(event))


@flaw("LIF-18", seen="to be published, caused by")
class RestsAfterAFailure(Announcer):
    """Drops the next few events after a failure of publishing."""

    resting = 0

    async def send(self, event: FlovynEvent, older: str) -> None:
        if self.resting:
            self.resting -= 1
            self.failures += 2
            return
        before = self.failures
        await super().send(event, older)
        if self.failures > before:
            self.resting = 3


@flaw("LIF-18", seen="publish_failures from")
class CountsEachFailureThrice(Announcer):
    """Counts each failure of publishing three times."""

    async def attempt(self, publishing: Any) -> None:
        before = self.failures
        await super().attempt(publishing)
        self.failures += 2 * (self.failures - before)


# LIF-19: older forms of descendants and creations


@flaw("LIF-19", seen="it never came")
class TellsOlderReadersOfRootsOnly(Announcer):
    """Publishes the older form of root workflows only."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if "parentWorkflowExecutionId" in event.data:
            await self.attempt(self.backend.events.publish(event))
        else:
            await super().send(event, older)


@flaw("LIF-19", seen="the older form of workflow.created")
class TellsNoOlderCreations(Announcer):
    """Publishes no older form of creations."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "WORKFLOW_CREATED":
            await self.attempt(self.backend.events.publish(event))
        else:
            await super().send(event, older)


@flaw("LIF-19", seen="on the stream")
class PutsChildrenOnTheParentsFeed(Announcer):
    """Publishes the older form of a child's events on the stream of its parent."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        parent = event.data.get("parentWorkflowExecutionId")
        twin = twin_of(event, older)
        await self.attempt(self.backend.events.publish(event))
        key = twin.workflow_execution_id if parent is None else parent
        changed = msgspec.structs.replace(twin, workflow_execution_id=key)
        await self.attempt(self.backend.streams.publish(changed))
