"""A client behind a driver, as a `StreamingBackend`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    Begin,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    PublishError,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.events import parse
from eventhook_conformance.driver.encoding import event_text, key_text, pattern_text
from eventhook_conformance.driver.errors import LineTooLong, Refused
from eventhook_conformance.driver.messages import (
    Channels,
    Empty,
    Nexts,
    Opened,
    Removed,
    Subscribed,
    shown,
)
from eventhook_conformance.driver.process import DriverProcess

NEXT_MS: Final = 10_000
"""How long a `next` waits; a subscription that is left answers it at once."""

R = TypeVar("R")


class DriverBackend(StreamingBackend):
    """One client that a driver holds.

    Args:
        process: the driver.
        name: how the driver calls the client.
    """

    def __init__(self, process: DriverProcess, name: str) -> None:
        self.process = process
        self.on_wire: Callable[[bytes], None] | None = None
        """Told of every event as it stood on the line."""
        self._member = b'{"client":%s' % msgspec.json.encode(name)
        self.events: EventBus = _Events(self)
        self.streams: StreamBus = _Streams(self)
        self._closed = False

    @classmethod
    async def open(cls, process: DriverProcess, address: str | None = None) -> DriverBackend:
        """Makes the driver open one more client."""
        params = b'{"address":%s}' % msgspec.json.encode(address)
        opened = await ask(process, "open", params, Opened)
        return cls(process, opened.client)

    async def call(self, method: str, kind: type[R], members: bytes = b"") -> R:
        """Returns a request about this client."""
        return await ask(self.process, method, self._member + members + b"}", kind)

    async def publish(self, method: str, text: bytes) -> None:
        """Publishes an event by its text."""
        try:
            await self.call(method, Empty, b',"event":' + text)
        except LineTooLong as error:
            raise PublishError(f"the event does not fit into a line: {error}") from error

    @asynccontextmanager
    async def subscription(
        self, method: str, members: bytes, kind: type[Any], since: Since | None = None
    ) -> AsyncIterator[Subscription[Any]]:
        """Keeps one subscription open, from entering to leaving.

        Raises, on entering:
            Unsupported: `since` is given, and the driver speaks protocol 1.
        """
        if since is not None:
            if self.process.protocol == 1:
                raise Unsupported("protocol 1 has no since; expected a driver of protocol 2")
            check_since(since)
            told = since.value if isinstance(since, Begin) else {"cursor": since}
            members += b',"since":' + msgspec.json.encode(told)
        subscribed = await self.call(method, Subscribed, members)
        subscription: DriverSubscription = DriverSubscription(self, subscribed.subscription, kind)
        try:
            yield subscription
        finally:
            await subscription.leave()

    async def purge(self, members: bytes) -> None:
        """Makes the driver purge a history.

        Raises:
            Unsupported: the driver speaks protocol 1, or offers no purge.
        """
        if self.process.protocol == 1:
            raise Unsupported("protocol 1 has no purge; expected a driver of protocol 2")
        await self.call("purge", Empty, members)

    async def aclose(self) -> None:
        """Makes the driver close the client, at each call: closing twice must be allowed."""
        self._closed = True
        await self.call("close", Empty)

    async def release(self) -> None:
        """Closes the client, unless it is closed already or its driver is gone."""
        if not self._closed and self.process.failure is None:
            await self.aclose()

    async def cleanup_inactive_channels(self) -> int:
        """Makes the driver clean up; returns the number of channels removed."""
        return (await self.call("cleanup", Removed)).removed

    async def active_channels(self) -> ChannelCounts:
        """Returns the driver's counts of channels."""
        counts = await self.call("channels", Channels)
        return ChannelCounts(events=counts.events, streams=counts.streams)


class DriverSubscription(Subscription[Any]):
    """A subscription that a driver holds; nothing is pulled but by a read.

    Args:
        backend: whose subscription.
        name: how the driver calls it.
        kind: what its events are.
    """

    def __init__(self, backend: DriverBackend, name: str, kind: type[Any]) -> None:
        self.wanted = 1
        """How many reads will surely follow: so many events may be pulled at once, and no more."""
        self._backend = backend
        self._kind = kind
        self._member = b'{"subscription":%s' % msgspec.json.encode(name)
        self._events: deque[tuple[Any, str | None]] = deque()
        self._asked: asyncio.Future[msgspec.Raw] | None = None
        self._most = 1
        self._left = False

    async def __anext__(self) -> Any:
        while not self._events:
            if self._left:
                raise StopAsyncIteration
            answer = await self._next(NEXT_MS)
            await self._keep(answer)
            if answer.ended and not self._events:
                raise StopAsyncIteration
        event, cursor = self._events.popleft()
        if cursor is not None:
            self.cursor = cursor
        return event

    async def poll(self, timeout_ms: int) -> bool:
        """Asks for one event within so long; returns whether one waits now, to be read next."""
        self.wanted = 1
        await self._keep(await self._next(timeout_ms))
        return bool(self._events)

    async def _keep(self, answer: Nexts) -> None:
        self.dropped = answer.dropped
        cursors = answer.cursors
        for place, raw in enumerate(() if self._left else answer.events):
            event = await self._event(bytes(raw))
            self._events.append((event, None if cursors is None else cursors[place]))

    async def _next(self, timeout_ms: int) -> Nexts:
        process = self._backend.process
        if self._asked is None:
            self._most = self.wanted
            params = b'%s,"max":%d,"timeout_ms":%d}' % (self._member, self._most, timeout_ms)
            # The request goes out before anything else happens, such as a call to leave.
            self._asked = process.post("next", params)
            self._asked.add_done_callback(_noticed)
        try:
            raw = await asyncio.shield(self._asked)
        except Refused as error:
            raise await process.fail(str(error)) from error
        finally:
            # A read that is cancelled leaves its request in flight, for the next one.
            if self._asked.done():
                self._asked = None
        answer = await process.read("next", raw, Nexts)
        if len(answer.events) > self._most:
            raise await process.fail(
                f"answered `next` with {len(answer.events)} events, asked for at most {self._most}"
            )
        if answer.cursors is not None and len(answer.cursors) != len(answer.events):
            raise await process.fail(
                f"answered `next` with {len(answer.cursors)} cursors for "
                f"{len(answer.events)} events"
            )
        return answer

    async def _event(self, text: bytes) -> Any:
        if self._backend.on_wire is not None:
            self._backend.on_wire(text)
        try:
            return parse(text, self._kind)
        except InvalidEvent as error:
            raise await self._backend.process.fail(
                f"answered `next` with the event {shown(text)}: {error}"
            ) from error

    async def leave(self) -> None:
        """Makes the driver end it; events pulled and not read are gone."""
        self._left = True
        self._events.clear()
        if self._backend.process.failure is None:
            await ask(self._backend.process, "unsubscribe", self._member + b"}", Empty)


def _noticed(asked: asyncio.Future[msgspec.Raw]) -> None:
    """Ignores the failure of a `next` that nobody waits for: the process reports the cause."""
    if not asked.cancelled():
        asked.exception()


async def ask(process: DriverProcess, method: str, params: bytes, kind: type[R]) -> R:
    """Makes a request; an error that the contract does not know ends the process."""
    try:
        return await process.ask(method, params, kind)
    except Refused as error:
        raise await process.fail(str(error)) from error


class _Events(EventBus):
    def __init__(self, backend: DriverBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        await self._backend.publish("publish", event_text(event))

    def subscribe(
        self, pattern: EventPattern, *, since: Since | None = None
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        return self._subscribe(pattern, since)

    @asynccontextmanager
    async def _subscribe(
        self, pattern: EventPattern, since: Since | None
    ) -> AsyncIterator[Subscription[FlovynEvent]]:
        members = b',"pattern":' + pattern_text(pattern)
        async with self._backend.subscription(
            "subscribe", members, FlovynEvent, since
        ) as subscription:
            yield subscription

    async def purge(self, tenant_id: UUID) -> None:
        await self._backend.purge(b',"tenant_id":' + msgspec.json.encode(tenant_id))


class _Streams(StreamBus):
    def __init__(self, backend: DriverBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        await self._backend.publish("publish_stream", event_text(event))

    def subscribe(
        self, workflow_execution_id: str, *, since: Since | None = None
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        return self._subscribe(workflow_execution_id, since)

    @asynccontextmanager
    async def _subscribe(
        self, key: str, since: Since | None
    ) -> AsyncIterator[Subscription[StreamEvent]]:
        members = b',"workflow_execution_id":' + key_text(key)
        async with self._backend.subscription(
            "subscribe_stream", members, StreamEvent, since
        ) as subscription:
            yield subscription

    async def purge(self, workflow_execution_id: str) -> None:
        await self._backend.purge(b',"workflow_execution_id":' + key_text(workflow_execution_id))
