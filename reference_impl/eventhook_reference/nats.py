"""The NATS backend: each client has a connection of its own to a real server.

One subscription on the server for each of ours (NAT-05), never in a queue group, which would share
its messages out. What comes in is decoded, checked against its subject, filtered, and appended to a
bounded channel, the same as in memory.

Over 300 lines: the whole client stands in one place, to be read as an example.
"""

from __future__ import annotations

import asyncio
import logging
import os
from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Generic, TypeVar

from eventhook_conformance.contract import (
    LIVE,
    BusClosed,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
    live_only,
)
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Capabilities, Server, Target
from eventhook_reference.argument_checks import check_key, check_pattern, checked_body
from eventhook_reference.channel import Channel, SubscribeContext
from eventhook_reference.nats_attachment import Attachment
from eventhook_reference.nats_connection import CannotConnect, Connection
from eventhook_reference.nats_prefilter import Prefilter
from eventhook_reference.nats_subjects import (
    event_root,
    event_subject,
    pattern_subject,
    stream_subject,
)

__all__ = ["CAPABILITIES", "CannotConnect", "NatsBackend", "connect", "server", "target"]

E = TypeVar("E", FlovynEvent, StreamEvent)
K = TypeVar("K", bound=Hashable)

logger = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(profiles={"events", "streams", "nats-wire"}, causal_order=True)


class Uses(dict[K, int], Generic[K]):
    """The channels of one client on one side: how many subscriptions are active on each."""

    def touch(self, key: K) -> None:
        """Makes the channel exist."""
        self.setdefault(key, 0)

    def enter(self, key: K) -> None:
        """Counts one more subscription."""
        self[key] = self.get(key, 0) + 1

    def leave(self, key: K) -> None:
        """Counts one subscription less; the channel stays, idle."""
        self[key] -= 1

    def remove_idle(self) -> int:
        """Removes what no subscription is active on (CLN-01); returns how many."""
        idle = [key for key, active in self.items() if not active]
        for key in idle:
            del self[key]
        return len(idle)


class NatsBackend(StreamingBackend):
    """One client of the bus, over an open connection that is its own."""

    events: NatsEvents
    streams: NatsStreams

    def __init__(self, connection: Connection, claims: Capabilities = CAPABILITIES) -> None:
        self.connection = connection
        self.claims = claims
        self.event_uses: Uses[int] = Uses()
        """By the integer of the tenant's id, which is hashed several times as fast."""
        self.stream_uses: Uses[str] = Uses()
        self.channels: set[Channel[Any]] = set()
        self.events = NatsEvents(self)
        self.streams = NatsStreams(self)
        self._closing: asyncio.Task[None] | None = None

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self._closing is not None:
            raise BusClosed("this client was closed; connect another one")

    async def aclose(self) -> None:
        """Closes this client: its readers read the events that reached it, then end.

        A call that is cancelled lets the closing go on, and a second one waits for it.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self.connection.aclose()
        for channel in self.channels:
            channel.finish()
        self.channels.clear()

    async def cleanup_inactive_channels(self) -> int:
        """Removes this client's idle channels (CLN-01)."""
        self.check_open()
        return self.event_uses.remove_idle() + self.stream_uses.remove_idle()

    async def active_channels(self) -> ChannelCounts:
        """Counts this client's channels."""
        self.check_open()
        return ChannelCounts(events=len(self.event_uses), streams=len(self.stream_uses))


class NatsEvents(EventBus):
    """The event side of one client."""

    def __init__(self, backend: NatsBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        """Publishes as the contract says; the server has the event when it returns (NAT-07)."""
        backend = self._backend
        backend.check_open()
        body = checked_body(event, FlovynEvent)
        if event.tenant_id.int not in backend.event_uses:
            backend.event_uses.touch(event.tenant_id.int)
        await backend.connection.publish(event_subject(event), body)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        """Subscribes as the contract says; there is no history."""
        return live_only(_EventSubscribing(self._backend, pattern), since)


class NatsStreams(StreamBus):
    """The stream side of one client."""

    def __init__(self, backend: NatsBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        """Publishes as the contract says; the server has the event when it returns (NAT-07)."""
        self._backend.check_open()
        body = checked_body(event, StreamEvent)
        key = event.workflow_execution_id
        self._backend.stream_uses.touch(key)
        await self._backend.connection.publish(stream_subject(key), body)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        """Subscribes as the contract says; there is no history."""
        return live_only(_StreamSubscribing(self._backend, workflow_execution_id), since)


class _Subscribing(SubscribeContext[E], Generic[E, K]):
    def __init__(self, backend: NatsBackend, uses: Uses[K], capacity: int) -> None:
        self._backend = backend
        self._uses = uses
        self._channel: Channel[E] = Channel(capacity)
        self._attachment: Attachment | None = None
        self._key: K

    @abstractmethod
    def _place(self) -> tuple[K, str]:
        """Returns the channel's key, and the subject to ask the server for."""

    @abstractmethod
    def _read(self, subject: str, body: bytes) -> E | None:
        """Returns the event of a message, None if it is not for this subscription.

        Raises:
            InvalidEvent: the body is none, or names another place than its subject.
        """

    async def _enter(self) -> Subscription[E]:
        self._key, subject = self._place()
        attachment = Attachment(subject, self._receive, self._channel.lose)
        self._uses.enter(self._key)
        try:
            await self._backend.connection.attach(attachment)
            self._backend.check_open()
        except BaseException:  # because: a cancelled entering must leave nothing behind either
            self._uses.leave(self._key)
            raise
        self._attachment = attachment
        self._backend.channels.add(self._channel)
        return self._channel

    async def _leave(self) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            self._channel.leave()
            self._backend.channels.discard(self._channel)
            self._uses.leave(self._key)
            await self._backend.connection.detach(attachment)

    def _receive(self, subject: str, body: bytes) -> bool:
        try:
            event = self._read(subject, body)
        except InvalidEvent as error:
            logger.debug("skipped a message on %s: %s", subject, error)
            return False
        return event is not None and self._channel.push(event)


class _EventSubscribing(_Subscribing[FlovynEvent, int]):
    def __init__(self, backend: NatsBackend, pattern: EventPattern) -> None:
        super().__init__(backend, backend.event_uses, backend.claims.event_capacity)
        self._pattern = pattern

    def _check(self) -> None:
        self._backend.check_open()
        check_pattern(self._pattern)

    def _place(self) -> tuple[int, str]:
        tenant = self._pattern.tenant_id
        self._tenant = tenant.int
        self._root = event_root(tenant)
        prefilters = self._pattern != EventPattern.all(tenant)
        self._prefilter = Prefilter(self._pattern) if prefilters else None
        return self._tenant, pattern_subject(self._pattern)

    def _read(self, subject: str, body: bytes) -> FlovynEvent | None:
        prefilter = self._prefilter
        if prefilter is not None and prefilter.surely_misses(subject, body):
            return None
        event = FlovynEvent.from_json(body)
        if event.tenant_id.int != self._tenant or subject != self._root + event.event_type:
            raise InvalidEvent(f"its body belongs on {event_subject(event)} (NAT-08, NAT-09)")
        return event if prefilter is None or self._pattern.matches(event) else None


class _StreamSubscribing(_Subscribing[StreamEvent, str]):
    def __init__(self, backend: NatsBackend, key: str) -> None:
        super().__init__(backend, backend.stream_uses, backend.claims.stream_capacity)
        self._wanted = key

    def _check(self) -> None:
        self._backend.check_open()
        check_key(self._wanted)

    def _place(self) -> tuple[str, str]:
        return self._wanted, stream_subject(self._wanted)

    def _read(self, subject: str, body: bytes) -> StreamEvent:
        event = StreamEvent.from_json(body)
        if event.workflow_execution_id != self._wanted:
            raise InvalidEvent(f"its body has the key {event.workflow_execution_id} (NAT-08)")
        return event


class GivenServer(Server):
    """A server run by others; it cannot be killed or paused from here."""

    def __init__(self, address: str, monitor_url: str | None) -> None:
        self.address = address
        self.monitor_url = monitor_url


@asynccontextmanager
async def connect(address: str, claims: Capabilities = CAPABILITIES) -> AsyncIterator[NatsBackend]:
    """Opens one more client of the bus at `nats://[user:password@]host:port`.

    Args:
        address: the server's; of a cluster, its nodes' with commas between them.
        claims: whose capacities its buffers have.

    Raises:
        CannotConnect: within 5 s there is no working connection; one line that names the address.
    """
    connection = Connection(address)
    await connection.open()
    backend = NatsBackend(connection, claims)
    try:
        yield backend
    finally:
        await backend.aclose()


def server() -> AbstractAsyncContextManager[Server]:
    """Returns the server at `NATS_URL` (monitoring at `NATS_MONITOR_URL`) if set, else one of our own.

    Raises, on entering:
        CannotConnect: nothing answers at `NATS_URL`.
        ServerUnavailable: our own is missing, or does not start.
    """
    url = os.environ.get("NATS_URL")
    return _given_server(url, os.environ.get("NATS_MONITOR_URL")) if url else NatsServer()


@asynccontextmanager
async def _given_server(url: str, monitor_url: str | None) -> AsyncIterator[Server]:
    async with connect(url):
        pass
    yield GivenServer(url, monitor_url or None)


target: Final = Target("nats", server=server, connect=connect, capabilities=CAPABILITIES)
