"""The registry of all workflows and tasks, with their tenants and statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass
class WorkflowEntry:
    """One workflow execution."""

    tenant_id: UUID
    kind: str
    parent: UUID | None
    status: str


@dataclass
class TaskEntry:
    """One task execution; `workflow` is None for a standalone one."""

    tenant_id: UUID
    kind: str
    workflow: UUID | None
    status: str


@dataclass
class Registry:
    """The executions of one server; statuses are PENDING RUNNING SUSPENDED COMPLETED FAILED CANCELLED."""

    workflows: dict[UUID, WorkflowEntry] = field(default_factory=dict)
    tasks: dict[UUID, TaskEntry] = field(default_factory=dict)

    def add_workflow(
        self, id: UUID, tenant_id: UUID, kind: str, parent: UUID | None = None
    ) -> None:
        """Enters a workflow, PENDING."""
        self.workflows[id] = WorkflowEntry(tenant_id, kind, parent, "PENDING")

    def add_task(self, id: UUID, tenant_id: UUID, kind: str, workflow: UUID | None = None) -> None:
        """Enters a task, PENDING; without a workflow it is a standalone one."""
        self.tasks[id] = TaskEntry(tenant_id, kind, workflow, "PENDING")

    def children(self, id: UUID) -> list[UUID]:
        """Returns the children of a workflow."""
        return [child for child, entry in self.workflows.items() if entry.parent == id]

    def note_status(self, id: UUID, tenant_id: UUID, status: str) -> None:
        """Enters the status that an event gives a workflow; ignores workflows of other tenants."""
        entry = self.workflows.get(id)
        if entry is not None and entry.tenant_id == tenant_id:
            entry.status = status

    def ended(self, id: UUID) -> bool:
        """Returns True if that workflow is known and over."""
        entry = self.workflows.get(id)
        return entry is not None and entry.status in ENDED
