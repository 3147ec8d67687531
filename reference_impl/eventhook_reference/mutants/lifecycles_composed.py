"""Bugs of a workflow server that show in chosen compositions, and beside a run of the same tenant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine, Journal
from eventhook_reference.lifecycle.records import Promise, Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_COMPOSED: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_COMPOSED)


@flaw("LIF-02", seen="before, while another run of the tenant took a step")
class SignalsByName(Engine):
    """Signals every workflow of the tenant that waits for a signal of that name."""

    async def signal(self, workflow: Workflow, awaited_as: str) -> None:
        for one in list(self.registry.workflows.values()):
            if isinstance(one, Workflow) and one.tenant_id == workflow.tenant_id:
                await self.dispatch.happened(one, awaited_as)


@flaw("LIF-17", seen="workflow.resumed")
class ResumesByKind(Dispatch):
    """Resumes a workflow that waits for a task, timer, promise or child when any of that kind ends."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        kind = what.partition(":")[0]
        alike = [one for one in workflow.awaited if one.startswith(f"{kind}:")]
        await super().happened(
            workflow, what if what in workflow.awaited or not alike else alike[0]
        )


@flaw("LIF-13", "LIF-17", seen="data.result = 0")
class TakesNothingForNone(Announcer):
    """Publishes zero, false and empty results as null, by `result or None`."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if "result" in event.data:
            data = {**event.data, "result": event.data["result"] or None}
            event = msgspec.structs.replace(event, data=data)
        await super().send(event, older)


@flaw("LIF-17", seen="data.key")
class LowersKeys(Announcer):
    """Publishes state keys in lower case."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        if "key" in event.data:
            data = {**event.data, "key": event.data["key"].lower()}
            event = msgspec.structs.replace(event, data=data)
        await super().send(event, older)


@flaw("LIF-17", seen="state.set")
class TellsOnlyChanges(Dispatch):
    """Publishes nothing when a value is set again to what it is."""

    async def set_state(self, workflow: Workflow, key: str, value: Any) -> None:
        if key not in workflow.state or workflow.state[key] != value:
            await super().set_state(workflow, key, value)


@flaw("LIF-17", seen="cancellation_requested")
class CancelsOneChild(Engine):
    """Cancels only one of several children of a cancelled workflow."""

    async def cancel_child(self, parent: Workflow, child: Workflow) -> None:
        if not parent.cancelling or child.id == self.registry.children(parent.id)[0]:
            await super().cancel_child(parent, child)


@flaw("LIF-17", seen="exactly once")
class SettlesPromisesAgain(Engine):
    """Resolves a promise again that was resolved before."""

    async def resolve_promise(self, promise: Promise, result: Any) -> None:
        promise.settled = False
        await super().resolve_promise(promise, result)


@flaw("LIF-04", seen="with timestampMs")
class WritesTimesAsText(Announcer):
    """Writes the time of the older form as text."""

    async def send(self, event: FlovynEvent, older: str) -> None:
        twin = twin_of(event, older)
        payload = msgspec.json.decode(twin.payload)
        payload["timestampMs"] = str(payload["timestampMs"])
        text = msgspec.json.encode(payload).decode()
        await self.attempt(self.backend.events.publish(event))
        await self.attempt(
            self.backend.streams.publish(msgspec.structs.replace(twin, payload=text))
        )


@flaw("LIF-12", "LIF-17", seen="two equal lines")
class SkipsEqualNeighbours(Announcer):
    """Drops a piece of output that equals the one before."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._last: object = None

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        last, self._last = self._last, (task.id, kind, payload)
        if last != self._last:
            await super().stream(task, kind, payload)


@flaw("LIF-18", seen="of solo to be published")
class MutesTasksInAnOutage(Announcer):
    """Drops output once a publish has failed."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        if not self.failures:
            await super().stream(task, kind, payload)


@flaw("LIF-18", seen="publish_failures")
class ForgetsFailuresAtARestart(Engine):
    """Sets the count of failures back to 0 at a restart."""

    def restore(self, journal: Journal, failures: int) -> None:
        super().restore(journal, 0)


@flaw("LIF-17", seen="nothing but the events")
class CancelsWhatIsOver(Engine):
    """Cancels tasks of a cancelled workflow that have failed already."""

    async def cancel_workflow(self, workflow: Workflow) -> None:
        for task in self._tasks_of(workflow):
            if task.status == "FAILED" and not workflow.ended:
                task.status = "RUNNING"
        await super().cancel_workflow(workflow)

    def _tasks_of(self, workflow: Workflow) -> Iterable[Task]:
        tasks = list(self.registry.tasks.values())
        return [one for one in tasks if isinstance(one, Task) and one.workflow == workflow.id]


# Ends that are reported wrongly


@flaw("LIF-17", seen="exactly once")
class RejectsWhatIsSettled(Engine):
    """Publishes the rejection of a promise that was settled before."""

    async def reject_promise(self, promise: Promise, error: str) -> None:
        promise.settled = False
        await super().reject_promise(promise, error)


@flaw("LIF-17", seen="exactly once")
class FiresWhatWasCancelled(Engine):
    """Fires a timer that was cancelled."""

    async def cancel_timer(self, timer: Timer) -> None:
        if timer.id in self.journal.timers and not timer.workflow.ended:
            await self.dispatch.cancel_timer(timer)


@flaw("LIF-17", seen="exactly once")
class StartsWhatIsOver(Engine):
    """Starts a task that has ended when a worker takes it up too late."""

    async def start_task(self, task: Task, worker: str) -> None:
        await self.task_execution.start(task, worker)


@flaw("LIF-17", seen="workflow.resumed")
class HearsASignalOnce(Engine):
    """Ignores a signal of a name that came before, as a repeat."""

    async def signal(self, workflow: Workflow, awaited_as: str) -> None:
        heard: set[tuple[object, str]] = self.__dict__.setdefault("heard", set())
        if (workflow.id, awaited_as) not in heard:
            heard.add((workflow.id, awaited_as))
            await super().signal(workflow, awaited_as)


@flaw("LIF-17", seen="data.error")
class RejectsWithTheFirstError(Dispatch):
    """Rejects later promises of a workflow with the error of the first."""

    async def reject_promise(self, promise: Promise, error: str) -> None:
        kept = self.__dict__.setdefault("_rejected", {}).setdefault(promise.workflow.id, error)
        await super().reject_promise(promise, kept)


@flaw("LIF-17", seen="resumed")
class AnySignalResumes(Engine):
    """Resumes a workflow at any signal, whatever it waits for."""

    async def signal(self, workflow: Workflow, awaited_as: str) -> None:
        workflow.awaited = {awaited_as} if workflow.awaited else workflow.awaited
        await super().signal(workflow, awaited_as)


@flaw("LIF-17", seen="workflow.resumed")
class CountsDown(Dispatch):
    """Resumes a workflow that waits for several things after as many others have happened."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        if what in workflow.awaited or len(workflow.awaited) < 2:
            await super().happened(workflow, what)
        elif workflow.status == "SUSPENDED":
            workflow.awaited.pop()


@flaw("LIF-17", seen="timer.fired")
class KeepsTimersByTime(Scheduler):
    """Fires only one of two timers that are due at the same moment."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__(announcer)
        self._fired: set[object] = set()

    async def fire(self, timer: Timer) -> bool:
        moment = timer.workflow.id, timer.fire_at_ms
        if moment in self._fired:
            return False
        if timer.fire_at_ms <= self.announcer.clock.now_ms():
            self._fired.add(moment)
        return await super().fire(timer)


@flaw("LIF-07", "LIF-17", seen="child_workflow.started")
class WakesNobodyForAChild(Scheduler):
    """Publishes no start of a child to a parent that sleeps until a timer."""

    async def child_started(self, parent: Workflow, child: Workflow) -> None:
        if parent.suspend_type != "timer":
            await super().child_started(parent, child)
