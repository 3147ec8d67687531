"""Finds the publish that a received event comes from, by its id or its content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event, Publish
from eventhook_conformance.sse.parser import ServerSentEvent

_LINE_END: Final = re.compile("\r\n|\r")


class Published:
    """Finds the publish that a received event comes from.

    Args:
        publishes: by anyone, so far.
        opaque: an `id` on the wire says nothing of the event.
    """

    def __init__(self, publishes: Iterable[Publish], *, opaque: bool = False) -> None:
        self._opaque = opaque
        self.all: list[Publish] = []
        self._by_id: dict[str, list[Publish]] = {}
        self._by_payload: dict[tuple[str, str], Publish] = {}
        self.add(publishes)

    def add(self, publishes: Iterable[Publish]) -> None:
        """Adds events that were published later."""
        for publish in publishes:
            self.all.append(publish)
            self._by_id.setdefault(wire_id(publish.event), []).append(publish)
            if isinstance(publish.event, StreamEvent):
                event = publish.event
                self._by_payload[event.event_type.lower(), as_delivered(event.payload)] = publish

    def origin(self, event: ServerSentEvent) -> Publish | None:
        """Returns the publish that a received event comes from, even if it is somewhat broken."""
        ids = event.values("id")
        found = None
        if not self._opaque:
            found = self._by_id.get((ids[-1] if ids else "").rpartition(":")[2])
        if found is not None:
            return found[0] if len(found) == 1 else _nearest(found, event)
        content = as_object(event.data)
        if content is None:
            return self._by_payload.get((event.type, event.data))
        found = self._by_id.get(str(content.get("id")))
        if found is not None:
            return found[0] if len(found) == 1 else _nearest(found, event)
        payload = content.get("data")
        by_payload = None
        if isinstance(payload, str):
            by_payload = self._by_payload.get((event.type, as_delivered(payload)))
        return by_payload or self._by_payload.get((event.type, event.data))


def _nearest(publishes: Sequence[Publish], event: ServerSentEvent) -> Publish:
    """Chooses among publishes with equal ids: same payload first, then same type and workflow."""
    content = as_object(event.data) or {}
    payloads = {event.data, as_delivered(str(content.get("data")))}
    workflow = content.get("workflowExecutionId")

    def likeness(publish: Publish) -> tuple[bool, bool, bool]:
        source = publish.event
        if not isinstance(source, StreamEvent):
            same = content == as_object(source.to_json().decode())
            return same, source.event_type == event.type, False
        return (
            as_delivered(source.payload) in payloads,
            source.event_type.lower() == event.type,
            source.workflow_execution_id == workflow,
        )

    return max(publishes, key=likeness)


def wire_id(event: Event) -> str:
    """Returns the last part of its `id` on the wire."""
    return str(event.sequence if isinstance(event, StreamEvent) else event.id)


def as_delivered(payload: str) -> str:
    """Returns a payload as it comes out of a parser: CR and CRLF become LF."""
    return _LINE_END.sub("\n", payload)


def as_object(text: str) -> dict[str, object] | None:
    """Returns the text as a JSON object; None if it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
