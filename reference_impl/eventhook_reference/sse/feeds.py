"""Which subscriptions one reader needs, and how they become one stream.

A feed is opened, and active for publishers, before its reader is answered (SSE-04). Each subscription
has a task that takes from it, so that order holds within each side and none is promised between them
(SSE-10). When a subscription ends, or the workflow did, the outbox is closed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamingBackend,
    Subscription,
    SubscriptionLost,
)
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.framing import (
    Remembering,
    consolidated_frame,
    lifecycle_frame,
    stream_frame,
)
from eventhook_reference.sse.outbox import Outbox
from eventhook_reference.sse.types import TypesFilter

ENDINGS: Final = frozenset({"workflow.completed", "workflow.failed", "workflow.cancelled"})
LINGER_S: Final = 0.25
"""Seconds that a stream stays open after its workflow ended, for what the other side still brings."""


class Encoders:
    """The frames of one server's events, each made once."""

    def __init__(self) -> None:
        self.stream = Remembering(stream_frame)
        self.consolidated = Remembering(consolidated_frame)
        self.lifecycle = Remembering(lifecycle_frame)


class Feed(ABC):
    """What one reader gets.

    Args:
        backend: the bus.
        registry: which executions there are.
        encoders: make the frames.
        types: what the reader asked for.
        tenant_id: the reader's tenant.
        id: the workflow or task that is read.
    """

    def __init__(
        self,
        backend: StreamingBackend,
        registry: Registry,
        encoders: Encoders,
        types: TypesFilter,
        tenant_id: UUID,
        id: UUID,
    ) -> None:
        self.backend = backend
        self.registry = registry
        self.encoders = encoders
        self.types = types
        self.tenant_id = tenant_id
        self.id = id
        self.outbox = Outbox()
        self._subscriptions = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Subscribes.

        Raises:
            StreamingError: the bus refuses; nothing is left behind then.
        """
        try:
            await self.open()
        except BaseException:  # because: a cancelled opening must leave nothing behind either
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._subscriptions.aclose()

    @abstractmethod
    async def open(self) -> None:
        """Enters the subscriptions that there have to be from the start."""

    async def follow_events(self, pattern: EventPattern) -> None:
        """Subscribes to lifecycle events, and forwards those that `on_event` lets through."""
        await self._follow(self.backend.events.subscribe(pattern), self._forward_event)

    async def follow_stream(self, key: UUID) -> None:
        """Subscribes to a stream, and forwards what `stream_frame` lets through."""
        await self._follow(self.backend.streams.subscribe(str(key)), self._forward_stream_event)

    async def _follow(self, context: Any, forward: Callable[[Any], Awaitable[None]]) -> None:
        subscription = await self._subscriptions.enter_async_context(context)
        self.start(self._pump(subscription, forward))

    def start(self, work: Any) -> None:
        """Runs something until the feed is left."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, subscription: Subscription[Any], forward: Callable[[Any], Awaitable[None]]
    ) -> None:
        try:
            async for event in subscription:
                await forward(event)
        except SubscriptionLost:
            pass  # the reader learns of it by the end of its stream
        finally:
            self.outbox.close()

    async def _forward_event(self, event: FlovynEvent) -> None:
        if not await self.on_event(event):
            return
        if self.types.takes_lifecycle(event.event_type):
            frame = self.encoders.lifecycle(event)
            if not self.outbox.offer(frame):
                await self.outbox.put(frame)

    async def _forward_stream_event(self, event: StreamEvent) -> None:
        if self.types.takes_stream(event.event_type):
            frame = self.stream_frame(event)
            if frame is not None and not self.outbox.offer(frame):
                await self.outbox.put(frame)

    async def on_event(self, event: FlovynEvent) -> bool:
        """Whether the event belongs on this stream; called before it is forwarded."""
        return True

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """The event's bytes, None if it does not belong on this stream."""
        return self.encoders.stream(event)

    async def end(self) -> None:
        """Closes the stream once nothing is on its way any more (SSE-18)."""
        await asyncio.sleep(LINGER_S)
        await self.outbox.settled()
        self.outbox.close()


class WorkflowFeed(Feed):
    """One workflow's stream events and lifecycle events."""

    async def open(self) -> None:
        """Both sides; the events too where none are asked for, since one says that all is over."""
        if self.types.wants_streams:
            await self.follow_stream(self.id)
        await self.follow_events(EventPattern.for_workflow(self.tenant_id, self.id))
        if self.registry.ended(self.id):
            self.start(self.end())

    async def on_event(self, event: FlovynEvent) -> bool:
        """All of it; the last one begins the end."""
        if event.event_type in ENDINGS:
            self.start(self.end())
        return True


class ConsolidatedFeed(Feed):
    """A workflow's and all its descendants', those included that begin later (SSE-11)."""

    async def open(self) -> None:
        """The tenant's events on one subscription, so that their order holds across the family."""
        self.family: set[UUID] = set()
        self._ended: set[UUID] = set()
        await self.adopt(self.id)
        await self.follow_events(EventPattern.all(self.tenant_id))
        # What began while the subscription was entered is in the registry and on no feed.
        await self.adopt(self.id)
        self._end_if_all_did()

    async def adopt(self, workflow: UUID) -> None:
        """Listens to a member and to all its descendants known so far."""
        if not self._is_ours(workflow):
            return
        if workflow not in self.family:
            self.family.add(workflow)
            if self.types.wants_streams:
                await self.follow_stream(workflow)
        for child in self.registry.children(workflow):
            await self.adopt(child)

    def _is_ours(self, workflow: UUID) -> bool:
        """Streams carry no tenant: an event that names another tenant's workflow opens nothing."""
        entry = self.registry.workflows.get(workflow)
        return entry is None or entry.tenant_id == self.tenant_id

    async def on_event(self, event: FlovynEvent) -> bool:
        """The family's; a child is listened to before the event that tells of it is forwarded."""
        workflow = event.workflow_execution_id
        if workflow is None:
            return False
        if workflow not in self.family and self._descends(workflow):
            await self.adopt(workflow)
        if workflow not in self.family:
            return False
        if event.event_type == "child_workflow.initiated":
            child = _child_of(event)
            if child is not None:
                await self.adopt(child)
        elif event.event_type in ENDINGS:
            self._ended.add(workflow)
            self._end_if_all_did()
        return True

    def _descends(self, workflow: UUID) -> bool:
        entry = self.registry.workflows.get(workflow)
        while entry is not None and entry.parent is not None:
            if entry.parent in self.family:
                return True
            entry = self.registry.workflows.get(entry.parent)
        return False

    def _end_if_all_did(self) -> None:
        if all(one in self._ended or self.registry.ended(one) for one in self.family):
            self.start(self.end())

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """With the workflow that it belongs to."""
        return self.encoders.consolidated(event)


class TaskFeed(Feed):
    """One task's: a standalone task's stream lies under its own id, another's in its workflow's."""

    async def open(self) -> None:
        """Both sides."""
        workflow = self.registry.tasks[self.id].workflow
        self._standalone = workflow is None
        if self.types.wants_streams:
            await self.follow_stream(self.id if workflow is None else workflow)
        if self.types.prefixes is None or self.types.prefixes:
            await self.follow_events(EventPattern.for_task(self.tenant_id, self.id))

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """Of a workflow's stream only what this task wrote."""
        if self._standalone or event.task_execution_id.lower() == str(self.id):
            return self.encoders.stream(event)
        return None


class TenantFeed(Feed):
    """All lifecycle events of the tenant."""

    async def open(self) -> None:
        """One side alone."""
        await self.follow_events(EventPattern.all(self.tenant_id))


def _child_of(event: FlovynEvent) -> UUID | None:
    named = event.data.get("childWorkflowId") if isinstance(event.data, dict) else None
    try:
        return UUID(named)
    except (ValueError, TypeError, AttributeError):
        return None  # a malformed snapshot names nobody
