"""Merges subscriptions of the bus into one stream for all readers that ask for the same.

A feed is opened, and active for publishers, before its readers are answered (SSE-04). Each subscription
has a task that takes from it, so that order holds within each side and none is promised between them
(SSE-10). An event is taken from the bus, looked at and encoded once, however many read; each reader has
an outbox of its own, so that one who stalls holds up nobody (SSE-13). When a subscription ends, or the
workflow did, the outboxes are closed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from typing import Any, Final, TypeAlias
from uuid import UUID

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamingBackend,
    StreamingError,
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
from eventhook_reference.sse.outbox import Outbox, PatientOutbox, Side
from eventhook_reference.sse.position import Position, beginning, drained
from eventhook_reference.sse.types import TypesFilter

LINGER_S: Final = 0.25
"""Seconds that a stream stays open after its workflow ended, for late events of the other side."""

Subscribe: TypeAlias = Callable[..., AbstractAsyncContextManager[Subscription[Any]]]


class Encoders:
    """The frames of one server's events, each made once."""

    def __init__(self) -> None:
        self.stream = Remembering(stream_frame)
        self.consolidated = Remembering(consolidated_frame)
        self.lifecycle = Remembering(lifecycle_frame)


class Feed(ABC):
    """One stream, for all readers that ask for it.

    Args:
        backend: the bus.
        registry: which executions there are.
        encoders: make the frames.
        types: the readers' filter.
        tenant_id: the readers' tenant.
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
        self.ending = False
        """True if a new reader needs a new feed: this one is about to close, or cannot go on."""
        self.position: Position | None = None
        """The position of its one reader, on a server with history; None: it is shared, and begins live."""
        self._pumped: dict[asyncio.Task[Any] | None, tuple[str, Subscription[Any]]] = {}
        self._begun = asyncio.Event()
        self._finished = False
        self._outboxes: dict[Outbox, None] = {}
        self._subscriptions = AsyncExitStack()
        self._followed: list[Subscribe] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Ends all that runs, then the subscriptions."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._subscriptions.aclose()

    async def begin(self) -> None:
        """Opens the feed; where there is history, its first frame says where it begins (RPL-19).

        Raises:
            StreamingError: the bus refuses.
        """
        if self.position is not None:
            self._outboxes[self.new_outbox()] = None
        await self.open()
        if self.position is not None:
            self.position.begun()
            self.tell_position()
        self._begun.set()

    def tell_position(self) -> None:
        """Gives the position alone."""
        if self.position is not None:
            for outbox in self._outboxes:
                outbox.put(self.position.frame(), Side.EVENTS)

    @abstractmethod
    async def open(self) -> None:
        """Enters the subscriptions that there have to be from the start.

        Raises:
            StreamingError: the bus refuses.
        """

    async def fence(self) -> None:
        """Returns once the events published until now were forwarded, unless the bus is behind.

        A reader who joins must not get what was published before it asked (SSE-17). All events that a
        subscription entered now would miss have reached the subscriptions there are; these have woken
        their tasks, which run before this one does.
        """
        for subscribe in list(self._followed):
            async with subscribe():
                pass
        await asyncio.sleep(0)

    @contextmanager
    def joined(self) -> Iterator[Outbox]:
        """Adds a reader; yields its outbox, which gets everything that is forwarded from now on.

        With history there is only one reader, which gets everything forwarded since the feed was opened.
        """
        outbox = self.new_outbox() if self.position is None else next(iter(self._outboxes))
        if self._finished:
            outbox.close()
        self._outboxes[outbox] = None
        try:
            yield outbox
        finally:
            del self._outboxes[outbox]

    def new_outbox(self) -> Outbox:
        """Returns the outbox of one more reader."""
        return Outbox() if self.position is None else PatientOutbox()

    async def follow_events(self, pattern: EventPattern) -> None:
        """Subscribes to lifecycle events, and forwards those that `on_event` lets through."""
        bus = self.backend.events
        await self._follow(
            "events", lambda **since: bus.subscribe(pattern, **since), self._forward_event
        )

    async def follow_stream(self, key: UUID) -> None:
        """Subscribes to a stream, and forwards what `stream_frame` lets through."""
        bus, name = self.backend.streams, str(key)
        await self._follow(
            name, lambda **since: bus.subscribe(name, **since), self._forward_stream_event
        )

    async def _follow(
        self, side: str, subscribe: Subscribe, forward: Callable[[Any], Awaitable[None]]
    ) -> None:
        since = {} if self.position is None else {"since": self.position.since(side)}
        subscription = await self._subscriptions.enter_async_context(subscribe(**since))
        self._followed.append(subscribe)
        if self.position is None:
            self.start(self._pump(subscription, forward))
        else:
            self.position.move(side, beginning(subscription))
            self.start(self._pump_from(side, subscription, forward))

    def start(self, work: Any) -> None:
        """Runs something until the feed is closed."""
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
            pass  # the readers learn of it by the end of their streams
        finally:
            self.finish()

    async def _pump_from(
        self, side: str, subscription: Subscription[Any], forward: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Forwards history and live events, as fast as the reader takes them (RPL-10)."""
        await self._begun.wait()
        self._pumped[asyncio.current_task()] = side, subscription

        async def move_on(event: Any) -> None:
            await forward(event)
            self._move(side, subscription)
            # A copy: while this waits for room, the reader may leave.
            for outbox in tuple(self._outboxes):
                await outbox.roomy()

        await self._pump(subscription, move_on)

    def _move(self, side: str, subscription: Subscription[Any]) -> None:
        if self.position is not None:
            self.position.move(side, subscription.cursor)

    async def _forward_event(self, event: FlovynEvent) -> None:
        if await self.on_event(event) and self.types.takes_lifecycle(event.event_type):
            self.put(self.encoders.lifecycle(event), Side.EVENTS)

    async def _forward_stream_event(self, event: StreamEvent) -> None:
        if self.types.takes_stream(event.event_type):
            frame = self.stream_frame(event)
            if frame is not None:
                self.put(frame, Side.STREAMS)

    def put(self, frame: bytes, side: Side) -> None:
        """Gives a frame to every reader; with the position behind it, where there is history."""
        if self.position is not None:
            # Not earlier: what another side puts meanwhile must not claim that this was seen.
            self._move(*self._pumped[asyncio.current_task()])
            frame = self.position.stamp(frame)
        for outbox in self._outboxes:
            outbox.put(frame, side)

    def put_if_idle(self, comment: bytes) -> None:
        """Gives a comment to each reader for whom nothing else is waiting."""
        for outbox in self._outboxes:
            outbox.put_if_idle(comment)

    async def on_event(self, event: FlovynEvent) -> bool:
        """Returns whether the event belongs on this stream; called before it is forwarded."""
        return True

    def stream_frame(self, event: StreamEvent) -> bytes | None:
        """Returns the event's bytes; None if it does not belong on this stream."""
        return self.encoders.stream(event)

    def begin_end(self) -> None:
        """Begins to end the streams: the workflow has ended, and they close soon."""
        self.ending = True
        self.start(self.end())

    async def end(self) -> None:
        """Closes the streams once nothing is on its way any more (SSE-18, SSE-19)."""
        for _, subscription in list(self._pumped.values()):
            await drained(subscription)
        await self.settle()
        if self.position is not None and not self._finished:
            self.position.ended = True
            self.tell_position()
        self.finish()

    async def settle(self) -> None:
        """Waits for events that were published before the end and are still on their way."""
        with suppress(
            StreamingError
        ):  # because: the stream of a bus that is gone ends all the same
            await self.fence()
        await asyncio.sleep(LINGER_S)

    def finish(self) -> None:
        """Ends the readers' streams after the events on their way."""
        self.ending = self._finished = True
        for outbox in self._outboxes:
            outbox.close()
