"""Bugs of a workflow server in its data: results, values, keys and delays that change."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine, Journal
from eventhook_reference.lifecycle.records import Promise, Task, Timer, Workflow
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.mutants._register_lifecycle import flaw_in

LIFECYCLES_VALUES: list[Mutant] = []

flaw = flaw_in(LIFECYCLES_VALUES)


class _Keeping(Dispatch):
    """Tells results and values as they come out of where they were kept."""

    def kept(self, value: Any) -> Any:
        """Returns a value as it comes out."""
        return value

    async def tell(
        self, workflow: Workflow, older: str, snapshot: dict[str, Any] | None = None
    ) -> None:
        if snapshot is not None:
            snapshot = {
                name: self.kept(value) if name in ("result", "value") else value
                for name, value in snapshot.items()
            }
        await super().tell(workflow, older, snapshot)


def _texts(change: Callable[[str], Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(change, one) for one in value]
    if isinstance(value, dict):
        return {name: _texts(change, one) for name, one in value.items()}
    return change(value) if isinstance(value, str) else value


@flaw("LIF-13", "LIF-17", seen="blanks around it")
class TrimsTexts(_Keeping):
    """Trims texts when it stores them."""

    def kept(self, value: Any) -> Any:
        return _texts(str.strip, value)


@flaw("LIF-13", "LIF-17", seen="a long text")
class KeepsShortTexts(_Keeping):
    """Cuts texts after 255 characters."""

    def kept(self, value: Any) -> Any:
        return _texts(lambda text: text[:255], value)


@flaw("LIF-13", "LIF-17", seen="data.")
class ComposesLetters(_Keeping):
    """Replaces decomposed letters by composed ones."""

    def kept(self, value: Any) -> Any:
        return _texts(lambda text: unicodedata.normalize("NFC", text), value)


@flaw("LIF-13", "LIF-17", seen="0042")
class ReadsDigitsAsNumbers(_Keeping):
    """Reads a text of digits as a number."""

    def kept(self, value: Any) -> Any:
        return _texts(lambda text: int(text) if text.isdigit() else text, value)


@flaw("LIF-13", "LIF-17", seen="member")
class KeepsNoNullMembers(_Keeping):
    """Leaves out members that are null, also in results."""

    def kept(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: one for name, one in value.items() if one is not None}


@flaw("LIF-17", seen="data.key")
class KnowsKeysByTheirLastPart(Dispatch):
    """Takes a state key with dots for a path, and its last part for the key."""

    async def set_state(self, workflow: Workflow, key: str, value: Any) -> None:
        await super().set_state(workflow, key.rpartition(".")[2], value)

    async def clear_state(self, workflow: Workflow, key: str) -> None:
        await super().clear_state(workflow, key.rpartition(".")[2])


@flaw("LIF-14", "LIF-17", seen="data.fireAtMs")
class WrapsLongDelays(Dispatch):
    """Wraps delays longer than 31 bits."""

    async def start_timer(self, workflow: Workflow, delay_ms: int) -> Timer:
        return await super().start_timer(workflow, delay_ms % 2**31)


@flaw("LIF-05", seen="stamped in milliseconds")
class StampsOutputInSeconds(Announcer):
    """Stamps output in seconds."""

    async def stream(self, task: Task, kind: StreamEventType, payload: str) -> None:
        event = StreamEvent(
            task_execution_id=str(task.id),
            workflow_execution_id=task.stream_key,
            sequence=task.sequence,
            event_type=kind,
            payload=payload,
            timestamp_ms=self.clock.now_ms() // 1000,
        )
        task.sequence += 1
        await self.attempt(self.backend.streams.publish(event))


# Values and outcomes that come from what came before


@flaw("LIF-17", seen="state")
class MergesWhatItStores(Dispatch):
    """Merges an object into the one that a state key held before, instead of replacing it."""

    async def set_state(self, workflow: Workflow, key: str, value: Any) -> None:
        before = workflow.state.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = {**before, **value}
        await super().set_state(workflow, key, value)


@flaw("LIF-17", seen="promise")
class SettlesInTurn(Dispatch):
    """Publishes each outcome for the oldest promise of the workflow that is not settled yet."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._unsettled: dict[UUID, list[str]] = {}

    async def create_promise(self, workflow: Workflow) -> Promise:
        promise = await super().create_promise(workflow)
        self._unsettled.setdefault(workflow.id, []).append(promise.id)
        return promise

    def _oldest(self, promise: Promise) -> Promise:
        unsettled = self._unsettled.get(promise.workflow.id)
        return replace(promise, id=unsettled.pop(0)) if unsettled else promise

    async def resolve_promise(self, promise: Promise, result: Any) -> None:
        await super().resolve_promise(self._oldest(promise), result)

    async def reject_promise(self, promise: Promise, error: str) -> None:
        await super().reject_promise(self._oldest(promise), error)


@flaw("LIF-17", seen="child")
class TellsOfChildrenInTurn(Scheduler):
    """Publishes the end of a child with the id of the sibling that started first and has not ended."""

    def __init__(self, announcer: Announcer) -> None:
        super().__init__(announcer)
        self._running: dict[UUID, list[UUID]] = {}

    async def child_started(self, parent: Workflow, child: Workflow) -> None:
        self._running.setdefault(parent.id, []).insert(0, child.id)
        await super().child_started(parent, child)

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        running = self._running.get(parent.id)
        await super().child_ended(parent, replace(child, id=running.pop()) if running else child)


# Outcomes that are remembered, and those that nobody told


@flaw("LIF-16", seen="with a restart before each step")
class ForgetsAtARestartWhatIsSettled(Engine):
    """Settles a promise again after a restart, which was settled before."""

    def restore(self, journal: Journal, failures: int) -> None:
        super().restore(journal, failures)
        self._known: set[str] = set()

    def _forget(self, promise: Promise) -> None:
        if hasattr(self, "_known") and promise.id not in self._known:
            promise.settled = False
            self._known.add(promise.id)

    async def resolve_promise(self, promise: Promise, result: Any) -> None:
        self._forget(promise)
        await super().resolve_promise(promise, result)

    async def reject_promise(self, promise: Promise, error: str) -> None:
        self._forget(promise)
        await super().reject_promise(promise, error)


@flaw("LIF-17", seen="workflow.resumed")
class CancelledChildrenWakeNobody(Dispatch):
    """Does not resume a parent whose child was cancelled while it waited for it."""

    async def happened(self, workflow: Workflow, what: str) -> None:
        children = (self.registry.workflows[one] for one in self.registry.children(workflow.id))
        cancelled = any(child.status == "CANCELLED" for child in children)
        if not (what.startswith("child:") and cancelled):
            await super().happened(workflow, what)


@flaw("LIF-17", seen="task.retry_requested")
class RetriesTasksWithTheirWorkflow(Engine):
    """Publishes a requested retry of each failed task when its workflow is tried again."""

    async def retry_workflow(self, workflow: Workflow) -> None:
        await super().retry_workflow(workflow)
        for task in list(self.registry.tasks.values()):
            if isinstance(task, Task) and task.workflow == workflow.id and task.status == "FAILED":
                await self.retry_task(task)
