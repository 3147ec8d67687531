"""Makes a `StreamingBackend` of a client library that keeps each subscriber's queue itself.

A reader pulls from the library's queue. The kit holds nothing but the one message that a cancelled read
left behind, so that capacity, overflow and order are the library's.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self

from eventhook_conformance.contract import (
    LIVE,
    BusClosed,
    EventBus,
    InvalidEvent,
    Since,
    StreamBus,
    StreamingBackend,
    Subscription,
    SubscriptionLost,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.kit.adapter_parts import AdapterParts, Kind
from eventhook_conformance.kit.sides import Events, Streams
from eventhook_conformance.target import Capabilities

_PARTS: Final = {
    "codec": ("encode", "decode"),
    "validation": ("check", "check_selects"),
    "size check": ("check_size",),
    "filtering": ("admits",),
    "errors": ("publish_error", "subscribe_error"),
}


class Feed(Protocol):
    """The library's queue for one subscription."""

    async def take(self) -> bytes:
        """Returns the next message; cancelled only when nobody reads any more."""

    async def rest(self) -> Sequence[bytes]:
        """Returns what is still held when the client closes, in order; waits for nothing else."""


class PulledAdapter(AdapterParts, StreamingBackend):
    """One client of a bus whose library is pulled; the context that a target opens.

    Args:
        capabilities: what the target claims; the capacity and the overflow policy are the library's.
    """

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities or Capabilities())
        self.events: EventBus = Events(self)
        self.streams: StreamBus = Streams(self)
        self.subscriptions: set[PulledSubscription] = set()
        self._closing: asyncio.Task[None] | None = None

    # What the vendor writes

    async def connect(self) -> None:
        """Connects the client; called when its context is entered."""

    @abstractmethod
    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Hands a message to the bus; what it raises, the publisher gets as a `PublishError`."""

    @abstractmethod
    def attach(self, kind: Kind, key: str) -> AbstractAsyncContextManager[Feed]:
        """Returns a context manager of the library's queue for a key; active when entered."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Disconnects the client; called once, after all that was attached was left."""

    # What the kit gives

    @property
    def kit_parts(self) -> tuple[str, ...]:
        """The parts of the kit that this client uses: those whose methods are not overridden."""
        mine = type(self)
        return tuple(
            part
            for part, names in _PARTS.items()
            if all(getattr(mine, name) is getattr(AdapterParts, name) for name in names)
        )

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self._closing is not None:
            raise BusClosed("this client was closed; open another one of the same target")

    async def publish(self, kind: Kind, event: Any) -> None:
        """Publishes one event; returns as soon as the library's own call does."""
        self.check_open()
        self.check(kind, event)
        body = self.encode(kind, event)
        self.check_size(kind, body)
        key = str(event.tenant_id) if kind == "event" else event.workflow_execution_id
        try:
            await self.send(kind, key, body)
        except StreamingError:
            raise
        except Exception as error:  # because: a client library may raise anything
            raise self.publish_error(error) from error

    @asynccontextmanager
    async def subscribe(
        self, kind: Kind, selects: Any, since: Since
    ) -> AsyncIterator[Subscription[Any]]:
        """Subscribes; the context that a subscriber enters."""
        self.check_open()
        self.check_selects(kind, selects)
        check_since(since)
        if since is not LIVE:
            raise Unsupported(f"{type(self).__name__} keeps no history: expected since=LIVE")
        context = self.attach(kind, str(selects.tenant_id) if kind == "event" else selects)
        try:
            feed = await context.__aenter__()
        except StreamingError:
            raise
        except Exception as error:  # because: a client library may raise anything
            raise self.subscribe_error(error) from error
        subscription = PulledSubscription(self, kind, selects, feed, context)
        self.subscriptions.add(subscription)
        try:
            # It may have been closed while this was entered, and then does not know of this one.
            self.check_open()
            yield subscription
        finally:
            await subscription.leave()

    async def aclose(self) -> None:
        """Closes this client: its readers read what the library holds, then end; twice is fine."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await asyncio.gather(*(one.finish() for one in list(self.subscriptions)))
        finally:
            await self.disconnect()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class PulledSubscription(Subscription[Any]):
    """Reads from the library's queue; keeps only what its reader has not seen after all."""

    def __init__(
        self,
        adapter: PulledAdapter,
        kind: Kind,
        selects: Any,
        feed: Feed,
        context: AbstractAsyncContextManager[Feed],
    ) -> None:
        self._adapter = adapter
        self._kind: Kind = kind
        self._selects = selects
        self._feed = feed
        self._context = context
        self._kept: deque[bytes] = deque()
        self._taking: asyncio.Task[bytes] | None = None
        self._end: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._finishing = False
        self._detaching: asyncio.Task[None] | None = None

    async def __anext__(self) -> Any:
        """Returns the next event that is asked for.

        Raises:
            StopAsyncIteration: the subscription was left, or its client closed.
            SubscriptionLost: nothing can come any more.
        """
        while True:
            if not self._kept:
                if not self._end.done():
                    await self._wait()
                    continue
                raise self._end.result().with_traceback(None)
            event = self._asked_for(self._kept.popleft())
            if event is not None:
                return event

    async def _wait(self) -> None:
        """Waits for a message or the end. What a cancelled read waits for, the next one gets."""
        if self._finishing:
            await asyncio.wait({self._end})
            return
        if self._taking is None:
            self._taking = asyncio.get_running_loop().create_task(self._take())
        either: set[asyncio.Future[Any]] = {self._taking, self._end}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._keep_taken()

    async def _take(self) -> bytes:
        return await self._feed.take()

    def _keep_taken(self) -> None:
        taken = self._taking
        if taken is None or not taken.done():
            return
        self._taking = None
        if taken.cancelled():
            return
        error = taken.exception()
        if self._end.done():
            return
        if error is not None:
            lost = SubscriptionLost(
                f"nothing can be read any more: {type(error).__name__}: {error}"
            )
            self._end.set_result(lost)
        else:
            self._kept.append(taken.result())

    def _asked_for(self, body: bytes) -> Any:
        """Returns the event of a message, or None: it is no event, or not asked for."""
        try:
            event = self._adapter.decode(self._kind, body)
        except InvalidEvent:
            return None
        return event if self._adapter.admits(self._selects, event) else None

    async def finish(self) -> None:
        """Ends it as its client closes: what the library holds can still be read."""
        self._finishing = True
        await self._stop_taking()
        if not self._end.done():
            self._kept.extend(await self._feed.rest())
        if not self._end.done():
            self._end.set_result(StopAsyncIteration())
        await self._detach()

    async def leave(self) -> None:
        """Ends it as its owner leaves: what is there is gone."""
        self._kept.clear()
        if self._end.done():
            self._end = asyncio.get_running_loop().create_future()
        self._end.set_result(StopAsyncIteration())
        await self._detach()

    async def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait({self._taking})
            self._keep_taken()

    async def _detach(self) -> None:
        if self._detaching is None:
            self._adapter.subscriptions.discard(self)
            self._detaching = asyncio.get_running_loop().create_task(self._detached())
        # A leaving that is cancelled goes on by itself.
        await asyncio.shield(self._detaching)

    async def _detached(self) -> None:
        await self._stop_taking()
        await self._context.__aexit__(None, None, None)
