"""Makes tenants, keys and events for one case."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    MAX_NAME_BYTES,
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.history import Event
from eventhook_conformance.probe.failure import NotOffered
from eventhook_conformance.probe.world import World

LEAST_EVENT_BYTES: Final = 400
"""The size of an event of a task in a workflow, with short texts in it."""
LEAST_LIFECYCLE_BYTES: Final = 1024
"""The size of an event that tells of a step of a workflow, with a result or an error in it."""
_AMPLE: Final = 262_144
"""From this claim on, no case makes an event that is too large, but where size is the matter."""
_ROOMY: Final = 1024
"""From this claim on, there is room for whatever is drawn beside what a case gives."""

E = TypeVar("E", bound=Event)


class Open(Enum):
    """The default of members that a case may leave open."""

    OPEN = "drawn by the world"


OPEN: Final = Open.OPEN


class Maker:
    """Makes tenants, keys and events that no other case has; what a case leaves open is drawn.

    Args:
        random: draws it, repeatably.
        most_bytes: the size of the largest event that the target claims to carry.
    """

    def __init__(self, random: Random | None = None, most_bytes: int = _AMPLE) -> None:
        self.world = World(random or Random(0))
        self._most_bytes = most_bytes
        self.spare_bytes = max(0, most_bytes - LEAST_EVENT_BYTES)
        """How many bytes an event has for text, beside its ids."""
        self._tick = now_ms()

    def tenant(self) -> UUID:
        """Returns a fresh tenant of this case's own."""
        return self.world.identifier()

    def key(self) -> str:
        """Returns a fresh stream key of this case's own."""
        return self.world.key()

    def event(
        self,
        tenant: UUID,
        event_type: str = "task.created",
        *,
        data: Any = OPEN,
        source: str = "suite",
        workflow: UUID | Open | None = OPEN,
        task: UUID | Open | None = OPEN,
        correlation_id: str | Open | None = OPEN,
        id: UUID | None = None,
        timestamp_ms: int | None = None,
    ) -> FlovynEvent:
        """Returns an event with a fresh id; leaves out drawn values that would make it too large."""
        world = self.world
        made = FlovynEvent(
            id=id or world.identifier(),
            tenant_id=tenant,
            workflow_execution_id=world.workflow() if workflow is OPEN else workflow,
            task_execution_id=world.task() if task is OPEN else task,
            event_type=event_type,
            source=source,
            data=world.data() if data is OPEN else data,
            timestamp_ms=world.timestamp_ms() if timestamp_ms is None else timestamp_ms,
            correlation_id=world.correlation_id() if correlation_id is OPEN else correlation_id,
        )
        if self._most_bytes >= _ROOMY:
            return made
        drawn = {"data": data, "correlation_id": correlation_id, "task": task, "workflow": workflow}
        return self._pruned(made, [name for name, given in drawn.items() if given is OPEN])

    def _pruned(self, event: FlovynEvent, drawn: list[str]) -> FlovynEvent:
        """Returns the event without drawn values that make it too large."""
        for name in drawn:
            if self.carries(event):
                break
            field = f"{name}_execution_id" if name in ("task", "workflow") else name
            event = msgspec.structs.replace(event, **{field: None})
        return event

    def fitting(self, events: Iterable[E]) -> list[E]:
        """Returns those of the events that are no larger than the target claims to carry.

        Raises:
            NotOffered: all are larger.
        """
        given = [*events]
        if self._most_bytes >= _AMPLE:
            return given
        kept = [one for one in given if self.carries(one)]
        if given and not kept:
            least = min(len(one.to_json()) for one in given)
            raise NotOffered(f"needs max_event_bytes={least} or more")
        return kept

    def carries(self, event: Event) -> bool:
        """Returns whether an event is within the claimed size; one without a wire form is."""
        try:
            return len(event.to_json()) <= self._most_bytes
        except ValueError:
            return True

    def stream_event(
        self,
        key: str,
        payload: str | None = None,
        event_type: StreamEventType | None = None,
        *,
        task: str | None = None,
        sequence: int | None = None,
    ) -> StreamEvent:
        """Returns a stream event with a time of its own, by which it is recognised."""
        self._tick += 1
        world = self.world
        made = StreamEvent(
            task_execution_id=world.stream_task() if task is None else task,
            workflow_execution_id=key,
            sequence=world.sequence() if sequence is None else sequence,
            event_type=world.stream_type() if event_type is None else event_type,
            payload=world.payload() if payload is None else payload,
            timestamp_ms=self._tick,
        )
        if self._most_bytes >= _ROOMY or task is not None or self.carries(made):
            return made
        return msgspec.structs.replace(made, task_execution_id="")

    def backdate(self) -> None:
        """Gives the stream events made from now on times of long ago, which no server's own have."""
        self._tick = 0

    def fence_event(self, selects: EventPattern | str) -> Event:
        """Returns an event that every subscription to this gets."""
        if not isinstance(selects, EventPattern):
            return self.stream_event(selects, "fence", StreamEventType.DATA)
        prefix = selects.event_type_prefix
        event_type = prefix if prefix and "." in prefix else f"{prefix or 'suite'}.fence"
        event_type = event_type[:MAX_NAME_BYTES]
        return self.event(
            selects.tenant_id,
            event_type,
            source=selects.source if selects.source is not None else "suite",
            workflow=OPEN
            if selects.workflow_execution_id is None
            else selects.workflow_execution_id,
            task=OPEN if selects.task_execution_id is None else selects.task_execution_id,
        )
