"""The workflows of the model: their decisions, their waits, and the events in their parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eventhook_conformance.sequences.model_book import Book, Json, PartState, WorkflowState


class Workflows:
    """The workflows of a run.

    Args:
        book: where events are entered.
        specs: the workflows as the scenario has them.
        parts: answers the tasks, timers and promises of a workflow.
        cancel_part: cancels one of these, after an event.
    """

    def __init__(
        self,
        book: Book,
        specs: Mapping[str, Mapping[str, Any]],
        parts: Callable[[str], list[PartState]],
        cancel_part: Callable[[PartState, str], None],
    ) -> None:
        self._book = book
        self._specs = specs
        self._parts = parts
        self._cancel_part = cancel_part
        self._all: dict[str, WorkflowState] = {}

    def __getitem__(self, label: str) -> WorkflowState:
        """Returns the workflow of that label."""
        return self._all[label]

    # Events

    def tell(self, workflow: WorkflowState, verb: str, after: Iterable[str], **more: Any) -> str:
        """Enters an event of a workflow."""
        return self._book.add(
            f"{workflow.label}-{verb.replace('_', '-')}",
            f"workflow.{verb}",
            after,
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=workflow.snapshot(),
            **more,
        )

    def decide(
        self, workflow: WorkflowState, label: str, event_type: str, snapshot: Json, *after: str
    ) -> str:
        """Enters an act of a running workflow: after its last one, in no order with other events."""
        made = self._book.add(
            label,
            event_type,
            [*workflow.reached, *after],
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=snapshot,
        )
        workflow.since.append(made)
        return made

    def _reach(self, workflow: WorkflowState, verb: str, *after: str) -> str:
        """Enters an event that comes after all that the workflow decided so far."""
        before = [*(workflow.since or workflow.reached), *after]
        reached = self.tell(workflow, verb, before)
        workflow.reached, workflow.since = [reached], []
        return reached

    def _tell_parent(
        self, child: WorkflowState, verb: str, after: Iterable[str], source: str
    ) -> str:
        parent = self._all[child.parent or ""]
        child.seen_by_parent = self._book.add(
            f"{parent.label}-saw-{child.label}-{verb.replace('_', '-')}",
            f"child_workflow.{verb}",
            [*after, *child.told_parent],
            workflow=parent.label,
            source=source,
            worker=parent.worker,
            snapshot=child.child_snapshot(),
        )
        return child.seen_by_parent

    # Changes

    def enter(self, label: str) -> WorkflowState:
        """Returns a new workflow, PENDING."""
        spec = self._specs[label]
        self._all[label] = WorkflowState(label, spec["kind"], spec["parent"])
        return self._all[label]

    def start(self, workflow: WorkflowState, worker: str) -> None:
        """Makes a worker take up the task."""
        if workflow.ended:
            return
        workflow.status, workflow.worker = "RUNNING", worker
        started = self._reach(workflow, "started", *workflow.told_parent)
        if workflow.parent is not None:
            self._tell_parent(workflow, "started", [started], "system")

    def end(
        self, workflow: WorkflowState, status: str, error: str | None = None, *after: str
    ) -> None:
        """Ends it; its parent is told, and may go on."""
        if workflow.ended:
            return
        workflow.status, workflow.error, workflow.suspend_type = status, error, None
        lasts = [label for part in self._parts(workflow.label) for label in part.last]
        lasts += [label for child in self._children(workflow) for label in child.told_parent]
        ended = self._reach(workflow, status.lower(), *lasts, *after)
        parent = None if workflow.parent is None else self._all[workflow.parent]
        if parent is not None and not parent.ended:
            verb = "completed" if status == "COMPLETED" else "failed"
            seen = self._tell_parent(workflow, verb, [ended], "system")
            self.happened(parent, f"child:{workflow.label}", seen)

    def cancel(self, workflow: WorkflowState, *after: str) -> None:
        """Cancels it, and before it all that is not over of it."""
        if workflow.ended:
            return
        parts = self._parts(workflow.label)
        lasts = [label for part in parts for label in part.last]
        requested = self._reach(
            workflow, "cancellation_requested", *lasts, *workflow.causes, *after
        )
        workflow.cancelling = True
        for part in parts:
            if not part.ended:
                self._cancel_part(part, requested)
        for child in self._children(workflow):
            self._request(child, requested)
        self.end(workflow, "CANCELLED", None, requested)

    def cancel_child(self, parent: WorkflowState, child: WorkflowState) -> None:
        """Makes a running workflow cancel its child."""
        if not parent.ended:
            parent.since.append(self._request(child, *parent.reached))

    def _request(self, child: WorkflowState, *after: str) -> str:
        requested = self._tell_parent(child, "cancellation_requested", after, "any")
        if child.ended:
            return self._tell_parent(child, "cancellation_failed", [requested], "any")
        self.cancel(child, requested)
        return requested

    def retry(self, workflow: WorkflowState) -> None:
        """Retries a failed workflow."""
        workflow.status, workflow.error = "PENDING", None
        self._reach(workflow, "retry_requested")

    def start_child(self, parent: WorkflowState, label: str) -> None:
        """Makes a workflow begin another."""
        child = self.enter(label)
        parent.since.append(self._tell_parent(child, "initiated", parent.reached, "any"))
        child.reached = [self.tell(child, "created", [])]

    def suspend(self, workflow: WorkflowState, suspend_type: str, until: Iterable[str]) -> None:
        """Suspends it until all of these have come about."""
        workflow.status, workflow.suspend_type = "SUSPENDED", suspend_type
        workflow.awaited = set(until)
        self._reach(workflow, "suspended")

    def happened(self, workflow: WorkflowState, what: str, cause: str) -> None:
        """Notes something that it may wait for; with the last of it, it goes on."""
        if workflow.status != "SUSPENDED" or workflow.cancelling or what not in workflow.awaited:
            return
        workflow.awaited.discard(what)
        workflow.causes.append(cause)
        if not workflow.awaited:
            workflow.status, workflow.suspend_type = "RUNNING", None
            self._reach(workflow, "resumed", *workflow.causes)
            workflow.causes = []

    def _children(self, workflow: WorkflowState) -> list[WorkflowState]:
        return [one for one in self._all.values() if one.parent == workflow.label]
