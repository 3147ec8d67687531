"""Bugs of a workflow server: wrong events, wrong times, wrong ids, wrong forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant, Target
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Snapshot, Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.service import MakeEngine
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants.base import pliable_target

LIFECYCLES: list[Mutant] = []

Part = TypeVar("Part", bound=type[Announcer | Dispatch | TaskExecution | Scheduler | Engine])

_PARTS: dict[type, str] = {
    Announcer: "announcer",
    Dispatch: "dispatch",
    TaskExecution: "task_execution",
    Scheduler: "scheduler",
}


def flaw_in(zoo: list[Mutant]) -> Callable[..., Callable[[Part], Part]]:
    """A decorator that enters engines with a broken part into a zoo.

    It takes the requirements that must be charged, every one of them, and as `seen` a part of the
    message that must be reported. A mutant's name is the class's, its bug the docstring's first line.
    """

    def flaw(*caught_by: str, seen: str) -> Callable[[Part], Part]:
        def enter(part: Part) -> Part:
            name = re.sub(r"(?<!^)(?=[A-Z])", "-", part.__name__).lower()
            role = next((role for base, role in _PARTS.items() if issubclass(part, base)), None)
            whole: Any = Engine
            engine: Any = part if role is None else partial(whole, **{role: part})
            zoo.append(
                Mutant(
                    name=name,
                    bug=(part.__doc__ or "").strip().splitlines()[0],
                    caught_by=caught_by,
                    seen=seen,
                    target=partial(_target, name, engine),
                )
            )
            return part

        return enter

    return flaw


flaw = flaw_in(LIFECYCLES)


def _target(name: str, engine: MakeEngine) -> Target:
    return with_lifecycle(pliable_target(name), engine=engine)


# LIF-01: every event, once, in order


@flaw("LIF-01", seen="the other way round")
class TellsStartAfterEnd(TaskExecution):
    """The start of a short task is told by a batch job, which its end overtakes."""

    async def tell(self, task: Task, older: str) -> None:
        if older != "TASK_STARTED":
            await super().tell(task, older)
            await super().tell(task, "TASK_STARTED")


@flaw("LIF-01", seen="it came again")
class TellsCreationTwice(Dispatch):
    """The outbox is read again before its entry is removed, and a task's creation goes out twice."""

    async def create_task(
        self, tenant_id: UUID, kind: str, workflow: Workflow | None, max_retries: int
    ) -> Task:
        task = await super().create_task(tenant_id, kind, workflow, max_retries)
        await self.announcer.of_task("TASK_CREATED", task)
        return task


@flaw("LIF-01", seen="task.cancelled of main/charge")
class CancelsTasksSilently(TaskExecution):
    """Cancelling marks the running tasks and tells nobody."""

    async def cancel(self, task: Task) -> None:
        task.status = "CANCELLED"


@flaw("LIF-01", seen="resumed (workflow.resumed of main)")
class ResumesAtTheFirst(Dispatch):
    """A workflow that waits for several tasks is resumed when the first of them has ended."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what in workflow.awaited:
            workflow.awaited = {what}
        await super().happened(workflow, what)


# LIF-02: nothing else, nothing after the end


@flaw("LIF-02", seen="more came: workflow.created > workflow.started")
class FailsAndCompletes(Dispatch):
    """The handler of failures falls through to that of completion."""

    async def fail_workflow(self, workflow: Workflow, error: str) -> None:
        await super().fail_workflow(workflow, error)
        await self.complete_workflow(workflow)


@flaw("LIF-02", seen="task.retry_requested")
class RequestsRetriesNobodyWants(TaskExecution):
    """Every automatic retry is told as if somebody had asked for it."""

    async def fail(self, task: Task, error: str) -> None:
        await super().fail(task, error)
        if task.status == "PENDING":
            await self.announcer.of_task("RETRY_REQUESTED", task, retried="task")


@flaw("LIF-02", seen="more came")
class ClearsStateAfterTheEnd(Dispatch):
    """The rest of a workflow's state is cleared, and told, after its end."""

    async def complete_workflow(self, workflow: Workflow) -> None:
        await super().complete_workflow(workflow)
        await self.clear_state(workflow, "scratch")


@flaw("LIF-02", seen="workflow.started")
class StartsWhilePreparing(Dispatch):
    """A worker is offered the workflow as soon as it is created, whether it may begin or not."""

    async def create_workflow(
        self, tenant_id: UUID, kind: str, parent: Workflow | None = None
    ) -> Workflow:
        workflow = await super().create_workflow(tenant_id, kind, parent)
        await self.start_workflow(workflow, "eager")
        return workflow


@flaw("LIF-02", seen="task.completed")
class TellsTheEndAgainLater(TaskExecution):
    """A lease that was not given back runs out a moment later, and the task's end is told again."""

    async def complete(self, task: Task) -> None:
        await super().complete(task)
        asyncio.get_running_loop().call_later(0.05, self._run_out, task)

    def _run_out(self, task: Task) -> None:
        lost = asyncio.ensure_future(self.tell(task, "TASK_COMPLETED"))
        lost.add_done_callback(asyncio.Future.result)


# LIF-03: ids, source, snapshot


@flaw("LIF-03", seen="timer-fired (timer.fired of main)")
class FiresForTheLatestWorkflow(Scheduler):
    """The loop that fires timers reads the workflow from a variable that the next one has set."""

    latest: Workflow | None = None

    async def fire(self, timer: Timer) -> bool:
        type(self).latest = timer.workflow
        await asyncio.sleep(0)
        return await super().fire(
            Timer(type(self).latest or timer.workflow, timer.fire_at_ms, timer.id)
        )


@flaw("LIF-03", seen="data.status = 'RUNNING'")
class TakesTheSnapshotTooEarly(Dispatch):
    """The snapshot is taken before the status is changed."""

    async def start_workflow(self, workflow: Workflow, worker: str) -> None:
        workflow.worker = worker
        await self.tell(workflow, "WORKFLOW_STARTED")
        workflow.status = "RUNNING"


@flaw("LIF-03", seen="and task None")
class ForgetsTheTask(Announcer):
    """The creation of a task is filed under its workflow only."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_CREATED" and event.workflow_execution_id is not None:
            event = msgspec.structs.replace(event, task_execution_id=None)
        await super().send(event, older)


@flaw("LIF-03", seen="from `worker:<worker id>`")
class SaysSystemForWorkers(Announcer):
    """The source of whatever comes through the task queue is `system`."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older.startswith("TASK_"):
            event = msgspec.structs.replace(event, source="system")
        await super().send(event, older)


@flaw("LIF-03", seen="no such member")
class LeavesOutTheKind(Announcer):
    """A child's snapshot is made by an older version that knew no kinds."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older.startswith("CHILD_"):
            data = {name: value for name, value in event.data.items() if name != "kind"}
            event = msgspec.structs.replace(event, data=data)
        await super().send(event, older)


# LIF-04: both forms, the same


@flaw("LIF-04", seen="seen: child.workflow.")
class ReplacesEveryUnderscore(Announcer):
    """The event type is the older name with dots for underscores."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        naive = older.lower().replace("_", ".")
        await super().send(msgspec.structs.replace(event, event_type=naive), older)


@flaw("LIF-04", seen="it never came")
class SendsTheNewFormOnly(Announcer):
    """The older form was dropped with the migration, before its readers were gone."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await self.attempt(self.backend.events.publish(event))


@flaw("LIF-04", seen="the older form came without it")
class SendsFailuresInTheOlderFormOnly(Announcer):
    """The path of failures was never migrated: it writes to the old feed and not to the new one."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_FAILED":
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))
        else:
            await super().send(event, older)


@flaw("LIF-04", seen="it came again")
class SendsTheOlderFormTwice(Announcer):
    """Both the dispatcher and the bridge write the older form of timers."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await super().send(event, older)
        if older.startswith("TIMER_"):
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))


@flaw("LIF-04", seen="timestamp_ms")
class StampsTheTwinAnew(Announcer):
    """The older form is stamped when it is written, and in a hurry a millisecond later."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        await self.attempt(self.backend.events.publish(event))
        later = msgspec.structs.replace(event, timestamp_ms=event.timestamp_ms + 1)
        await self.attempt(self.backend.streams.publish(twin_of(later, older)))


# LIF-05: times


@flaw("LIF-05", seen="in milliseconds since the epoch")
class StampsInSeconds(Announcer):
    """The time is taken in seconds."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        seconds = event.timestamp_ms // 1000
        await super().send(msgspec.structs.replace(event, timestamp_ms=seconds), older)


@flaw("LIF-05", seen="its cause")
class StampsResumptionWithSuspension(Announcer):
    """A resumption carries the time at which the workflow was last written, before it slept."""

    written_ms = 0

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "WORKFLOW_SUSPENDED":
            self.written_ms = event.timestamp_ms
        if older == "WORKFLOW_RESUMED":
            event = msgspec.structs.replace(event, timestamp_ms=self.written_ms)
        await super().send(event, older)


@flaw("LIF-05", seen="not before its time")
class FiresAtOnce(Engine):
    """A timer's delay in milliseconds is slept in a unit a thousand times shorter."""

    async def pass_time_until(self, timer: Timer) -> None:
        timer.fire_at_ms = self.clock.now_ms()
        await super().pass_time_until(timer)


# LIF-06: why suspended, and every resumption


@flaw("LIF-06", seen="workflow.resumed")
class ResumesFromTimersSilently(Dispatch):
    """The scheduler wakes a workflow by writing its status."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what.startswith("timer:"):
            workflow.status, workflow.suspend_type = "RUNNING", None
        else:
            await super().happened(workflow, what)


@flaw("LIF-06", seen="workflow.resumed")
class ResumesParentsSilently(Dispatch):
    """A parent goes on when its child has ended, and nobody is told that it does."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what.startswith("child:"):
            workflow.status, workflow.suspend_type = "RUNNING", None
        else:
            await super().happened(workflow, what)


@flaw("LIF-06", seen="suspendType")
class SuspendsWithoutReason(Dispatch):
    """A suspension does not say what the workflow waits for."""

    async def suspend(self, workflow: Workflow, suspend_type: str, awaited: Any) -> None:
        await super().suspend(workflow, "", awaited)


@flaw("LIF-06", seen="data.suspendType = 'task'")
class SuspendsForSignalsOnly(Dispatch):
    """A suspension for an inner task looks like one for a signal."""

    async def suspend(self, workflow: Workflow, suspend_type: str, awaited: Any) -> None:
        await super().suspend(workflow, "signal", awaited)


# LIF-07: children and parents


@flaw("LIF-07", seen="under its workflow id")
class FilesChildrenUnderParents(Announcer):
    """A child's events carry the workflow id of its parent."""

    async def of_workflow(
        self, older: str, workflow: Workflow, snapshot: Snapshot | None = None, **more: Any
    ) -> None:
        data = workflow.snapshot() if snapshot is None else snapshot
        if workflow.parent is not None and older.startswith("WORKFLOW_"):
            await super().of_workflow(older, replace(workflow, id=workflow.parent), data, **more)
        else:
            await super().of_workflow(older, workflow, data, **more)


@flaw("LIF-07", seen="child-completed")
class TellsParentsUnderChildren(Scheduler):
    """The end of a child is filed under the child, where no reader of the parent sees it."""

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        await super().child_ended(replace(parent, id=child.id), child)


@flaw("LIF-07", seen="grandchild")
class TellsGrandparents(Scheduler):
    """Every descendant's end is told to the root."""

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        root = replace(parent, id=parent.parent or parent.id)
        await super().child_ended(root, child)


# LIF-08: retries


@flaw("LIF-08", seen="executionCount 1, 2, …")
class NeverCountsAttempts(TaskExecution):
    """Every attempt is the first, to all but the one who counts retries."""

    async def tell(self, task: Task, older: str) -> None:
        await super().tell(replace(task, execution_count=1), older)


@flaw("LIF-08", seen="no status that is final")
class CallsEveryFailureFinal(TaskExecution):
    """The first failure already says FAILED, and a second later the task runs again."""

    async def fail(self, task: Task, error: str) -> None:
        task.status, task.error = "FAILED", error
        await self.tell(task, "TASK_FAILED")
        if task.execution_count <= task.max_retries:
            task.status = "PENDING"


@flaw("LIF-08", seen="executionCount")
class CountsFailuresNotStarts(TaskExecution):
    """The count goes up when an attempt has failed, not when it begins."""

    async def start(self, task: Task, worker: str) -> None:
        task.execution_count -= 1
        await super().start(task, worker)

    async def fail(self, task: Task, error: str) -> None:
        task.execution_count += 1
        await super().fail(task, error)


# LIF-09: standalone tasks


@flaw("LIF-09", seen="nothing came there")
class HasNoKeyForStandaloneTasks(Announcer):
    """A standalone task has no workflow id, and its stream goes to the empty key."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if task.workflow is not None:
            await super().stream(task, kind, payload)
            return
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id="",
            sequence=0,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        await self.attempt(self.backend.streams.publish(event))

    async def send(self, event: FlovynEvent, older: str) -> None:
        if event.workflow_execution_id is not None:
            await super().send(event, older)
            return
        await self.attempt(self.backend.events.publish(event))
        twin = msgspec.structs.replace(twin_of(event, older), workflow_execution_id="")
        await self.attempt(self.backend.streams.publish(twin))


@flaw("LIF-09", seen="and no workflow")
class InventsWorkflows(Announcer):
    """A standalone task's id stands in for the workflow that it does not have."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if event.workflow_execution_id is None and event.task_execution_id is not None:
            event = event.with_workflow(event.task_execution_id)
        await super().send(event, older)


@flaw("LIF-09", seen="nothing came there")
class NamesTheStreamByTheKind(Announcer):
    """The stream of a standalone task is named by the task's kind, so that all of a kind share one."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if task.workflow is not None:
            await super().stream(task, kind, payload)
            return
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=task.kind,
            sequence=0,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        await self.attempt(self.backend.streams.publish(event))

    async def send(self, event: FlovynEvent, older: str) -> None:
        twin = twin_of(event, older)
        if event.workflow_execution_id is None:
            twin = msgspec.structs.replace(twin, workflow_execution_id=event.data["kind"])
        await self.attempt(self.backend.events.publish(event))
        await self.attempt(self.backend.streams.publish(twin))


# LIF-10: telling is not doing


@flaw("LIF-10", seen="it raised BusClosed")
class FailsWithItsPublisher(Announcer):
    """An error of publishing goes up to the workflow."""

    async def attempt(self, publishing: Any) -> None:
        await publishing


@flaw("LIF-10", seen="status COMPLETED at the end")
class TakesSilenceForFailure(Engine):
    """A workflow whose end could not be told is put down as failed."""

    async def complete_workflow(self, workflow: Workflow) -> None:
        await super().complete_workflow(workflow)
        if self.announcer.failures:
            workflow.status = "FAILED"


@flaw("LIF-10", seen="publish_failures = 0")
class CountsNoFailures(Announcer):
    """An error of publishing is swallowed and forgotten."""

    async def attempt(self, publishing: Any) -> None:
        await super().attempt(publishing)
        self.failures = 0


@flaw("LIF-10", seen="publish_failures = 1,")
class GivesUpAfterOneFailure(Announcer):
    """After the first failure nothing more is published, and nothing more counted."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if not self.failures:
            await self.attempt(self.backend.events.publish(event))
        if not self.failures:
            await self.attempt(self.backend.streams.publish(twin_of(event, older)))


# LIF-11: two tenants at once


@flaw("LIF-11", seen="but for its own tenant")
class TakesTheLatestTenant(Announcer):
    """The tenant is read from a global that the latest request has set."""

    latest: UUID | None = None

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older in ("WORKFLOW_CREATED", "TASK_CREATED"):
            type(self).latest = event.tenant_id
        tenant = type(self).latest or event.tenant_id
        await super().send(msgspec.structs.replace(event, tenant_id=tenant), older)


@flaw("LIF-11", seen="but for its own tenant")
class TellsTheFirstTenantOfAKind(Scheduler):
    """The scheduler caches the tenant of the workflow that was last prepared of each kind."""

    tenants: dict[str, UUID] = {}  # noqa: RUF012  # because: shared by all runs, which is the bug

    async def child_started(self, parent: Workflow, child: Workflow) -> None:
        self.tenants[parent.kind] = parent.tenant_id
        await super().child_started(parent, child)

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        tenant = self.tenants.get(parent.kind, parent.tenant_id)
        await super().child_ended(replace(parent, tenant_id=tenant), child)


@flaw("LIF-11", seen="a piece of its output came to")
class StreamsToTheLatestReader(Announcer):
    """The key of a stream is kept in a variable that the next task to start sets."""

    latest: str | None = None

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_STARTED":
            type(self).latest = str(event.workflow_execution_id or event.task_execution_id)
        await super().send(event, older)

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=self.latest or task.stream_key,
            sequence=task.sequence,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms(),
        )
        task.sequence += 1
        await self.attempt(self.backend.streams.publish(event))


# LIF-12: the output of tasks


@flaw("LIF-12", seen="PROGRESS '0.5'")
class PublishesProgressOnce(Announcer):
    """Progress after the first update is written to the database alone."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._progressed: set[UUID] = set()

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if kind is StreamEventType.PROGRESS:
            if task.id in self._progressed:
                return
            self._progressed.add(task.id)
        await super().stream(task, kind, payload)


@flaw("LIF-12", seen="after the task's end")
class FlushesOutputAtTheEnd(TaskExecution):
    """Output is gathered and flushed when the task has ended."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._gathered: dict[UUID, list[tuple[StreamEventType, str]]] = {}

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        self._gathered.setdefault(task.id, []).append((kind, payload))

    async def complete(self, task: Task) -> None:
        await super().complete(task)
        for kind, payload in self._gathered.pop(task.id, []):
            await super().stream(task, kind, payload)


@flaw("LIF-12", seen="TOKEN ''")
class DropsEmptyTokens(Announcer):
    """An empty piece of output is taken for none."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if payload:
            await super().stream(task, kind, payload)


@flaw("LIF-12", seen="before the older TASK_STARTED")
class StartsToStreamBeforeItStarts(Announcer):
    """The older form of a start waits in a queue that output does not go through."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._held: list[StreamEvent] = []

    async def send(self, event: FlovynEvent, older: str) -> None:
        if older == "TASK_STARTED":
            await self.attempt(self.backend.events.publish(event))
            self._held.append(twin_of(event, older))
            return
        while self._held:
            await self.attempt(self.backend.streams.publish(self._held.pop(0)))
        await super().send(event, older)
