"""A backend that keeps published events, and fails where a test wants it to."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from eventhook_conformance.contract import (
    LIVE,
    EventBus,
    EventPattern,
    FlovynEvent,
    PublishError,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
    Unsupported,
)


class RecordingBackend(StreamingBackend):
    """Keeps everything in order; `broken` names the sides that refuse."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.error: Exception = PublishError("down")
        self.published: list[FlovynEvent | StreamEvent] = []
        self.tried: list[str] = []
        self.events = _Events(self)
        self.streams = _Streams(self)

    def take(self, side: str, event: FlovynEvent | StreamEvent) -> None:
        self.tried.append(side)
        if side in self.broken:
            raise self.error
        event.validate()
        self.published.append(event)

    @property
    def told(self) -> list[FlovynEvent]:
        """The events that went out on the event bus."""
        return [one for one in self.published if isinstance(one, FlovynEvent)]

    @property
    def streamed(self) -> list[StreamEvent]:
        """The events that went out on streams."""
        return [one for one in self.published if isinstance(one, StreamEvent)]

    @property
    def types(self) -> list[str]:
        """The event types, in order."""
        return [event.event_type for event in self.told]

    @property
    def older(self) -> list[dict[str, Any]]:
        """The payloads of older forms, in order."""
        payloads = [one.payload for one in self.streamed if one.event_type == "DATA"]
        return [json.loads(payload) for payload in payloads]

    async def aclose(self) -> None:
        self.broken = {"events", "streams"}


class _Events(EventBus):
    def __init__(self, backend: RecordingBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        self._backend.take("events", event)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        raise Unsupported("nobody listens here")


class _Streams(StreamBus):
    def __init__(self, backend: RecordingBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        self._backend.take("streams", event)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        raise Unsupported("nobody listens here")
