"""The NATS backend with history: JetStream keeps what is published, and a subscription may begin there.

An event is published on the same subject as without history; `publish` returns when JetStream has stored it
(RPL-14). A subscription that begins in the past is a consumer of its own; one that wants only what is new
hears what the stream republishes.

Over 300 lines: the whole client stands in one place, to be read as an example.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import nats
import nats.errors
import nats.js.errors

from eventhook_conformance.contract import (
    LIVE,
    BusClosed,
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
    SubscribeError,
    Subscription,
    SubscriptionLost,
)
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Capabilities, Server, Target
from eventhook_reference.argument_checks import check_key, check_pattern, checked_body
from eventhook_reference.channel import SubscribeContext
from eventhook_reference.nats import CannotConnect, GivenServer, Uses
from eventhook_reference.nats_internals import InternalsClient
from eventhook_reference.nats_jetstream import API_TIMEOUT_S, NotFound
from eventhook_reference.nats_options import OPTIONS, servers_of
from eventhook_reference.nats_replay_consumer import HistoryConsumer, Origin
from eventhook_reference.nats_replay_live import LiveReader, Reader
from eventhook_reference.nats_replay_streams import Histories, Place
from eventhook_reference.nats_replay_subscription import ReplaySubscription
from eventhook_reference.nats_subjects import event_subject, pattern_subject, stream_subject

E = TypeVar("E", FlovynEvent, StreamEvent)

logger = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(
    profiles={"events", "streams", "replay"},
    causal_order=True,
    total_order=True,
    replay={"events", "streams"},
    replay_events=1024,
    replay_survives="client",
    max_subscriptions=500,
)
CONNECT_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 1.0
_LOOK_S: Final = 0.25
_KNOWN_S: Final = 1.0
"""Seconds within which every node of a cluster knows a stream that was made."""
_TRY_AGAIN_S: Final = 0.02
_STARTING: Final = 16
"""Readers of one client that are made at a time."""
_REFUSALS_IN_A_ROW: Final = 2
_DENIED: Final = re.compile(r'permissions violation for subscription to "([^"]*)"')


class ReplayBackend(StreamingBackend):
    """One client of the bus, over an open connection that is its own."""

    events: ReplayEvents
    streams: ReplayStreams

    def __init__(
        self,
        client: InternalsClient,
        claims: Capabilities,
        storage: str = "memory",
        replicas: int = 1,
    ) -> None:
        self.client = client
        self.address = ""
        """The address of the bus; set by `connect`."""
        self.claims = claims
        self.histories = Histories(client, claims, storage, replicas)
        self.event_uses: Uses[UUID] = Uses()
        self.stream_uses: Uses[str] = Uses()
        self.open: set[ReplaySubscription[Any]] = set()
        self.starting = asyncio.Semaphore(_STARTING)
        """Where many readers come at once, a server would take longer over all of them than one waits."""
        self.events = ReplayEvents(self)
        self.streams = ReplayStreams(self)
        self._closing: asyncio.Task[None] | None = None
        self._giving_up: asyncio.Task[None] | None = None
        self._refusals = 0
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is lost: no answer comes to its requests."""

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self._closing is not None:
            raise BusClosed("this client was closed; connect another one")

    async def on_disconnected(self) -> None:
        """Ends the calls under way, since their answers cannot come any more."""
        self.histories.forget_all()
        if self._lost.done():
            return
        self._lost.set_result(None)
        self._lost = asyncio.get_running_loop().create_future()

    async def on_reconnected(self) -> None:
        """Goes on reading where each subscription was."""
        self._refusals = 0
        for one in self.open:
            one.reader.renew_soon()

    async def on_error(self, error: Exception) -> None:
        """Tells readers that can never hear again that they are lost (REC-10)."""
        text = str(error).lower()
        logger.debug("nats: %r", error)
        denied = _DENIED.search(text)
        if denied is not None:
            self._lose(denied[1], f"the server permits no subscribing to {denied[1]}")
        elif "authorization violation" in text:
            self._refusals += 1
            if self._refusals == _REFUSALS_IN_A_ROW:
                self._lose("", "the server refuses this client")
                self._giving_up = asyncio.create_task(self.client.close())

    def _lose(self, subject: str, why: str) -> None:
        """Ends the subscriptions to a subject; to all if it is empty."""
        for one in tuple(self.open):
            if not subject or one.reader.subject.lower() == subject:
                one.lose(SubscriptionLost(f"{why}; nothing can come any more"))

    async def watch(self) -> None:
        """Checks the subscriptions regularly, until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s = asyncio.get_running_loop().time()
            for one in tuple(self.open):
                one.reader.look(now_s)

    async def store(
        self, find: Callable[[], Coroutine[Any, Any, Place]], subject: str, body: bytes
    ) -> None:
        """Publishes; when this returns, JetStream has the message (RPL-14).

        If no stream answers, nothing was stored: the stream is gone with its server, or a node of a cluster
        does not know it yet. The stream is then made again, and the message sent again.

        Args:
            find: makes the stream where there is none.
            subject: of the message.
            body: of the message.

        Raises:
            BusClosed: this client was closed meanwhile.
            PublishError: it was refused, or it is unknown whether it was stored.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _KNOWN_S
        while True:
            place = await self._made(find())
            try:
                return await self._send(subject, body)
            except nats.js.errors.NoStreamResponseError as error:
                self.histories.forget(place)
                if loop.time() > until:
                    message = f"the server keeps no history for {subject}; try again"
                    raise PublishError(message) from error
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _send(self, subject: str, body: bytes) -> None:
        try:
            await self._answered(
                self.client.jetstream().publish(subject, body, timeout=API_TIMEOUT_S)
            )
        except nats.js.errors.NoStreamResponseError:
            raise
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise PublishError(
                f"{type(error).__name__}: {error}; it may be stored or not"
            ) from error

    async def _made(self, place: Coroutine[Any, Any, Place]) -> Place:
        """Returns a place for a publisher.

        Raises:
            BusClosed: this client was closed meanwhile.
            PublishError: its stream could not be made.
        """
        try:
            found: Place = await self._answered(place)
        except (SubscribeError, NotFound, OSError) as error:
            self.check_open()
            raise PublishError(f"nothing was sent: {error}") from error
        self.check_open()
        return found

    async def _answered(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Returns the answer to a call, unless the connection is lost before.

        Raises:
            OSError: the connection was lost.
            Error: the error of the call.
        """
        answer: asyncio.Future[Any] = asyncio.ensure_future(call)
        try:
            await asyncio.wait({answer, self._lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not answer.done():
                answer.cancel()
        if not answer.done() or answer.cancelled():
            raise ConnectionResetError("the connection was lost")
        return answer.result()

    async def aclose(self) -> None:
        """Closes this client: its readers read the events that reached it, then end."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*(one.caught_up() for one in self.open))
        for one in self.open:
            one.finish()
        self.open.clear()
        with suppress(nats.errors.Error, asyncio.CancelledError):
            await self.client.close()
        self.histories.give_up()
        if not self._lost.done():
            self._lost.set_result(None)

    async def cleanup_inactive_channels(self) -> int:
        """Removes this client's idle channels (CLN-01); their history stays."""
        self.check_open()
        return self.event_uses.remove_idle() + self.stream_uses.remove_idle()

    async def active_channels(self) -> ChannelCounts:
        """Counts this client's channels."""
        self.check_open()
        return ChannelCounts(events=len(self.event_uses), streams=len(self.stream_uses))


class ReplayEvents(EventBus):
    """The event side of one client."""

    def __init__(self, backend: ReplayBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        """Publishes as the contract says; when it returns, the event is in the history."""
        backend = self._backend
        backend.check_open()
        body = checked_body(event, FlovynEvent)
        find = partial(backend.histories.of_tenant, event.tenant_id)
        await backend.store(find, event_subject(event), body)
        backend.event_uses.touch(event.tenant_id)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> SubscribeContext[FlovynEvent]:
        """Subscribes as the contract says."""
        return _EventContext(self._backend, pattern, since)

    async def purge(self, tenant_id: UUID) -> None:
        """Forgets the tenant's history."""
        self._backend.check_open()
        histories = self._backend.histories
        await histories.purge(await histories.of_tenant(tenant_id))


class ReplayStreams(StreamBus):
    """The stream side of one client."""

    def __init__(self, backend: ReplayBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        """Publishes as the contract says; when it returns, the event is in the history."""
        backend = self._backend
        backend.check_open()
        body = checked_body(event, StreamEvent)
        key = event.workflow_execution_id
        subject = stream_subject(key)
        await backend.store(partial(backend.histories.of_key, subject), subject, body)
        backend.stream_uses.touch(key)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> SubscribeContext[StreamEvent]:
        """Subscribes as the contract says."""
        return _StreamContext(self._backend, workflow_execution_id, since)

    async def purge(self, workflow_execution_id: str) -> None:
        """Forgets the key's history."""
        self._backend.check_open()
        histories = self._backend.histories
        await histories.purge(await histories.of_key(stream_subject(workflow_execution_id)))


class _Context(SubscribeContext[E], Generic[E]):
    def __init__(self, backend: ReplayBackend, since: Since, capacity: int) -> None:
        self._backend = backend
        self._since = since
        self._capacity = capacity
        self._subscription: ReplaySubscription[E] | None = None

    @abstractmethod
    async def _place(self) -> tuple[Place, str]:
        """Returns where the history is, and the subject to select in it."""

    @abstractmethod
    def _read(self, subject: str, body: bytes) -> E | None:
        """Returns the event of a message; None if it is not for this subscription.

        Raises:
            InvalidEvent: the body is none, or names another place than its subject.
        """

    @abstractmethod
    def _count(self, by: int) -> None:
        """Counts one subscription more, or one less."""

    async def _enter(self) -> Subscription[E]:
        place, subject = await self._place()
        try:
            after = await self._backend.histories.position(place, self._since)
            subscription: ReplaySubscription[E] = ReplaySubscription(place, self._capacity)
            client, origin = self._backend.client, Origin(place.stream, subject, after)
            reader: Reader = (
                LiveReader(client, origin, self._deliver, self)
                if after is None
                else HistoryConsumer(client, origin, self._deliver, subscription.room, self)
            )
            subscription.reader = reader
            self._subscription = subscription
            async with self._backend.starting:
                await reader.start()
            if isinstance(reader, LiveReader):
                subscription.beginning = place.cursor(reader.began)
            elif isinstance(self._since, str):
                subscription.beginning = self._since
        except (NotFound, nats.errors.Error) as error:
            self._backend.histories.forget(place)
            raise SubscribeError(f"the subscription is not active: {error}") from error
        try:
            self._backend.check_open()
        except BusClosed:
            await reader.stop()
            raise
        self._count(1)
        self._backend.open.add(subscription)
        return subscription

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.leave()
            self._backend.open.discard(subscription)
            self._count(-1)
            await subscription.reader.stop()

    async def found_again(self, caught_up: bool) -> bool:
        """Finds the history once the connection was lost; returns whether it is the one that was read.

        Where a server lost it, a reader that had read all goes on with what is stored since.

        Raises:
            SubscribeError: it is not available now.
        """
        subscription = self._subscription
        if subscription is None:
            return True
        self._backend.histories.forget(subscription.place)
        place, _ = await self._place()
        if place == subscription.place:
            return True
        if not caught_up:
            self.lose("the server lost the history that was being read")
        subscription.place = place
        return False

    def lose(self, why: str) -> None:
        """Ends the subscription after the buffered events."""
        if self._subscription is not None:
            self._subscription.lose(SubscriptionLost(why))

    def _deliver(self, subject: str, body: bytes, number: int) -> bool:
        subscription = self._subscription
        if subscription is None:
            return False
        try:
            event = self._read(subject, body)
        except InvalidEvent as error:
            logger.debug("skipped a message on %s: %s", subject, error)
            return False
        return event is not None and subscription.push(event, number)


class _EventContext(_Context[FlovynEvent]):
    def __init__(self, backend: ReplayBackend, pattern: EventPattern, since: Since) -> None:
        super().__init__(backend, since, backend.claims.event_capacity)
        self._pattern = pattern

    def _check(self) -> None:
        self._backend.check_open()
        check_pattern(self._pattern)

    async def _place(self) -> tuple[Place, str]:
        place = await self._backend.histories.of_tenant(self._pattern.tenant_id)
        return place, pattern_subject(self._pattern)

    def _read(self, subject: str, body: bytes) -> FlovynEvent | None:
        event = FlovynEvent.from_json(body)
        if event_subject(event) != subject:
            raise InvalidEvent(f"its body belongs on {event_subject(event)} (NAT-08, NAT-09)")
        return event if self._pattern.matches(event) else None

    def _count(self, by: int) -> None:
        uses = self._backend.event_uses
        (uses.enter if by > 0 else uses.leave)(self._pattern.tenant_id)


class _StreamContext(_Context[StreamEvent]):
    def __init__(self, backend: ReplayBackend, key: str, since: Since) -> None:
        super().__init__(backend, since, backend.claims.stream_capacity)
        self._key = key

    def _check(self) -> None:
        self._backend.check_open()
        check_key(self._key)

    async def _place(self) -> tuple[Place, str]:
        place = await self._backend.histories.of_key(stream_subject(self._key))
        return place, place.subject

    def _read(self, subject: str, body: bytes) -> StreamEvent:
        event = StreamEvent.from_json(body)
        if event.workflow_execution_id != self._key:
            raise InvalidEvent(f"its body has the key {event.workflow_execution_id} (NAT-08)")
        return event

    def _count(self, by: int) -> None:
        uses = self._backend.stream_uses
        (uses.enter if by > 0 else uses.leave)(self._key)


@asynccontextmanager
async def connect(
    address: str,
    claims: Capabilities = CAPABILITIES,
    storage: str = "memory",
    replicas: int = 1,
) -> AsyncIterator[ReplayBackend]:
    """Opens one more client of the bus at `nats://[user:password@]host:port`, a server with JetStream.

    Raises:
        CannotConnect: within 5 s there is no working connection; one line that names the address.
    """
    client = InternalsClient()
    backend = ReplayBackend(client, claims, storage, replicas)
    backend.address = address
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connect(
                servers_of(address),
                error_cb=backend.on_error,
                disconnected_cb=backend.on_disconnected,
                reconnected_cb=backend.on_reconnected,
                **OPTIONS,
            )
            await client.jetstream().account_info()
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
        await client.close()
        reason = " ".join(str(error).split()) or "no answer in time"
        raise CannotConnect(f"no JetStream at {address.rpartition('@')[2]}: {reason}") from error
    watching = asyncio.create_task(backend.watch())
    try:
        yield backend
    finally:
        watching.cancel()
        await backend.aclose()


def server() -> AbstractAsyncContextManager[Server]:
    """Returns the server at `NATS_URL`, which must run JetStream, if set; else one of our own."""
    url = os.environ.get("NATS_URL")
    return nullcontext(GivenServer(url, None)) if url else NatsServer(jetstream=True)


target: Final = Target("nats-replay", server=server, connect=connect, capabilities=CAPABILITIES)
