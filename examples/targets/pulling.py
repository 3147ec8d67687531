"""A base for targets whose library keeps each subscriber's queue itself: a reader pulls from that.

The target holds nothing but the one message that a cancelled read left behind, so that capacity, overflow
and order are the library's. `publish` returns as soon as the library's own call does.
"""

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, Self

from eventhook_conformance import (
    BusClosed,
    Capabilities,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    StreamingError,
    SubscribeError,
    Subscription,
    SubscriptionLost,
)
from eventhook_conformance.contract import check_stream_key
from eventhook_conformance.kit import Kind


class Feed(Protocol):
    """The library's state for one subscription."""

    async def take(self) -> bytes:
        """The next message; cancelled only when nobody reads any more."""

    async def rest(self) -> Sequence[bytes]:
        """Returns what is still held when the client closes, in order; waits for nothing else."""


class PulledBus(StreamingBackend):
    """One client of the bus; an async context manager that connects and closes it."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.events: EventBus = Side(self, "event")
        self.streams: StreamBus = Side(self, "stream")
        self.subscriptions: set[PulledSubscription] = set()
        self.closing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connects the client."""

    @abstractmethod
    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Hands a message to the bus."""

    @abstractmethod
    def attach(self, kind: Kind, key: str) -> AbstractAsyncContextManager[Feed]:
        """The library's queue for a tenant's events or a stream; active when entered."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Disconnects the client, after all that was attached was left."""

    def check_open(self) -> None:
        if self.closing is not None:
            raise BusClosed("this client was closed; open another one of the same target")

    async def aclose(self) -> None:
        if self.closing is None:
            self.closing = asyncio.create_task(self.close())
        await asyncio.shield(self.closing)

    async def close(self) -> None:
        await asyncio.gather(*(one.finish() for one in list(self.subscriptions)))
        await self.disconnect()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Side(EventBus, StreamBus):
    """The events, or the streams."""

    def __init__(self, bus: PulledBus, kind: Kind) -> None:
        self.bus, self.kind = bus, kind

    async def publish(self, event: Any) -> None:
        self.bus.check_open()
        if not isinstance(event, FlovynEvent if self.kind == "event" else StreamEvent):
            raise InvalidEvent(f"this is a {type(event).__name__}")
        event.validate()
        body, limit = event.to_json(), self.bus.capabilities.max_event_bytes
        if len(body) > limit:
            raise PublishError(f"the event has {len(body)} bytes; at most {limit} are allowed")
        key = str(event.tenant_id) if self.kind == "event" else event.workflow_execution_id
        try:
            await self.bus.send(self.kind, key, body)
        except Exception as error:
            raise PublishError(f"the bus did not take the event: {error!r}") from error

    @asynccontextmanager
    async def subscribe(self, selects: Any) -> AsyncIterator[Subscription[Any]]:
        self.bus.check_open()
        if self.kind == "event":
            if not isinstance(selects, EventPattern):
                raise InvalidPattern(f"this is a {type(selects).__name__}")
            selects.validate()
        elif problem := check_stream_key(selects):
            raise InvalidPattern(f"workflow_execution_id {problem}")
        key = str(selects.tenant_id) if self.kind == "event" else selects
        context = self.bus.attach(self.kind, key)
        try:
            feed = await context.__aenter__()
        except StreamingError:
            raise
        except Exception as error:
            raise SubscribeError(f"the bus did not take the subscription: {error!r}") from error
        subscription = PulledSubscription(self, selects, feed, context)
        self.bus.subscriptions.add(subscription)
        try:
            # It may have been closed while this was entered, and then does not know of this one.
            self.bus.check_open()
            yield subscription
        finally:
            await subscription.leave()


class PulledSubscription(Subscription[Any]):
    """Reads from the library's queue; `kept` is what its reader has not seen after all."""

    def __init__(
        self, side: Side, selects: Any, feed: Feed, context: AbstractAsyncContextManager[Feed]
    ) -> None:
        self.side, self.selects, self.feed, self.context = side, selects, feed, context
        self.kept: deque[bytes] = deque()
        self.taking: asyncio.Task[bytes] | None = None
        self.end: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.finishing = False
        self.detaching: asyncio.Task[None] | None = None

    async def __anext__(self) -> Any:
        while True:
            if not self.kept:
                if not self.end.done():
                    await self.wait()
                    continue
                raise self.end.result().with_traceback(None)
            event = self.decoded(self.kept.popleft())
            if event is not None:
                return event

    async def wait(self) -> None:
        """Until there is a message, or the end. What a cancelled read waits for, the next one gets."""
        if self.finishing:
            await asyncio.wait({self.end})
            return
        if self.taking is None:
            self.taking = asyncio.create_task(self.feed.take())
        await asyncio.wait({self.taking, self.end}, return_when=asyncio.FIRST_COMPLETED)
        self.keep_taken()

    def keep_taken(self) -> None:
        taken = self.taking
        if taken is None or not taken.done():
            return
        self.taking = None
        if taken.cancelled() or self.end.done():
            return
        if error := taken.exception():
            self.end.set_result(SubscriptionLost(f"nothing can be read any more: {error!r}"))
        else:
            self.kept.append(taken.result())

    def decoded(self, body: bytes) -> Any:
        """The event of a message, or None: it is no event, or not asked for."""
        with suppress(InvalidEvent):
            if self.side.kind == "stream":
                streamed = StreamEvent.from_json(body)
                return streamed if streamed.workflow_execution_id == self.selects else None
            event = FlovynEvent.from_json(body)
            return event if self.selects.matches(event) else None
        return None

    async def finish(self) -> None:
        """The client closes: what is there can still be read."""
        self.finishing = True
        await self.stop_taking()
        if not self.end.done():
            self.kept.extend(await self.feed.rest())
        if not self.end.done():
            self.end.set_result(StopAsyncIteration())
        await self.detach()

    async def leave(self) -> None:
        """Its owner leaves: what is there is gone."""
        self.kept.clear()
        if self.end.done():
            self.end = asyncio.get_running_loop().create_future()
        self.end.set_result(StopAsyncIteration())
        await self.detach()

    async def stop_taking(self) -> None:
        if self.taking is not None:
            self.taking.cancel()
            await asyncio.wait({self.taking})
            self.keep_taken()

    async def detach(self) -> None:
        if self.detaching is None:
            self.side.bus.subscriptions.discard(self)
            self.detaching = asyncio.create_task(self.detached())
        # A leaving that is cancelled goes on by itself.
        await asyncio.shield(self.detaching)

    async def detached(self) -> None:
        await self.stop_taking()
        await self.context.__aexit__(None, None, None)
