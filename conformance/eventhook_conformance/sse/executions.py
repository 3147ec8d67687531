"""Keeps the executions that a case made, and tells which events belong on which stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.history import Event
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.provisioning import Made, Provisioner
from eventhook_conformance.target import Tenant


class Executions:
    """Makes executions, and keeps their owners.

    Args:
        provisioner: makes them.
        tenants: the target's.
    """

    def __init__(self, provisioner: Provisioner, tenants: Sequence[Tenant]) -> None:
        self._provisioner = provisioner
        self._all_tenants = tenants
        self._tenants: dict[UUID, UUID] = {}
        self._parents: dict[UUID, UUID] = {}
        self._tasks: dict[UUID, UUID | None] = {}

    async def make(self, tenant: int, kind: Made, parent: UUID | None = None) -> UUID:
        """Makes a workflow, a task, or a child of a workflow.

        Args:
            tenant: the number of its owner.
            kind: of execution.
            parent: the parent of a child, or the workflow of a task.

        Raises:
            CaseAborted: it raised or hung.
            NotOffered: the target cannot make such a thing.
        """
        owner = self._all_tenants[tenant]
        made = await self._provisioner.make(owner, kind, parent)
        self._tenants[made] = owner.id
        if kind == "task":
            self._tasks[made] = parent
        elif parent is not None:
            self._parents[made] = parent
        return made

    def tenant_of(self, made: UUID | None) -> UUID | None:
        """Returns the owner's id; None for an execution that was not made here."""
        return None if made is None else self._tenants.get(made)

    def workflow_of(self, task: UUID) -> UUID | None:
        """Returns the task's workflow; None for a standalone task."""
        return self._tasks.get(task)

    def family(self, root: UUID) -> list[UUID]:
        """Returns the workflow and all its descendants."""
        return [root, *(one for one in self._parents if self._descends(str(one), str(root)))]

    def carrier(self, kind: StreamKind, id: UUID | None, tenant: UUID) -> Callable[[Event], bool]:
        """Returns a function that tells whether an event belongs on a stream.

        Args:
            kind: the stream's endpoint.
            id: the workflow or task that the stream is about; None for the tenant's own.
            tenant: the reader's tenant.
        """

        def carries(event: Event) -> bool:
            if isinstance(event, FlovynEvent) and event.tenant_id != tenant:
                return False
            if kind == "tenant":
                return isinstance(event, FlovynEvent)
            if kind == "task" and id is not None:
                return self._of_task(event, id)
            workflow = event.workflow_execution_id
            if kind == "workflow" or workflow is None:
                return workflow is not None and str(workflow) == str(id)
            return self._descends(str(workflow), str(id))

        return carries

    def _of_task(self, event: Event, task: UUID) -> bool:
        if isinstance(event, FlovynEvent):
            return event.task_execution_id == task
        workflow = self._tasks.get(task)
        if workflow is None:
            return event.workflow_execution_id == str(task)
        return (event.workflow_execution_id, event.task_execution_id) == (str(workflow), str(task))

    def _descends(self, workflow: str, root: str) -> bool:
        parents = {str(child): str(parent) for child, parent in self._parents.items()}
        while workflow != root:
            if workflow not in parents:
                return False
            workflow = parents[workflow]
        return True
