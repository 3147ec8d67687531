"""What a run of steps must tell: its events, their snapshots, and which must come before which.

A model of a workflow server, as far as the specification says how one behaves. It plays the steps of a
scenario and writes the expected events; the partial order follows from the structure: the decisions of
one workflow between two points at which it waits are in no order among each other, what it waits for
comes before it goes on, and all of it comes before the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
Json = dict[str, Any]


@dataclass
class _Workflow:
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
    """What came about of what it waits for."""
    seen_by_parent: str | None = None
    """What its parent was last told of it."""
    cancelling: bool = False

    @property
    def ended(self) -> bool:
        return self.status in ENDED


@dataclass
class _Part:
    """A task, a timer, or a promise."""

    label: str
    workflow: str | None
    last: str | None = None
    """Its latest event."""
    status: str = "PENDING"
    worker: str | None = None
    error: str | None = None
    count: int = 0

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Model:
    """Plays steps.

    Args:
        raw: a scenario; its `events`, `terminal` and `status` are not looked at.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.events: list[Json] = []
        self._by_label: dict[str, Json] = {}
        self._step = "prepare"
        self._workflows: dict[str, _Workflow] = {}
        self._tasks: dict[str, _Part] = {}
        self._timers: dict[str, _Part] = {}
        self._promises: dict[str, _Part] = {}
        self._state: dict[tuple[str, str], str] = {}
        self._delays: dict[str, int] = {}

    def play(self) -> None:
        """Plays all steps, from the creation of the root."""
        root = self._raw["root"]
        if "workflow" in root:
            workflow = self._enter(root["workflow"])
            created = self._of_workflow(workflow, "created", [], source="system", optional=True)
            workflow.reached = [created]
        else:
            self._create_task(root["task"], optional=True)
        for step in self._raw["steps"]:
            self._step = step["name"]
            branches = step["branches"] if step["do"] == "together" else [[step]]
            for branch in branches:
                for one in branch:
                    getattr(self, "_" + one["do"].replace("-", "_"))(one)

    @property
    def status(self) -> str:
        """How the root ended."""
        root = self._raw["root"]
        if "workflow" in root:
            return self._workflows[root["workflow"]].status
        return self._tasks[root["task"]].status

    # Events and edges

    def _add(
        self,
        label: str,
        event_type: str,
        after: Iterable[str],
        *,
        workflow: str | None,
        task: str | None = None,
        source: str = "any",
        worker: str | None = None,
        optional: bool = False,
        snapshot: Json,
    ) -> str:
        number, name = 1, label
        while name in self._by_label:
            number += 1
            name = f"{label}-{number}"
        event: Json = {
            "label": name,
            "type": event_type,
            "step": self._step,
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

    def _of_workflow(
        self, workflow: _Workflow, verb: str, after: Iterable[str], **more: Any
    ) -> str:
        snapshot: Json = {
            "id": {"workflow": workflow.label},
            "kind": workflow.kind,
            "status": workflow.status,
        }
        if workflow.parent is not None:
            snapshot["parentWorkflowExecutionId"] = {"workflow": workflow.parent}
        if workflow.worker is not None:
            snapshot["workerId"] = {"maybe": workflow.worker}
        if workflow.error is not None:
            snapshot["error"] = {"error": workflow.error}
        if workflow.status == "SUSPENDED":
            snapshot["suspendType"] = workflow.suspend_type
        return self._add(
            f"{workflow.label}-{verb.replace('_', '-')}",
            f"workflow.{verb}",
            after,
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=snapshot,
            **more,
        )

    def _of_child(
        self, parent: _Workflow, child: _Workflow, verb: str, after: Iterable[str], source: str
    ) -> str:
        snapshot: Json = {
            "childWorkflowId": {"workflow": child.label},
            "kind": child.kind,
            "status": {"maybe": child.status},
        }
        if child.error is not None:
            snapshot["error"] = {"maybe": {"error": child.error}}
        child.seen_by_parent = self._add(
            f"{parent.label}-saw-{child.label}-{verb.replace('_', '-')}",
            f"child_workflow.{verb}",
            after,
            workflow=parent.label,
            source=source,
            worker=parent.worker,
            snapshot=snapshot,
        )
        return child.seen_by_parent

    def _of_task(self, task: _Part, verb: str, after: Iterable[str], **more: Any) -> str:
        spec = self._raw["tasks"][task.label]
        snapshot: Json = {
            "id": {"task": task.label},
            "kind": spec["kind"],
            "status": task.status,
            "executionCount": task.count,
            "maxRetries": spec["maxRetries"],
        }
        if task.worker is not None:
            snapshot["workerId"] = {"maybe": task.worker}
        if task.error is not None:
            error = {"error": task.error}
            snapshot["error"] = error if verb == "failed" else {"maybe": error}
        owner = None if task.workflow is None else self._workflows[task.workflow]
        worker = task.worker if owner is None else owner.worker
        arguments = {"worker": worker, **more}
        task.last = self._add(
            f"{task.label}-{verb.replace('_', '-')}",
            f"task.{verb}",
            after,
            workflow=task.workflow,
            task=task.label,
            snapshot=snapshot,
            **arguments,
        )
        return task.last

    def _decide(
        self, workflow: _Workflow, label: str, event_type: str, snapshot: Json, *after: str
    ) -> str:
        """What a workflow does while it runs: after what it reached last, in no order beside the rest."""
        made = self._add(
            label,
            event_type,
            [*workflow.reached, *after],
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=snapshot,
        )
        workflow.since.append(made)
        return made

    def _reach(self, workflow: _Workflow, verb: str, *after: str, **more: Any) -> str:
        """A point at which all that the workflow decided so far is behind it."""
        before = [*(workflow.since or workflow.reached), *after]
        reached = self._of_workflow(workflow, verb, before, **more)
        workflow.reached, workflow.since = [reached], []
        return reached

    def _happened(self, workflow: _Workflow, what: str, cause: str) -> None:
        if workflow.status != "SUSPENDED" or workflow.cancelling or what not in workflow.awaited:
            return
        workflow.awaited.discard(what)
        workflow.causes.append(cause)
        if not workflow.awaited:
            workflow.status, workflow.suspend_type = "RUNNING", None
            self._reach(workflow, "resumed", *workflow.causes)
            workflow.causes = []

    # Workflows

    def _enter(self, label: str) -> _Workflow:
        spec = self._raw["workflows"][label]
        self._workflows[label] = _Workflow(label, spec["kind"], spec["parent"])
        return self._workflows[label]

    def _start_workflow(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        if workflow.ended:
            return
        workflow.status, workflow.worker = "RUNNING", step["worker"]
        told = [] if workflow.seen_by_parent is None else [workflow.seen_by_parent]
        started = self._reach(workflow, "started", *told)
        if workflow.parent is not None:
            parent = self._workflows[workflow.parent]
            self._of_child(parent, workflow, "started", [started], "system")

    def _complete_workflow(self, step: Json) -> None:
        self._end(self._workflows[step["workflow"]], "COMPLETED", None)

    def _fail_workflow(self, step: Json) -> None:
        self._end(self._workflows[step["workflow"]], "FAILED", step["error"])

    def _end(self, workflow: _Workflow, status: str, error: str | None, *after: str) -> None:
        if workflow.ended:
            return
        workflow.status, workflow.error, workflow.suspend_type = status, error, None
        parts = [part.last for part in self._parts(workflow) if part.last]
        children = [one.seen_by_parent for one in self._children(workflow) if one.seen_by_parent]
        ended = self._reach(workflow, status.lower(), *parts, *children, *after)
        parent = None if workflow.parent is None else self._workflows[workflow.parent]
        if parent is not None and not parent.ended:
            verb = "completed" if status == "COMPLETED" else "failed"
            told = [] if workflow.seen_by_parent is None else [workflow.seen_by_parent]
            seen = self._of_child(parent, workflow, verb, [ended, *told], "system")
            self._happened(parent, f"child:{workflow.label}", seen)

    def _cancel_workflow(self, step: Json) -> None:
        self._cancel(self._workflows[step["workflow"]])

    def _cancel(self, workflow: _Workflow, *after: str) -> None:
        if workflow.ended:
            return
        open_parts = [part for part in self._parts(workflow) if not part.ended]
        lasts = [part.last for part in self._parts(workflow) if part.last]
        requested = self._reach(
            workflow, "cancellation_requested", *lasts, *workflow.causes, *after
        )
        workflow.cancelling = True
        for part in open_parts:
            part.status = "CANCELLED"
            if part.label in self._tasks:
                self._of_task(part, "cancelled", [requested])
            elif part.label in self._timers:
                self._of_timer(workflow, part, "cancelled", [requested])
        for child in self._children(workflow):
            self._request_child(workflow, child, requested)
        self._end(workflow, "CANCELLED", None, requested)

    def _cancel_child(self, step: Json) -> None:
        parent, child = self._workflows[step["workflow"]], self._workflows[step["child"]]
        if not parent.ended:
            parent.since.append(self._request_child(parent, child, *parent.reached))

    def _request_child(self, parent: _Workflow, child: _Workflow, *after: str) -> str:
        seen = [child.seen_by_parent] if child.seen_by_parent else []
        requested = self._of_child(parent, child, "cancellation_requested", [*after, *seen], "any")
        if child.ended:
            return self._of_child(parent, child, "cancellation_failed", [requested], "any")
        self._cancel(child, requested)
        return requested

    def _retry_workflow(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        workflow.status, workflow.error = "PENDING", None
        self._reach(workflow, "retry_requested")

    def _suspend(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        workflow.status, workflow.suspend_type = "SUSPENDED", step["suspendType"]
        workflow.awaited = set(step["until"])
        self._reach(workflow, "suspended")

    def _signal(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        self._happened(workflow, f"signal:{step['signal']}", workflow.reached[0])

    def _start_child(self, step: Json) -> None:
        parent = self._workflows[step["workflow"]]
        child = self._enter(step["child"])
        seen = self._of_child(parent, child, "initiated", parent.reached, "any")
        parent.since.append(seen)
        child.reached = [self._of_workflow(child, "created", [])]

    # Tasks

    def _create_task(self, label: str, *, optional: bool = False) -> None:
        owner = self._raw["tasks"][label]["workflow"]
        task = self._tasks[label] = _Part(label, owner)
        if owner is None:
            self._of_task(task, "created", [], optional=optional)
        else:
            workflow = self._workflows[owner]
            workflow.since.append(self._of_task(task, "created", workflow.reached))

    def _schedule_task(self, step: Json) -> None:
        self._create_task(step["task"])

    def _start_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status, task.worker, task.error = "RUNNING", step["worker"], None
            task.count += 1
            self._of_task(task, "started", self._last(task), source="worker", worker=task.worker)

    def _complete_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status = "COMPLETED"
            self._of_task(task, "completed", self._last(task), source="worker", worker=task.worker)
            self._task_ended(task)

    def _fail_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if task.ended:
            return
        again = task.count <= self._raw["tasks"][task.label]["maxRetries"]
        task.status, task.error = ("PENDING" if again else "FAILED"), step["error"]
        self._of_task(task, "failed", self._last(task), source="worker", worker=task.worker)
        if not again:
            self._task_ended(task)

    def _cancel_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status = "CANCELLED"
            self._of_task(task, "cancelled", self._last(task))
            self._task_ended(task)

    def _retry_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        task.status, task.error = "PENDING", None
        self._of_task(task, "retry_requested", self._last(task))

    def _task_ended(self, task: _Part) -> None:
        if task.workflow is not None and task.last is not None:
            self._happened(self._workflows[task.workflow], f"task:{task.label}", task.last)

    def _stream(self, step: Json) -> None:
        """Output is no event."""

    # Timers, promises, operations, state

    def _of_timer(
        self, workflow: _Workflow, timer: _Part, verb: str, after: Iterable[str], **more: Any
    ) -> str:
        timer.last = self._add(
            f"{timer.label}-{verb}",
            f"timer.{verb}",
            after,
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=self._timer_snapshot(timer, verb),
            **more,
        )
        return timer.last

    def _timer_snapshot(self, timer: _Part, verb: str) -> Json:
        due = {"due": {"timer": timer.label, "delayMs": self._delays[timer.label]}}
        told = {"maybe": due} if verb == "cancelled" else due
        return {"timerId": {"same": f"timer:{timer.label}"}, "fireAtMs": told}

    def _start_timer(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        timer = self._timers[step["timer"]] = _Part(step["timer"], workflow.label)
        self._delays[timer.label] = step["delayMs"]
        workflow.since.append(self._of_timer(workflow, timer, "started", workflow.reached))

    def _fire_timer(self, step: Json) -> None:
        timer = self._timers[step["timer"]]
        workflow = self._owner(timer)
        if not timer.ended and not workflow.ended:
            timer.status = "COMPLETED"
            fired = self._of_timer(workflow, timer, "fired", self._last(timer), source="system")
            self._happened(workflow, f"timer:{timer.label}", fired)

    def _cancel_timer(self, step: Json) -> None:
        timer = self._timers[step["timer"]]
        workflow = self._owner(timer)
        if not timer.ended and not workflow.ended:
            timer.status = "CANCELLED"
            after = [*workflow.reached, *self._last(timer)]
            workflow.since.append(self._of_timer(workflow, timer, "cancelled", after))

    def _create_promise(self, step: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        promise = self._promises[step["promise"]] = _Part(step["promise"], workflow.label)
        snapshot = {"promiseId": {"same": f"promise:{promise.label}"}}
        label = f"{promise.label}-created"
        promise.last = self._decide(workflow, label, "promise.created", snapshot)

    def _resolve_promise(self, step: Json) -> None:
        self._settle(step, "resolved", "result", _plain(step["result"]))

    def _reject_promise(self, step: Json) -> None:
        self._settle(step, "rejected", "error", {"error": step["error"]})

    def _settle(self, step: Json, verb: str, member: str, matcher: Any) -> None:
        promise = self._promises[step["promise"]]
        workflow = self._owner(promise)
        if promise.ended or workflow.ended:
            return
        promise.status = "COMPLETED"
        promise.last = self._add(
            f"{promise.label}-{verb}",
            f"promise.{verb}",
            self._last(promise),
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot={"promiseId": {"same": f"promise:{promise.label}"}, member: matcher},
        )
        self._happened(workflow, f"promise:{promise.label}", promise.last)

    def _complete_operation(self, step: Json) -> None:
        name = f"operation:{step['operation']}"
        self._decide(
            self._workflows[step["workflow"]],
            f"{step['operation']}-completed",
            "operation.completed",
            {"operationId": {"same": name}, "result": _plain(step["result"])},
        )

    def _set_state(self, step: Json) -> None:
        self._change_state(step, "set", {"key": step["key"], "value": _plain(step["value"])})

    def _clear_state(self, step: Json) -> None:
        self._change_state(step, "cleared", {"key": step["key"]})

    def _change_state(self, step: Json, verb: str, snapshot: Json) -> None:
        workflow = self._workflows[step["workflow"]]
        at = (workflow.label, step["key"])
        before = [self._state[at]] if at in self._state else []
        label = f"{workflow.label}-state-{verb}"
        self._state[at] = self._decide(workflow, label, f"state.{verb}", snapshot, *before)

    # What belongs together

    def _owner(self, part: _Part) -> _Workflow:
        return self._workflows[part.workflow or ""]

    def _parts(self, workflow: _Workflow) -> list[_Part]:
        known = (self._tasks, self._timers, self._promises)
        return [p for parts in known for p in parts.values() if p.workflow == workflow.label]

    def _children(self, workflow: _Workflow) -> list[_Workflow]:
        return [one for one in self._workflows.values() if one.parent == workflow.label]

    @staticmethod
    def _last(part: _Part) -> list[str]:
        return [] if part.last is None else [part.last]


def derive(raw: Mapping[str, Any]) -> Json:
    """The scenario with the events that its steps cause; the last of the root's own is the terminal one.

    Args:
        raw: name, description, root, workflows, tasks and steps of a scenario.
    """
    model = Model(raw)
    model.play()
    root = raw["root"]
    own = "workflow" if "workflow" in root else "task"
    last = [
        event
        for event in model.events
        if event[own] == root[own] and event["type"].startswith(f"{own}.")
    ][-1]
    given = ("name", "description", "root", "workflows", "tasks", "steps")
    return {
        **{member: raw[member] for member in given},
        "status": model.status,
        "events": model.events,
        "terminal": last["label"],
    }


def _plain(value: Any) -> Any:
    """A value as a matcher."""
    return {"value": value} if isinstance(value, dict | list) else value
