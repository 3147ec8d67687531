"""One run's engine: dispatch, task execution and scheduler over one publisher.

The engine passes messages between the parts, so that no part knows another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventhook_conformance.contract import StreamEventType, StreamingBackend
from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.records import Promise, Task, Timer, Workflow
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.task_execution import TaskExecution


@dataclass
class Journal:
    """Holds the data that the engine stores beside its records, and reads back after a restart."""

    awaited_as: dict[object, str] = field(default_factory=dict)
    """By id, the name that a workflow waits for."""
    timers: dict[str, Timer] = field(default_factory=dict)
    """By id, those that are neither fired nor cancelled."""


class Engine:
    """Runs workflows and standalone tasks, and publishes what happens through one client.

    The caller names each thing that a suspended workflow waits for: `suspend` takes those names, and
    each thing is created under its name. A report of something that is over
    already changes nothing, and is not told.

    Args:
        registry: where everything that runs is entered; may be shared between engines.
        backend: through which it publishes.
        clock: stamps the events; timers go by it.
        announcer, dispatch, task_execution, scheduler: its parts, for those that want others.
    """

    def __init__(
        self,
        registry: Registry,
        backend: StreamingBackend,
        clock: MovableClock,
        *,
        announcer: type[Announcer] = Announcer,
        dispatch: type[Dispatch] = Dispatch,
        task_execution: type[TaskExecution] = TaskExecution,
        scheduler: type[Scheduler] = Scheduler,
    ) -> None:
        self.registry = registry
        self.clock = clock
        self.announcer = announcer(backend, clock)
        self.dispatch = dispatch(registry, self.announcer)
        self.task_execution = task_execution(self.announcer)
        self.scheduler = scheduler(self.announcer)
        self.journal = Journal()

    def restore(self, journal: Journal, failures: int) -> None:
        """Continues from the records that an earlier engine stored.

        Args:
            journal: its journal.
            failures: how many publishes had failed.
        """
        self.journal = journal
        self.announcer.failures = failures

    # Workflows

    async def start_workflow(self, workflow: Workflow, worker: str) -> None:
        """Starts a workflow that a worker takes up; tells a parent."""
        if workflow.ended:
            return
        await self.dispatch.start_workflow(workflow, worker)
        if (parent := self._parent(workflow)) is not None:
            await self.scheduler.child_started(parent, workflow)

    async def complete_workflow(self, workflow: Workflow) -> None:
        """Completes it; tells a parent, which goes on if it waited for that."""
        if workflow.ended:
            return
        await self.dispatch.complete_workflow(workflow)
        await self._ended(workflow)

    async def fail_workflow(self, workflow: Workflow, error: str) -> None:
        """Fails it for good; tells a parent, which goes on if it waited for that."""
        if workflow.ended:
            return
        await self.dispatch.fail_workflow(workflow, error)
        await self._ended(workflow)

    async def cancel_workflow(self, workflow: Workflow) -> None:
        """Cancels it and all that it runs; tells its own end last."""
        if workflow.ended:
            return
        await self.dispatch.request_cancellation(workflow)
        for task in list(self.registry.tasks.values()):
            if isinstance(task, Task) and task.workflow == workflow.id and not task.ended:
                await self.task_execution.cancel(task)
        for timer in list(self.journal.timers.values()):
            if timer.workflow.id == workflow.id:
                await self.cancel_timer(timer)
        for identifier in self.registry.children(workflow.id):
            child = self.registry.workflows[identifier]
            if isinstance(child, Workflow):
                await self.cancel_child(workflow, child)
        await self.dispatch.cancel_workflow(workflow)
        await self._ended(workflow)

    async def retry_workflow(self, workflow: Workflow) -> None:
        """Tries a failed workflow again."""
        await self.dispatch.retry_workflow(workflow)

    async def start_child(self, parent: Workflow, kind: str, awaited_as: str) -> Workflow:
        """Starts a child of a workflow."""
        child = await self.dispatch.start_child(parent, kind)
        self.journal.awaited_as[child.id] = awaited_as
        return child

    async def cancel_child(self, parent: Workflow, child: Workflow) -> None:
        """Cancels a child of a workflow, unless it has ended already."""
        if await self.dispatch.request_child_cancellation(parent, child):
            await self.cancel_workflow(child)

    async def signal(self, workflow: Workflow, awaited_as: str) -> None:
        """Sends a signal from outside to a workflow."""
        await self.dispatch.happened(workflow, awaited_as)

    # Tasks

    async def create_task(
        self, tenant_id: UUID, kind: str, workflow: Workflow | None, max_retries: int, name: str
    ) -> Task:
        """Creates a task, which its workflow may wait for by that name."""
        task = await self.dispatch.create_task(tenant_id, kind, workflow, max_retries)
        self.journal.awaited_as[task.id] = name
        return task

    async def start_task(self, task: Task, worker: str) -> None:
        """Begins an attempt by a worker, who may take up a task too late."""
        if not task.ended:
            await self.task_execution.start(task, worker)

    async def complete_task(self, task: Task) -> None:
        """Completes an attempt."""
        if task.ended:
            return
        await self.task_execution.complete(task)
        await self._task_ended(task)

    async def fail_task(self, task: Task, error: str) -> None:
        """Fails an attempt; the task's workflow hears of the last one only."""
        if task.ended:
            return
        await self.task_execution.fail(task, error)
        if task.status == "FAILED":
            await self._task_ended(task)

    async def cancel_task(self, task: Task) -> None:
        """Cancels a task; its workflow hears that it has ended."""
        if not task.ended:
            await self.task_execution.cancel(task)
            await self._task_ended(task)

    async def retry_task(self, task: Task) -> None:
        """Tries a failed task again."""
        await self.dispatch.retry_task(task)

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        """Streams a piece of a task's output."""
        await self.task_execution.stream(task, kind, payload)

    # Timers and promises

    async def start_timer(self, workflow: Workflow, delay_ms: int, awaited_as: str) -> Timer:
        """Starts a timer, which wakes the workflow in so many milliseconds."""
        timer = await self.dispatch.start_timer(workflow, delay_ms)
        self.journal.awaited_as[timer.id] = awaited_as
        self.journal.timers[timer.id] = timer
        return timer

    async def pass_time_until(self, timer: Timer) -> None:
        """Moves the clock to where the timer is due, and fires it unless it is over by then."""
        self.clock.move_to(timer.fire_at_ms)
        if timer.workflow.ended or timer.id not in self.journal.timers:
            return
        if await self.scheduler.fire(timer):
            self.journal.timers.pop(timer.id)
            await self.dispatch.happened(timer.workflow, self.journal.awaited_as[timer.id])

    async def cancel_timer(self, timer: Timer) -> None:
        """Cancels a timer."""
        if self.journal.timers.pop(timer.id, None) is not None and not timer.workflow.ended:
            await self.dispatch.cancel_timer(timer)

    async def create_promise(self, workflow: Workflow, awaited_as: str) -> Promise:
        """Creates a promise, by which a workflow hears from outside."""
        promise = await self.dispatch.create_promise(workflow)
        self.journal.awaited_as[promise.id] = awaited_as
        return promise

    async def resolve_promise(self, promise: Promise, result: Any) -> None:
        """Resolves a promise."""
        if promise.settled or promise.workflow.ended:
            return
        promise.settled = True
        await self.dispatch.resolve_promise(promise, result)
        await self.dispatch.happened(promise.workflow, self.journal.awaited_as[promise.id])

    async def reject_promise(self, promise: Promise, error: str) -> None:
        """Rejects a promise."""
        if promise.settled or promise.workflow.ended:
            return
        promise.settled = True
        await self.dispatch.reject_promise(promise, error)
        await self.dispatch.happened(promise.workflow, self.journal.awaited_as[promise.id])

    # Links between the parts

    def _parent(self, workflow: Workflow) -> Workflow | None:
        parent = None if workflow.parent is None else self.registry.workflows.get(workflow.parent)
        return parent if isinstance(parent, Workflow) else None

    async def _ended(self, workflow: Workflow) -> None:
        parent = self._parent(workflow)
        if parent is not None and not parent.ended:
            await self.scheduler.child_ended(parent, workflow)
            await self.dispatch.happened(parent, self.journal.awaited_as[workflow.id])

    async def _task_ended(self, task: Task) -> None:
        workflow = None if task.workflow is None else self.registry.workflows.get(task.workflow)
        if isinstance(workflow, Workflow):
            await self.dispatch.happened(workflow, self.journal.awaited_as[task.id])
