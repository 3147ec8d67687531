"""The two sides of an adapter, which publishes and subscribes on both in the same way."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from eventhook_conformance.contract import (
    LIVE,
    EventBus,
    EventPattern,
    FlovynEvent,
    Since,
    StreamBus,
    StreamEvent,
    Subscription,
)
from eventhook_conformance.kit.adapter_parts import Kind


class Sided(Protocol):
    """An adapter with one way to publish and one to subscribe."""

    async def publish(self, kind: Kind, event: Any) -> None:
        """Publishes on a side."""

    def subscribe(
        self, kind: Kind, selects: Any, since: Since
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        """Returns a subscription on a side."""


class Events(EventBus):
    """The event side of an adapter."""

    def __init__(self, adapter: Sided) -> None:
        self._adapter = adapter

    async def publish(self, event: FlovynEvent) -> None:
        await self._adapter.publish("event", event)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        return self._adapter.subscribe("event", pattern, since)


class Streams(StreamBus):
    """The stream side of an adapter."""

    def __init__(self, adapter: Sided) -> None:
        self._adapter = adapter

    async def publish(self, event: StreamEvent) -> None:
        await self._adapter.publish("stream", event)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        return self._adapter.subscribe("stream", workflow_execution_id, since)
