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
from types import MappingProxyType
from typing import Any, Protocol

from eventhook_conformance.contract import (
    LIVE,
    InvalidEvent,
    Since,
    Subscription,
    SubscriptionLost,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.kit.adapter_parts import Kind
from eventhook_conformance.kit.kit_client import KitClient
from eventhook_conformance.target import Capabilities


class Feed(Protocol):
    """The library's queue for one subscription."""

    async def take(self) -> bytes:
        """Returns the next message; cancelled only when nobody reads any more."""

    async def rest(self) -> Sequence[bytes]:
        """Returns the messages still held when the client closes, in order; does not wait."""


class PulledAdapter(KitClient):
    """One client of a bus whose library is pulled; the context that a target opens.

    Args:
        capabilities: what the target claims; the capacity and the overflow policy are the library's.
    """

    KIT_PARTS = MappingProxyType(
        {
            "codec": ("encode", "decode"),
            "validation": ("check", "check_selects"),
            "size check": ("check_size",),
            "filtering": ("admits",),
            "errors": ("publish_error", "subscribe_error"),
        }
    )

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities)
        self.subscriptions: set[PulledSubscription] = set()

    # Written by the vendor

    @abstractmethod
    def attach(self, kind: Kind, key: str) -> AbstractAsyncContextManager[Feed]:
        """Returns a context manager of the library's queue for a key; active when entered."""

    # Given by the kit

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

    async def _close(self) -> None:
        try:
            await asyncio.gather(*(one.finish() for one in list(self.subscriptions)))
        finally:
            await self.disconnect()


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
        """Waits for a message or the end; the next read gets the message of a cancelled one."""
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
        """Returns the event of a message; None if it is no event, or was not asked for."""
        try:
            event = self._adapter.decode(self._kind, body)
        except InvalidEvent:
            return None
        return event if self._adapter.admits(self._selects, event) else None

    async def finish(self) -> None:
        """Ends the subscription, since its client closes; what the library holds can still be read."""
        self._finishing = True
        await self._stop_taking()
        if not self._end.done():
            self._kept.extend(await self._feed.rest())
        if not self._end.done():
            self._end.set_result(StopAsyncIteration())
        await self._detach()

    async def leave(self) -> None:
        """Ends the subscription, since its owner leaves; drops everything unread."""
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
