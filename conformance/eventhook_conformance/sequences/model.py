"""Derives the events of a run from its steps, with their snapshots and their partial order.

A model of a workflow server, as far as the specification says how one behaves. It plays the steps of a
scenario and writes the expected events; the partial order follows from the structure: the decisions of
one workflow between two points at which it waits are in no order among each other, what it waits for
comes before it goes on, and all of it comes before the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eventhook_conformance.sequences.model_book import Book, Json, PartState, WorkflowState
from eventhook_conformance.sequences.model_workflows import Workflows


class Model:
    """Plays steps.

    Args:
        raw: a scenario; its `events`, `terminal` and `status` are not looked at.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.book = Book()
        self._workflows = Workflows(self.book, raw["workflows"], self._parts_of, self._cancel_part)
        self._tasks: dict[str, PartState] = {}
        self._timers: dict[str, PartState] = {}
        self._promises: dict[str, PartState] = {}
        self._state: dict[tuple[str, str], str] = {}

    def play(self) -> None:
        """Plays all steps, from the creation of the root."""
        root = self._raw["root"]
        if "workflow" in root:
            workflow = self._workflows.enter(root["workflow"])
            created = self._workflows.tell(workflow, "created", [], source="system", optional=True)
            workflow.reached = [created]
        else:
            self._create_task(root["task"], optional=True)
        for step in self._raw["steps"]:
            self.book.step = step["name"]
            for branch in step["branches"] if step["do"] == "together" else [[step]]:
                for one in branch:
                    getattr(self, "_" + one["do"].replace("-", "_"))(one)

    @property
    def status(self) -> str:
        """The status with which the root ended."""
        root = self._raw["root"]
        if "workflow" in root:
            return self._workflows[root["workflow"]].status
        return self._tasks[root["task"]].status

    # Workflows: one method for each kind of step, found by its name

    def _start_workflow(self, step: Json) -> None:
        self._workflows.start(self._of(step), step["worker"])

    def _complete_workflow(self, step: Json) -> None:
        self._workflows.end(self._of(step), "COMPLETED")

    def _fail_workflow(self, step: Json) -> None:
        self._workflows.end(self._of(step), "FAILED", step["error"])

    def _cancel_workflow(self, step: Json) -> None:
        self._workflows.cancel(self._of(step))

    def _retry_workflow(self, step: Json) -> None:
        self._workflows.retry(self._of(step))

    def _start_child(self, step: Json) -> None:
        self._workflows.start_child(self._of(step), step["child"])

    def _cancel_child(self, step: Json) -> None:
        self._workflows.cancel_child(self._of(step), self._workflows[step["child"]])

    def _suspend(self, step: Json) -> None:
        self._workflows.suspend(self._of(step), step["suspendType"], step["until"])

    def _signal(self, step: Json) -> None:
        workflow = self._of(step)
        self._workflows.happened(workflow, f"signal:{step['signal']}", workflow.reached[0])

    # Tasks

    def _create_task(self, label: str, *, optional: bool = False) -> None:
        owner = self._raw["tasks"][label]["workflow"]
        task = self._tasks[label] = PartState(label, owner)
        if owner is None:
            self._tell_task(task, "created", [], optional=optional)
        else:
            workflow = self._workflows[owner]
            workflow.since.append(self._tell_task(task, "created", workflow.reached))

    def _tell_task(self, task: PartState, verb: str, after: Iterable[str], **more: Any) -> str:
        owner = None if task.workflow is None else self._workflows[task.workflow]
        arguments = {"worker": task.worker if owner is None else owner.worker, **more}
        told = self.book.add(
            f"{task.label}-{verb.replace('_', '-')}",
            f"task.{verb}",
            after,
            workflow=task.workflow,
            task=task.label,
            snapshot=task.task_snapshot(self._raw["tasks"][task.label], verb),
            **arguments,
        )
        task.last = [told]
        return told

    def _report(self, task: PartState, verb: str) -> str:
        """Enters an event of the task's worker."""
        return self._tell_task(task, verb, task.last, source="worker", worker=task.worker)

    def _schedule_task(self, step: Json) -> None:
        self._create_task(step["task"])

    def _start_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status, task.worker, task.error = "RUNNING", step["worker"], None
            task.count += 1
            self._report(task, "started")

    def _complete_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status = "COMPLETED"
            self._task_ended(task, self._report(task, "completed"))

    def _fail_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if task.ended:
            return
        again = task.count <= self._raw["tasks"][task.label]["maxRetries"]
        task.status, task.error = ("PENDING" if again else "FAILED"), step["error"]
        failed = self._report(task, "failed")
        if not again:
            self._task_ended(task, failed)

    def _cancel_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        if not task.ended:
            task.status = "CANCELLED"
            self._task_ended(task, self._tell_task(task, "cancelled", task.last))

    def _retry_task(self, step: Json) -> None:
        task = self._tasks[step["task"]]
        task.status, task.error = "PENDING", None
        self._tell_task(task, "retry_requested", task.last)

    def _task_ended(self, task: PartState, ended: str) -> None:
        if task.workflow is not None:
            owner = self._workflows[task.workflow]
            self._workflows.happened(owner, f"task:{task.label}", ended)

    def _stream(self, step: Json) -> None:
        """Adds nothing: output is no event."""

    # Timers and promises

    def _tell_timer(self, timer: PartState, verb: str, after: Iterable[str], **more: Any) -> str:
        workflow = self._owner(timer)
        told = self.book.add(
            f"{timer.label}-{verb}",
            f"timer.{verb}",
            after,
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot=timer.timer_snapshot(verb),
            **more,
        )
        timer.last = [told]
        return told

    def _start_timer(self, step: Json) -> None:
        workflow = self._of(step)
        timer = PartState(step["timer"], workflow.label, delay_ms=step["delayMs"])
        self._timers[timer.label] = timer
        workflow.since.append(self._tell_timer(timer, "started", workflow.reached))

    def _fire_timer(self, step: Json) -> None:
        timer = self._timers[step["timer"]]
        workflow = self._owner(timer)
        if not timer.ended and not workflow.ended:
            timer.status = "COMPLETED"
            fired = self._tell_timer(timer, "fired", timer.last, source="system")
            self._workflows.happened(workflow, f"timer:{timer.label}", fired)

    def _cancel_timer(self, step: Json) -> None:
        timer = self._timers[step["timer"]]
        workflow = self._owner(timer)
        if not timer.ended and not workflow.ended:
            timer.status = "CANCELLED"
            after = [*workflow.reached, *timer.last]
            workflow.since.append(self._tell_timer(timer, "cancelled", after))

    def _create_promise(self, step: Json) -> None:
        workflow, label = self._of(step), step["promise"]
        promise = self._promises[label] = PartState(label, workflow.label)
        snapshot = {"promiseId": {"same": f"promise:{label}"}}
        created = self._workflows.decide(workflow, f"{label}-created", "promise.created", snapshot)
        promise.last = [created]

    def _resolve_promise(self, step: Json) -> None:
        self._settle(step, "resolved", {"result": _plain(step["result"])})

    def _reject_promise(self, step: Json) -> None:
        self._settle(step, "rejected", {"error": {"error": step["error"]}})

    def _settle(self, step: Json, verb: str, outcome: Json) -> None:
        promise = self._promises[step["promise"]]
        workflow = self._owner(promise)
        if promise.ended or workflow.ended:
            return
        promise.status = "COMPLETED"
        settled = self.book.add(
            f"{promise.label}-{verb}",
            f"promise.{verb}",
            promise.last,
            workflow=workflow.label,
            worker=workflow.worker,
            snapshot={"promiseId": {"same": f"promise:{promise.label}"}, **outcome},
        )
        promise.last = [settled]
        self._workflows.happened(workflow, f"promise:{promise.label}", settled)

    # Operations and state

    def _complete_operation(self, step: Json) -> None:
        name = step["operation"]
        snapshot = {"operationId": {"same": f"operation:{name}"}, "result": _plain(step["result"])}
        self._workflows.decide(self._of(step), f"{name}-completed", "operation.completed", snapshot)

    def _set_state(self, step: Json) -> None:
        self._change_state(step, "set", {"key": step["key"], "value": _plain(step["value"])})

    def _clear_state(self, step: Json) -> None:
        self._change_state(step, "cleared", {"key": step["key"]})

    def _change_state(self, step: Json, verb: str, snapshot: Json) -> None:
        workflow = self._of(step)
        at = (workflow.label, step["key"])
        before = [self._state[at]] if at in self._state else []
        label = f"{workflow.label}-state-{verb}"
        self._state[at] = self._workflows.decide(
            workflow, label, f"state.{verb}", snapshot, *before
        )

    # Look-ups

    def _of(self, step: Json) -> WorkflowState:
        return self._workflows[step["workflow"]]

    def _owner(self, part: PartState) -> WorkflowState:
        return self._workflows[part.workflow or ""]

    def _parts_of(self, workflow: str) -> list[PartState]:
        known = (self._tasks, self._timers, self._promises)
        return [one for parts in known for one in parts.values() if one.workflow == workflow]

    def _cancel_part(self, part: PartState, after: str) -> None:
        """Cancels a task or timer; of a promise that nobody settles any more, nothing is told."""
        part.status = "CANCELLED"
        if self._tasks.get(part.label) is part:
            self._tell_task(part, "cancelled", [after])
        elif self._timers.get(part.label) is part:
            self._tell_timer(part, "cancelled", [after])


def derive(raw: Mapping[str, Any]) -> Json:
    """Returns the scenario with the events that its steps cause; the root's own last one is terminal.

    Args:
        raw: name, description, root, workflows, tasks and steps of a scenario.
    """
    model = Model(raw)
    model.play()
    root = raw["root"]
    own = "workflow" if "workflow" in root else "task"
    last = [
        event
        for event in model.book.events
        if event[own] == root[own] and event["type"].startswith(f"{own}.")
    ][-1]
    given = ("name", "description", "root", "workflows", "tasks", "steps")
    return {
        **{member: raw[member] for member in given},
        "status": model.status,
        "events": model.book.events,
        "terminal": last["label"],
    }


def _plain(value: Any) -> Any:
    """Returns a value as a matcher."""
    return {"value": value} if isinstance(value, dict | list) else value
