"""Task execution: what workers do with tasks."""

from __future__ import annotations

from eventhook_conformance.contract import StreamEventType
from eventhook_reference.lifecycle.announcer import Announcer, by_worker
from eventhook_reference.lifecycle.records import Task


class TaskExecution:
    """Runs tasks, and tries them again while retries are left.

    Args:
        announcer: tells of each change.
    """

    def __init__(self, announcer: Announcer) -> None:
        self.announcer = announcer

    async def start(self, task: Task, worker: str) -> None:
        """Begins an attempt by a worker (LIF-08)."""
        task.status, task.worker, task.error = "RUNNING", worker, None
        task.execution_count += 1
        await self.tell(task, "TASK_STARTED")

    async def complete(self, task: Task) -> None:
        """Completes the attempt."""
        task.status = "COMPLETED"
        await self.tell(task, "TASK_COMPLETED")

    async def fail(self, task: Task, error: str) -> None:
        """Fails the attempt: with retries left the task is PENDING again, else FAILED (LIF-08)."""
        task.status = "PENDING" if task.execution_count <= task.max_retries else "FAILED"
        task.error = error
        await self.tell(task, "TASK_FAILED")

    async def cancel(self, task: Task) -> None:
        """Cancels the task, which is not run, or not to its end."""
        task.status = "CANCELLED"
        await self.announcer.of_task("TASK_CANCELLED", task)

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        """Publishes a piece of output at once (LIF-12)."""
        await self.announcer.stream(task, kind, payload)

    async def tell(self, task: Task, older: str) -> None:
        """Publishes a task's change that its worker caused."""
        await self.announcer.of_task(older, task, source=by_worker(task.worker))
