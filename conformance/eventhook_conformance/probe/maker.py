"""Makes tenants, keys and events for one case."""

from __future__ import annotations

import os
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

_RANDOM: Final = Random()
os.register_at_fork(after_in_child=_RANDOM.seed)  # or a child would go on with the same ids


def fresh_id() -> UUID:
    """An id that nobody else has. `uuid4` asks the system for each, and a run needs 60,000."""
    return UUID(int=_RANDOM.getrandbits(128), version=4)


class Maker:
    """Makes tenants, keys and events that no other case has."""

    def __init__(self) -> None:
        self._tick = now_ms()

    def tenant(self) -> UUID:
        """A fresh tenant of this case's own."""
        return fresh_id()

    def key(self) -> str:
        """A fresh stream key of this case's own."""
        return str(fresh_id())

    def event(
        self,
        tenant: UUID,
        event_type: str = "task.created",
        *,
        data: Any = None,
        source: str = "suite",
        workflow: UUID | None = None,
        task: UUID | None = None,
        correlation_id: str | None = None,
        id: UUID | None = None,
        timestamp_ms: int | None = None,
    ) -> FlovynEvent:
        """An event with a fresh id."""
        return FlovynEvent(
            id=id or fresh_id(),
            tenant_id=tenant,
            workflow_execution_id=workflow,
            task_execution_id=task,
            event_type=event_type,
            source=source,
            data=data,
            timestamp_ms=now_ms() if timestamp_ms is None else timestamp_ms,
            correlation_id=correlation_id,
        )

    def stream_event(
        self,
        key: str,
        payload: str = "token",
        event_type: StreamEventType = StreamEventType.TOKEN,
        *,
        task: str = "",
        sequence: int = 0,
    ) -> StreamEvent:
        """A stream event with a time of its own, by which it is recognised."""
        self._tick += 1
        return StreamEvent(
            task_execution_id=task,
            workflow_execution_id=key,
            sequence=sequence,
            event_type=event_type,
            payload=payload,
            timestamp_ms=self._tick,
        )

    def backdate(self) -> None:
        """Gives the stream events made from now on times of long ago, which no server's own have."""
        self._tick = 0

    def fence_event(self, selects: EventPattern | str) -> Event:
        """An event that whoever selects this gets."""
        if not isinstance(selects, EventPattern):
            return self.stream_event(selects, "fence", StreamEventType.DATA)
        prefix = selects.event_type_prefix
        event_type = prefix if prefix and "." in prefix else f"{prefix or 'suite'}.fence"
        event_type = event_type[:MAX_NAME_BYTES]
        return self.event(
            selects.tenant_id,
            event_type,
            source=selects.source if selects.source is not None else "suite",
            workflow=selects.workflow_execution_id,
            task=selects.task_execution_id,
        )
