"""Bugs of a workflow server in its data: results, values, keys and delays that change."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.records import Task, Timer, Workflow
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
