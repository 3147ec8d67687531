"""The two sides of a client that publishes and subscribes on both in the same way."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeAlias

from eventhook_conformance.contract import (
    LIVE,
    EventBus,
    EventPattern,
    FlovynEvent,
    Since,
    StreamBus,
    StreamEvent,
    Subscription,
    live_only,
)

_Side: TypeAlias = Literal["events", "streams"]


class TwoSided(Protocol):
    """A client with one way to publish and one to subscribe."""

    async def publish(self, side: _Side, event: Any) -> None:
        """Publishes on a side."""

    def subscription(
        self, side: _Side, selects: Any
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        """Returns a subscription on a side."""


class Events(EventBus):
    """The event side of a client."""

    def __init__(self, client: TwoSided) -> None:
        self._client = client

    async def publish(self, event: FlovynEvent) -> None:
        await self._client.publish("events", event)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        return live_only(self._client.subscription("events", pattern), since)


class Streams(StreamBus):
    """The stream side of a client."""

    def __init__(self, client: TwoSided) -> None:
        self._client = client

    async def publish(self, event: StreamEvent) -> None:
        await self._client.publish("streams", event)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        return live_only(self._client.subscription("streams", workflow_execution_id), since)
