"""Recognizes the events that a server publishes by itself.

These are lifecycle events that the suite did not make, their older forms, and the word that a workflow
has ended.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent, InvalidEvent, StreamEventType
from eventhook_conformance.sse.parser import ServerSentEvent
from eventhook_conformance.sse.published import as_object

STREAM_TYPES: Final = frozenset(kind.lower() for kind in StreamEventType)


def says_end(event: ServerSentEvent) -> bool:
    """Returns whether it says that the workflow has ended: an event `end` with its status (SSE-25)."""
    content = as_object(event.data)
    return event.type == "end" and content is not None and "status" in content


def is_foreign(event: ServerSentEvent, tenant: UUID, *, any_id: bool = False) -> bool:
    """Returns whether the server, not the suite, made an event; with `any_id`, ignores its `id`."""
    if says_end(event):
        return True
    if event.type in STREAM_TYPES:
        content = as_object(event.data) or {}
        inner = content.get("data")
        older = as_object(inner) if isinstance(inner, str) else content
        return event.type == "data" and (older or {}).get("type") == "Event"
    try:
        read = FlovynEvent.from_json(event.data)
    except InvalidEvent:
        return False
    return (
        read.tenant_id == tenant
        and read.event_type == event.type
        and (any_id or event.values("id") == [str(read.id)])
    )
