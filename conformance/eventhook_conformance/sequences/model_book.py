"""Collects the expected events of a run, and the state of each workflow, task, timer and promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
Json = dict[str, Any]


@dataclass
class WorkflowState:
    """One workflow."""

    label: str
    kind: str
    parent: str | None
    status: str = "PENDING"
    worker: str | None = None
    error: str | None = None
    suspend_type: str | None = None
    awaited: set[str] = field(default_factory=set)
    reached: list[str] = field(default_factory=list)
    """The events after which the next decision comes."""
    since: list[str] = field(default_factory=list)
    """The decisions made since then, in no order."""
    causes: list[str] = field(default_factory=list)
    """The events of what it waits for that have come so far."""
    seen_by_parent: str | None = None
    """The latest event in which its parent was told of it."""
    cancelling: bool = False

    @property
    def ended(self) -> bool:
        """True if it is over."""
        return self.status in ENDED

    @property
    def told_parent(self) -> list[str]:
        """The latest event in which its parent was told of it, if there is one."""
        return [] if self.seen_by_parent is None else [self.seen_by_parent]

    def snapshot(self) -> Json:
        """Returns the matchers of its snapshot now."""
        snapshot: Json = {"id": {"workflow": self.label}, "kind": self.kind, "status": self.status}
        if self.parent is not None:
            snapshot["parentWorkflowExecutionId"] = {"workflow": self.parent}
        if self.worker is not None:
            snapshot["workerId"] = {"maybe": self.worker}
        if self.error is not None:
            snapshot["error"] = {"error": self.error}
        if self.status == "SUSPENDED":
            snapshot["suspendType"] = self.suspend_type
        return snapshot

    def child_snapshot(self) -> Json:
        """Returns the matchers of what its parent is told of it now."""
        snapshot: Json = {
            "childWorkflowId": {"workflow": self.label},
            "kind": self.kind,
            "status": {"maybe": self.status},
        }
        if self.error is not None:
            snapshot["error"] = {"maybe": {"error": self.error}}
        return snapshot


@dataclass
class PartState:
    """A task, a timer, or a promise."""

    label: str
    workflow: str | None
    last: list[str] = field(default_factory=list)
    """Its latest event, if there is one."""
    status: str = "PENDING"
    worker: str | None = None
    error: str | None = None
    count: int = 0
    delay_ms: int = 0

    @property
    def ended(self) -> bool:
        """True if it is over."""
        return self.status in ENDED

    def task_snapshot(self, spec: Mapping[str, Any], verb: str) -> Json:
        """Returns the matchers of a task's snapshot now.

        Args:
            spec: the task as the scenario has it.
            verb: of the event; only that of a failure must tell the error.
        """
        snapshot: Json = {
            "id": {"task": self.label},
            "kind": spec["kind"],
            "status": self.status,
            "executionCount": self.count,
            "maxRetries": spec["maxRetries"],
        }
        if self.worker is not None:
            snapshot["workerId"] = {"maybe": self.worker}
        if self.error is not None:
            error = {"error": self.error}
            snapshot["error"] = error if verb == "failed" else {"maybe": error}
        return snapshot

    def timer_snapshot(self, verb: str) -> Json:
        """Returns the matchers of a timer's snapshot; a cancelled one need not say when it was due."""
        due = {"due": {"timer": self.label, "delayMs": self.delay_ms}}
        told = {"maybe": due} if verb == "cancelled" else due
        return {"timerId": {"same": f"timer:{self.label}"}, "fireAtMs": told}


class Book:
    """The expected events so far."""

    def __init__(self) -> None:
        self.events: list[Json] = []
        self.step = "prepare"
        """The step that causes what is entered now."""
        self._by_label: dict[str, Json] = {}

    def add(
        self,
        label: str,
        event_type: str,
        after: Iterable[str],
        *,
        workflow: str | None,
        snapshot: Json,
        task: str | None = None,
        source: str = "any",
        worker: str | None = None,
        optional: bool = False,
    ) -> str:
        """Enters an event.

        Args:
            label: for people; a number is added where it is taken.
            event_type: such as `task.created`.
            after: the labels of the events that it comes after.
            workflow, task: whose it is.
            snapshot: its matchers.
            source: `system`, `worker`, or `any` of the two.
            worker: whom the source names where it names a worker.
            optional: it may have been published before the first subscription.

        Returns:
            Its label.
        """
        number, name = 1, label
        while name in self._by_label:
            number += 1
            name = f"{label}-{number}"
        event: Json = {
            "label": name,
            "type": event_type,
            "step": self.step,
            "workflow": workflow,
            "task": task,
            "source": source,
            "worker": worker,
            "optional": optional,
            "snapshot": snapshot,
            "before": [],
        }
        for first in dict.fromkeys(after):
            self._by_label[first]["before"].append(name)
        self._by_label[name] = event
        self.events.append(event)
        return name
