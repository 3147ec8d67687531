"""Dispatch: what workflows decide, and the one place where they are resumed.

Everything that can end a wait comes here to end it, so that no way of resuming goes untold (LIF-06).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventhook_reference.lifecycle.announcer import Announcer, by_worker
from eventhook_reference.lifecycle.records import Promise, Task, Timer, Workflow
from eventhook_reference.lifecycle.registry import Registry


class Dispatch:
    """Creates workflows, and carries out their requests.

    Args:
        registry: where everything that runs is entered.
        announcer: tells of each change.
    """

    def __init__(self, registry: Registry, announcer: Announcer) -> None:
        self.registry = registry
        self.announcer = announcer

    # Workflows

    async def create_workflow(
        self, tenant_id: UUID, kind: str, parent: Workflow | None = None
    ) -> Workflow:
        """Returns a new workflow, PENDING; a child lives in its parent's tenant."""
        workflow = Workflow(tenant_id, kind, parent.id if parent else None, "PENDING")
        self.registry.workflows[workflow.id] = workflow
        await self.announcer.of_workflow("WORKFLOW_CREATED", workflow)
        return workflow

    async def start_workflow(self, workflow: Workflow, worker: str) -> None:
        """Starts a workflow that a worker has taken up."""
        workflow.status, workflow.worker = "RUNNING", worker
        await self.tell(workflow, "WORKFLOW_STARTED")

    async def complete_workflow(self, workflow: Workflow) -> None:
        """Completes a workflow."""
        workflow.status = "COMPLETED"
        await self.tell(workflow, "WORKFLOW_COMPLETED")

    async def fail_workflow(self, workflow: Workflow, error: str) -> None:
        """Fails a workflow for good."""
        workflow.status, workflow.error = "FAILED", error
        await self.tell(workflow, "WORKFLOW_FAILED")

    async def suspend(self, workflow: Workflow, suspend_type: str, awaited: Iterable[str]) -> None:
        """Suspends it until all of these are there; `suspend_type` says for what kind of thing (LIF-06)."""
        workflow.status, workflow.suspend_type = "SUSPENDED", suspend_type
        workflow.awaited = set(awaited)
        await self.tell(workflow, "WORKFLOW_SUSPENDED")

    async def happened(self, workflow: Workflow, what: str) -> None:
        """Tells a workflow of something that it may wait for; with the last of it, it goes on."""
        if workflow.status != "SUSPENDED" or workflow.cancelling or what not in workflow.awaited:
            return
        workflow.awaited.discard(what)
        if not workflow.awaited:
            workflow.status, workflow.suspend_type = "RUNNING", None
            await self.tell(workflow, "WORKFLOW_RESUMED")

    async def request_cancellation(self, workflow: Workflow) -> None:
        """Records a request to cancel a workflow; its tasks are cancelled before it is."""
        workflow.cancelling = True
        await self.announcer.of_workflow("CANCELLATION_REQUESTED", workflow)

    async def cancel_workflow(self, workflow: Workflow) -> None:
        """Cancels a workflow without running tasks or children."""
        workflow.status, workflow.suspend_type = "CANCELLED", None
        await self.announcer.of_workflow("WORKFLOW_CANCELLED", workflow)

    async def retry_workflow(self, workflow: Workflow) -> None:
        """Makes a failed workflow PENDING again."""
        workflow.status, workflow.error, workflow.cancelling = "PENDING", None, False
        await self.announcer.of_workflow("RETRY_REQUESTED", workflow, retried="workflow")

    # Tasks, timers, promises, children, operations, state

    async def create_task(
        self, tenant_id: UUID, kind: str, workflow: Workflow | None, max_retries: int
    ) -> Task:
        """Creates a task, PENDING; without a workflow it is a standalone one."""
        owner = workflow.id if workflow else None
        task = Task(tenant_id, kind, owner, "PENDING", max_retries=max_retries)
        self.registry.tasks[task.id] = task
        await self.announcer.of_task("TASK_CREATED", task)
        return task

    async def retry_task(self, task: Task) -> None:
        """Makes a failed task PENDING again."""
        task.status, task.error = "PENDING", None
        await self.announcer.of_task("RETRY_REQUESTED", task, retried="task")

    async def start_timer(self, workflow: Workflow, delay_ms: int) -> Timer:
        """Returns a timer that the scheduler will fire."""
        timer = Timer(workflow, self.announcer.clock.now_ms() + delay_ms)
        await self.tell(workflow, "TIMER_STARTED", timer.snapshot())
        return timer

    async def cancel_timer(self, timer: Timer) -> None:
        """Cancels a timer, which then is not fired."""
        await self.tell(timer.workflow, "TIMER_CANCELLED", timer.snapshot())

    async def create_promise(self, workflow: Workflow) -> Promise:
        """Creates a promise, which is resolved or rejected from outside."""
        promise = Promise(workflow)
        await self.tell(workflow, "PROMISE_CREATED", promise.snapshot())
        return promise

    async def resolve_promise(self, promise: Promise, result: Any) -> None:
        """Resolves a promise."""
        await self.announcer.of_workflow(
            "PROMISE_RESOLVED", promise.workflow, promise.snapshot(result=result)
        )

    async def reject_promise(self, promise: Promise, error: str) -> None:
        """Rejects a promise."""
        await self.announcer.of_workflow(
            "PROMISE_REJECTED", promise.workflow, promise.snapshot(error=error)
        )

    async def start_child(self, parent: Workflow, kind: str) -> Workflow:
        """Creates a child workflow, after its parent is told that it is initiated (LIF-07)."""
        child = Workflow(parent.tenant_id, kind, parent.id, "PENDING")
        self.registry.workflows[child.id] = child
        await self.tell(parent, "CHILD_WORKFLOW_INITIATED", child.child_snapshot())
        await self.announcer.of_workflow("WORKFLOW_CREATED", child)
        return child

    async def request_child_cancellation(self, parent: Workflow, child: Workflow) -> bool:
        """Makes a parent cancel its child; returns whether the child can still be cancelled."""
        await self.tell(parent, "CHILD_WORKFLOW_CANCELLATION_REQUESTED", child.child_snapshot())
        if child.ended:
            await self.tell(parent, "CHILD_WORKFLOW_CANCELLATION_FAILED", child.child_snapshot())
        return not child.ended

    async def complete_operation(self, workflow: Workflow, operation: str, result: Any) -> None:
        """Completes something that the workflow did itself, once."""
        await self.tell(
            workflow, "OPERATION_COMPLETED", {"operationId": operation, "result": result}
        )

    async def set_state(self, workflow: Workflow, key: str, value: Any) -> None:
        """Sets a value of the workflow's state."""
        workflow.state[key] = value
        await self.tell(workflow, "STATE_SET", {"key": key, "value": value})

    async def clear_state(self, workflow: Workflow, key: str) -> None:
        """Clears a value of the workflow's state."""
        workflow.state.pop(key, None)
        await self.tell(workflow, "STATE_CLEARED", {"key": key})

    async def tell(
        self, workflow: Workflow, older: str, snapshot: dict[str, Any] | None = None
    ) -> None:
        """Publishes a workflow's change that its worker caused."""
        await self.announcer.of_workflow(
            older, workflow, snapshot, source=by_worker(workflow.worker)
        )
