"""Interposes a bus that delays or fails the publishes of a workflow service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import cycle
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.contract import (
    LIVE,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
)
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.target import WorkflowService

Publish = Callable[[], Awaitable[None]]
Intervene = Callable[[Event, Publish], Awaitable[None]]
"""Takes the event that the service publishes, and the function that publishes it."""

_PAUSES: Final = (1, 0, 2)


class InterposedBackend(StreamingBackend):
    """A client's bus whose publishes go through `intervene`.

    Args:
        inner: the client's own backend.
        intervene: decides what becomes of each publish.
    """

    def __init__(self, inner: StreamingBackend, intervene: Intervene) -> None:
        self._inner = inner
        self.events = _Events(inner.events, intervene)
        self.streams = _Streams(inner.streams, intervene)

    def __getattr__(self, name: str) -> Any:
        """Passes other attributes through, for a service that uses more than the contract."""
        return getattr(self._inner, name)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def cleanup_inactive_channels(self) -> int:
        return await self._inner.cleanup_inactive_channels()

    async def active_channels(self) -> ChannelCounts:
        return await self._inner.active_channels()


class _Events(EventBus):
    def __init__(self, inner: EventBus, intervene: Intervene) -> None:
        self._inner = inner
        self._intervene = intervene

    async def publish(self, event: FlovynEvent) -> None:
        await self._intervene(event, lambda: self._inner.publish(event))

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        # A bus that does not claim replay may lack the parameter `since`.
        if since is LIVE:
            return self._inner.subscribe(pattern)
        return self._inner.subscribe(pattern, since=since)

    async def purge(self, tenant_id: UUID) -> None:
        await self._inner.purge(tenant_id)


class _Streams(StreamBus):
    def __init__(self, inner: StreamBus, intervene: Intervene) -> None:
        self._inner = inner
        self._intervene = intervene

    async def publish(self, event: StreamEvent) -> None:
        await self._intervene(event, lambda: self._inner.publish(event))

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        if since is LIVE:
            return self._inner.subscribe(workflow_execution_id)
        return self._inner.subscribe(workflow_execution_id, since=since)

    async def purge(self, workflow_execution_id: str) -> None:
        await self._inner.purge(workflow_execution_id)


def slowly() -> Intervene:
    """Lets other tasks run before each publish, so that concurrent runs interleave there."""
    pauses = cycle(_PAUSES)

    async def intervene(event: Event, publish: Publish) -> None:
        for _ in range(next(pauses)):
            await asyncio.sleep(0)
        await publish()

    return intervene


@asynccontextmanager
async def interposed_service(
    probe: Probe, intervene: Intervene, via: Via = None
) -> AsyncIterator[WorkflowService]:
    """Yields the target's workflow service over an interposed bus, and leaves it with the block.

    A service that works only over its own kind of backend is given that backend.

    Args:
        probe: the case's.
        intervene: decides what becomes of each publish.
        via: over which client's bus.

    Raises:
        CaseAborted: no service starts.
    """
    client, factory = await probe.client(via), probe.target.workflows
    service: WorkflowService | None = None
    if factory is not None:
        make = factory
        context: ContextTask[WorkflowService] = ContextTask(
            lambda: make(InterposedBackend(client.backend, intervene)), probe.deadline
        )
        try:
            service = await context.enter()
        except (
            Exception
        ):  # because: a service may need its own backend; the plain one is asked next
            service = None
    if service is None:
        yield await probe.workflows(via)
        return
    try:
        yield service
    finally:
        await context.leave()
