"""Watches both forms of the events that a workflow service publishes, as it publishes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from eventhook_conformance.cases._lifecycle_bus import Intervene, Publish, slowly
from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.sequences import twin_in
from eventhook_conformance.target import Execution

_ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
_WORKFLOW_ENDS: Final = frozenset(
    f"workflow.{verb}" for verb in ("completed", "failed", "cancelled")
)
_TASK_ENDS: Final = frozenset(f"task.{verb}" for verb in ("completed", "failed", "cancelled"))


@dataclass
class Watch:
    """Keeps the events of a service, and compares each terminal event with the execution's status."""

    events: list[FlovynEvent] = field(default_factory=list)
    streams: dict[str, list[StreamEvent]] = field(default_factory=dict)
    """By key, from the first publish on."""
    executions: list[Execution] = field(default_factory=list)
    """The executions whose status is looked at."""
    early: list[tuple[Event, str, str]] = field(default_factory=list)
    """Ends published before they were committed: the event, its status and the real status."""

    def intervene(self) -> Intervene:
        """Publishes slowly, and keeps each event."""
        publish_slowly = slowly()

        async def intervene(event: Event, publish: Publish) -> None:
            async def and_enter() -> None:
                await publish()
                self._enter(event)

            await publish_slowly(event, and_enter)

        return intervene

    def _enter(self, event: Event) -> None:
        if isinstance(event, FlovynEvent):
            self.events.append(event)
            types, data = frozenset({event.event_type}), event.data
        else:
            self.streams.setdefault(event.workflow_execution_id, []).append(event)
            twin = twin_in(event)
            if twin is None:
                return
            types, data = twin.types, twin.data
        told = data.get("status") if isinstance(data, dict) else None
        if told in _ENDED:
            self._compare(event, types, told)

    def _compare(self, event: Event, types: frozenset[str], told: str) -> None:
        """Compares the status of the execution whose root this event ends."""
        task, workflow = str(event.task_execution_id or ""), str(event.workflow_execution_id)
        for execution in self.executions:
            root = execution.workflow_execution_id
            ends = (
                bool(types & _WORKFLOW_ENDS) and workflow == str(root)
                if root is not None
                else bool(types & _TASK_ENDS)
                and task in map(str, execution.task_execution_ids.values())
            )
            if ends and execution.status != told:
                self.early.append((event, told, execution.status))

    def of(self, keys: Sequence[str]) -> Mapping[str, Sequence[StreamEvent]]:
        """Returns the events published on the streams of these keys."""
        return {key: self.streams.get(key, []) for key in keys}
