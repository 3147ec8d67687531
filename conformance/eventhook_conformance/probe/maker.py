"""Makes tenants, keys and events for one case."""

from __future__ import annotations

from enum import Enum
from random import Random
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.contract import (
    MAX_NAME_BYTES,
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.history import Event
from eventhook_conformance.probe.world import World


class Open(Enum):
    """The default of what a case may leave open."""

    OPEN = "drawn by the world"


OPEN: Final = Open.OPEN


class Maker:
    """Makes tenants, keys and events that no other case has; what a case leaves open is drawn.

    Args:
        random: draws it, repeatably.
    """

    def __init__(self, random: Random | None = None) -> None:
        self.world = World(random or Random(0))
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
        """Returns an event with a fresh id."""
        world = self.world
        return FlovynEvent(
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
        return StreamEvent(
            task_execution_id=world.stream_task() if task is None else task,
            workflow_execution_id=key,
            sequence=world.sequence() if sequence is None else sequence,
            event_type=world.stream_type() if event_type is None else event_type,
            payload=world.payload() if payload is None else payload,
            timestamp_ms=self._tick,
        )

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
