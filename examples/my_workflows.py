"""A workflow service from nothing: it plays any scenario, over any bus.

    eventhook-conformance run my_workflows:target --profile lifecycle

Here the bus is the in-memory reference; put your own target in its place.
"""

import asyncio
import dataclasses
import json
import time
from contextlib import asynccontextmanager
from uuid import uuid4

from eventhook_conformance import (
    Execution,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    WorkflowService,
)
from eventhook_fixtures import load
from eventhook_reference.memory import target as bus

OLDER = {row["event_type"]: row["older"] for row in load("lifecycle_names")["names"]}


class Thing:
    """A workflow, task, timer or promise; `owner` is the workflow that it belongs to."""

    def __init__(self, label, owner, **about):
        self.label, self.owner, self.about, self.id = label, owner, about, uuid4()
        self.status, self.worker, self.error = "PENDING", None, None
        self.why, self.awaited, self.cancelling, self.count = None, set(), False, 0

    @property
    def ended(self):
        return self.status in ("COMPLETED", "FAILED", "CANCELLED")


class MyExecution(Execution):
    def __init__(self, scenario, tenant, backend):
        self.scenario, self.tenant, self.backend = scenario, tenant, backend
        self.steps, self.things = list(scenario["steps"]), {}
        self.workflow_execution_ids, self.task_execution_ids = {}, {}
        self.workflow_execution_id, self.publish_failures = None, 0
        self.ahead_ms, self.last_ms, self.sequence = 0, 0, 0

    @property
    def status(self):
        (root,) = self.scenario["root"].values()
        return self.things[root].status

    async def create_root(self):
        ((kind, label),) = self.scenario["root"].items()
        if kind == "task":
            await self.schedule_task({"task": label})
        else:
            self.workflow_execution_id = self.new_workflow(label).id
            await self.tell_workflow("created", self.things[label])

    async def proceed(self, until=None):
        while self.steps:
            step = self.steps.pop(0)
            await self.play(step)
            if step["name"] == until:
                return

    async def play(self, step):
        if step["do"] == "together":
            await asyncio.gather(*(self.play_all(branch) for branch in step["branches"]))
        else:
            await getattr(self, step["do"].replace("-", "_"))(step)

    async def play_all(self, steps):
        for step in steps:
            await self.play(step)

    # Telling: both forms of each event, at the same time, with the same snapshot.

    def now_ms(self):
        self.last_ms = max(self.last_ms, time.time_ns() // 1_000_000 + self.ahead_ms)
        return self.last_ms

    async def attempt(self, publishing):
        try:
            await publishing
        except Exception:  # because: an outage of the bus fails no workflow
            self.publish_failures += 1

    async def tell(self, event_type, workflow, task, source, data):
        data = {name: value for name, value in data.items() if value is not None}
        event = FlovynEvent(
            id=uuid4(),
            tenant_id=self.tenant,
            workflow_execution_id=workflow and workflow.id,
            task_execution_id=task and task.id,
            event_type=event_type,
            source=f"worker:{source}" if source else "system",
            data=data,
            timestamp_ms=self.now_ms(),
        )
        payload = {"type": "Event", "event": OLDER[event_type], "data": data}
        twin = StreamEvent(
            task_execution_id=str(task.id) if task else "",
            workflow_execution_id=str((workflow or task).id),
            sequence=0,
            event_type=StreamEventType.DATA,
            payload=json.dumps({**payload, "timestampMs": event.timestamp_ms}),
            timestamp_ms=event.timestamp_ms,
        )
        await self.attempt(self.backend.events.publish(event))
        await self.attempt(self.backend.streams.publish(twin))

    async def tell_workflow(self, verb, one):
        data = {"id": str(one.id), "kind": one.about["kind"], "status": one.status}
        data |= {"workerId": one.worker, "error": one.error, "suspendType": one.why}
        data["parentWorkflowExecutionId"] = one.owner and str(one.owner.id)
        await self.tell(f"workflow.{verb}", one, None, one.worker, data)

    async def tell_task(self, verb, task, source=None):
        about = task.about
        data = {"id": str(task.id), "kind": about["kind"], "status": task.status}
        data |= {"executionCount": task.count, "maxRetries": about["maxRetries"]}
        data |= {"workerId": task.worker, "error": task.error}
        await self.tell(f"task.{verb}", task.owner, task, source, data)

    async def tell_parent(self, verb, child):
        data = {"childWorkflowId": str(child.id), "kind": child.about["kind"]}
        data |= {"status": child.status, "error": child.error}
        await self.tell(f"child_workflow.{verb}", child.owner, None, None, data)

    async def tell_timer(self, verb, timer):
        data = {"timerId": str(timer.id), "fireAtMs": timer.about["due"]}
        await self.tell(f"timer.{verb}", timer.owner, None, None, data)

    async def happened(self, workflow, what):
        if workflow and workflow.status == "SUSPENDED" and not workflow.cancelling:
            waited = what in workflow.awaited
            workflow.awaited.discard(what)
            if waited and not workflow.awaited:
                workflow.status, workflow.why = "RUNNING", None
                await self.tell_workflow("resumed", workflow)

    # Workflows

    def new_workflow(self, label):
        about = self.scenario["workflows"][label]
        self.things[label] = Thing(label, self.things.get(about["parent"]), kind=about["kind"])
        self.workflow_execution_ids[label] = self.things[label].id
        return self.things[label]

    async def start_workflow(self, step):
        workflow = self.things[step["workflow"]]
        if not workflow.ended:
            workflow.status, workflow.worker = "RUNNING", step["worker"]
            await self.tell_workflow("started", workflow)
            if workflow.owner:
                await self.tell_parent("started", workflow)

    async def complete_workflow(self, step):
        await self.end(self.things[step["workflow"]], "COMPLETED")

    async def fail_workflow(self, step):
        await self.end(self.things[step["workflow"]], "FAILED", step["error"])

    async def end(self, workflow, status, error=None):
        if workflow.ended:
            return  # a report that comes too late
        workflow.status, workflow.error, workflow.why = status, error, None
        await self.tell_workflow(status.lower(), workflow)
        if workflow.owner and not workflow.owner.ended:
            verb = "completed" if status == "COMPLETED" else "failed"
            await self.tell_parent(verb, workflow)
            await self.happened(workflow.owner, f"child:{workflow.label}")

    async def cancel_workflow(self, step):
        await self.cancel(self.things[step["workflow"]])

    async def cancel(self, workflow):
        if workflow.ended:
            return
        workflow.cancelling = True
        await self.tell_workflow("cancellation_requested", workflow)
        for one in [one for one in self.things.values() if one.owner is workflow]:
            if one.label in self.scenario["workflows"]:
                await self.cancel_child({"child": one.label})
            elif not one.ended and "maxRetries" in one.about:
                await self.cancel_task({"task": one.label})
            elif not one.ended and "due" in one.about:
                await self.cancel_timer({"timer": one.label})
        await self.end(workflow, "CANCELLED")

    async def retry_workflow(self, step):
        workflow = self.things[step["workflow"]]
        workflow.status, workflow.error = "PENDING", None
        await self.tell_workflow("retry_requested", workflow)

    async def start_child(self, step):
        child = self.new_workflow(step["child"])
        await self.tell_parent("initiated", child)
        await self.tell_workflow("created", child)

    async def cancel_child(self, step):
        child = self.things[step["child"]]
        await self.tell_parent("cancellation_requested", child)
        if child.ended:
            await self.tell_parent("cancellation_failed", child)
        await self.cancel(child)

    async def suspend(self, step):
        workflow = self.things[step["workflow"]]
        workflow.status, workflow.why = "SUSPENDED", step["suspendType"]
        workflow.awaited = set(step["until"])
        await self.tell_workflow("suspended", workflow)

    async def signal(self, step):
        await self.happened(self.things[step["workflow"]], f"signal:{step['signal']}")

    # Tasks

    async def schedule_task(self, step):
        label = step["task"]
        about = self.scenario["tasks"][label]
        task = self.things[label] = Thing(label, self.things.get(about["workflow"]), **about)
        self.task_execution_ids[label] = task.id
        await self.tell_task("created", task)

    async def start_task(self, step):
        task = self.things[step["task"]]
        if not task.ended:
            task.status, task.worker, task.error = "RUNNING", step["worker"], None
            task.count += 1
            await self.tell_task("started", task, task.worker)

    async def complete_task(self, step):
        await self.end_task(step, "completed", "COMPLETED")

    async def fail_task(self, step):
        task = self.things[step["task"]]
        again = task.count <= task.about["maxRetries"]
        await self.end_task(step, "failed", "PENDING" if again else "FAILED", step["error"])

    async def end_task(self, step, verb, status, error=None):
        task = self.things[step["task"]]
        if not task.ended:
            task.status, task.error = status, error
            await self.tell_task(verb, task, task.worker)
            if task.ended:
                await self.happened(task.owner, f"task:{task.label}")

    async def cancel_task(self, step):
        task = self.things[step["task"]]
        if not task.ended:
            task.status = "CANCELLED"
            await self.tell_task("cancelled", task)
            await self.happened(task.owner, f"task:{task.label}")

    async def retry_task(self, step):
        task = self.things[step["task"]]
        task.status, task.error = "PENDING", None
        await self.tell_task("retry_requested", task)

    async def stream(self, step):
        task = self.things[step["task"]]
        self.sequence += 1
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=str((task.owner or task).id),
            sequence=self.sequence,
            event_type=StreamEventType(step["type"]),
            payload=step["payload"],
            timestamp_ms=self.now_ms(),
        )
        await self.attempt(self.backend.streams.publish(event))

    # Timers, promises, operations, state

    async def start_timer(self, step):
        workflow, label = self.things[step["workflow"]], step["timer"]
        self.things[label] = Thing(label, workflow, due=self.now_ms() + step["delayMs"])
        await self.tell_timer("started", self.things[label])

    async def fire_timer(self, step):
        timer = self.things[step["timer"]]
        self.ahead_ms += max(0, timer.about["due"] - self.now_ms())  # time passes
        if not timer.ended and not timer.owner.ended:
            timer.status = "COMPLETED"
            await self.tell_timer("fired", timer)
            await self.happened(timer.owner, f"timer:{timer.label}")

    async def cancel_timer(self, step):
        timer = self.things[step["timer"]]
        if not timer.ended and not timer.owner.ended:
            timer.status = "CANCELLED"
            await self.tell_timer("cancelled", timer)

    async def create_promise(self, step):
        workflow, label = self.things[step["workflow"]], step["promise"]
        self.things[label] = Thing(label, workflow)
        data = {"promiseId": str(self.things[label].id)}
        await self.tell("promise.created", workflow, None, None, data)

    async def resolve_promise(self, step):
        await self.settle(step, "resolved", {"result": step["result"]})

    async def reject_promise(self, step):
        await self.settle(step, "rejected", {"error": step["error"]})

    async def settle(self, step, verb, outcome):
        promise = self.things[step["promise"]]
        if not promise.ended and not promise.owner.ended:
            promise.status = "COMPLETED"
            data = {"promiseId": str(promise.id), **outcome}
            await self.tell(f"promise.{verb}", promise.owner, None, None, data)
            await self.happened(promise.owner, f"promise:{promise.label}")

    async def complete_operation(self, step):
        data = {"operationId": step["operation"], "result": step["result"]}
        await self.decide(step, "operation.completed", data)

    async def set_state(self, step):
        await self.decide(step, "state.set", {"key": step["key"], "value": step["value"]})

    async def clear_state(self, step):
        await self.decide(step, "state.cleared", {"key": step["key"]})

    async def decide(self, step, event_type, data):
        workflow = self.things[step["workflow"]]
        await self.tell(event_type, workflow, None, workflow.worker, data)


class MyService(WorkflowService):
    def __init__(self, backend):
        self.backend = backend

    async def prepare(self, scenario, tenant_id):
        execution = MyExecution(scenario, tenant_id, self.backend)
        await execution.create_root()
        return execution


@asynccontextmanager
async def workflows(backend):
    yield MyService(backend)


claims = dataclasses.replace(bus.capabilities, profiles={*bus.capabilities.profiles, "lifecycle"})
target = dataclasses.replace(bus, name="my-workflows", workflows=workflows, capabilities=claims)
