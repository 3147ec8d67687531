"""The engine's records of workflows, tasks, timers and promises, and their snapshots.

A snapshot is taken when something changes, not when it is sent: later changes are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from eventhook_reference.lifecycle.registry import ENDED, TaskEntry, WorkflowEntry

Snapshot = dict[str, Any]


@dataclass
class Workflow(WorkflowEntry):
    """One workflow execution."""

    id: UUID = field(default_factory=uuid4)
    worker: str | None = None
    error: str | None = None
    suspend_type: str | None = None
    awaited: set[str] = field(default_factory=set)
    """The names of the things that must happen before it is resumed."""
    state: dict[str, Any] = field(default_factory=dict)
    cancelling: bool = False
    """Its cancellation was requested: nothing resumes it any more."""

    @property
    def ended(self) -> bool:
        """True if it is over."""
        return self.status in ENDED

    def snapshot(self) -> Snapshot:
        """Returns its snapshot."""
        return _present(
            id=str(self.id),
            kind=self.kind,
            status=self.status,
            workerId=self.worker,
            error=self.error,
            parentWorkflowExecutionId=None if self.parent is None else str(self.parent),
            suspendType=self.suspend_type,
        )

    def child_snapshot(self) -> Snapshot:
        """Returns its snapshot for its parent."""
        return _present(
            childWorkflowId=str(self.id), kind=self.kind, status=self.status, error=self.error
        )


@dataclass
class Task(TaskEntry):
    """One task execution; `workflow` is None for a standalone one."""

    id: UUID = field(default_factory=uuid4)
    max_retries: int = 0
    execution_count: int = 0
    worker: str | None = None
    error: str | None = None
    sequence: int = 0
    """The sequence of its next stream event."""

    @property
    def ended(self) -> bool:
        """True if it is over; a failed one may still be retried on request."""
        return self.status in ENDED

    @property
    def stream_key(self) -> str:
        """Returns the key of its output's stream: its workflow's, or its own if it has none (LIF-09)."""
        return str(self.workflow or self.id)

    def snapshot(self) -> Snapshot:
        """Returns its snapshot."""
        return _present(
            id=str(self.id),
            kind=self.kind,
            status=self.status,
            executionCount=self.execution_count,
            maxRetries=self.max_retries,
            workerId=self.worker,
            error=self.error,
        )


@dataclass
class Timer:
    """One timer of a workflow."""

    workflow: Workflow
    fire_at_ms: int
    id: str = field(default_factory=lambda: str(uuid4()))

    def snapshot(self) -> Snapshot:
        """Returns its snapshot."""
        return {"timerId": self.id, "fireAtMs": self.fire_at_ms}


@dataclass
class Promise:
    """One promise that a workflow waits for."""

    workflow: Workflow
    id: str = field(default_factory=lambda: str(uuid4()))
    settled: bool = False

    def snapshot(self, **outcome: Any) -> Snapshot:
        """Returns its snapshot, with its result or error once it has one."""
        return {"promiseId": self.id, **outcome}


def _present(**members: Any) -> Snapshot:
    return {name: value for name, value in members.items() if value is not None}
