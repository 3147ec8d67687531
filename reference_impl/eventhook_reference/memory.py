"""The in-memory backend: one bus in this process, any number of clients.

Publishing hands the event to every matching channel in one go, without a pause in between. That
makes the order of publishing the order of every subscription, whoever published (PUB-06, PUB-07).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
)
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.channel import Channel, SubscribeContext
from eventhook_reference.frozen import freeze
from eventhook_reference.topics import (
    EVERYTHING,
    Bucket,
    Subscriber,
    Topic,
    Topics,
    event_buckets,
    event_subscriber,
)
from eventhook_reference.wire import check_key, check_pattern, checked_body

E = TypeVar("E")

CAPABILITIES: Final = Capabilities(total_order=True, causal_order=True)


class MemoryBus:
    """What all clients of one in-memory bus share."""

    def __init__(self) -> None:
        self.events: Topics[UUID, FlovynEvent] = Topics()
        self.streams: Topics[str, StreamEvent] = Topics()


class MemoryBackend(StreamingBackend):
    """One client of the bus."""

    events: MemoryEvents
    streams: MemoryStreams

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.memberships: set[Membership[Any]] = set()
        self.events = MemoryEvents(self)
        self.streams = MemoryStreams(self)
        self._closed = False

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self._closed:
            raise BusClosed("this client was closed; open another one of the same target")

    async def aclose(self) -> None:
        """Closes this client: its readers read what is buffered, then end."""
        if self._closed:
            return
        self._closed = True
        for membership in list(self.memberships):
            membership.finish()
        self.bus.events.let_go(self)
        self.bus.streams.let_go(self)

    async def cleanup_inactive_channels(self) -> int:
        """Removes the idle channels of the whole bus (CLN-01)."""
        self.check_open()
        return self.bus.events.remove_idle() + self.bus.streams.remove_idle()

    async def active_channels(self) -> ChannelCounts:
        """Counts the channels of the whole bus."""
        self.check_open()
        return ChannelCounts(events=len(self.bus.events), streams=len(self.bus.streams))


class MemoryEvents(EventBus):
    """The event side of one client."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        """As the contract says; the payload is frozen once, for all subscribers (EVT-04)."""
        self._backend.check_open()
        checked_body(event, FlovynEvent)
        if isinstance(event.data, dict | list):
            event = msgspec.structs.replace(event, data=freeze(event.data))
        topic = self._backend.bus.events.held_by(self._backend, event.tenant_id)
        await _hand_out(topic, event, event_buckets(event))

    def subscribe(self, pattern: EventPattern) -> SubscribeContext[FlovynEvent]:
        """As the contract says."""
        return _EventMembership(self._backend, pattern)


class MemoryStreams(StreamBus):
    """The stream side of one client."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        """As the contract says."""
        self._backend.check_open()
        checked_body(event, StreamEvent)
        topic = self._backend.bus.streams.held_by(self._backend, event.workflow_execution_id)
        await _hand_out(topic, event, (EVERYTHING,))

    def subscribe(self, workflow_execution_id: str) -> SubscribeContext[StreamEvent]:
        """As the contract says."""
        return _StreamMembership(self._backend, workflow_execution_id)


async def _hand_out(topic: Topic[E], event: E, buckets: Iterable[Bucket]) -> None:
    if topic.push(event, buckets):
        await asyncio.sleep(0)


class Membership(SubscribeContext[E], Generic[E]):
    """A subscription of one client; entering and leaving never wait, so that no cancellation can
    come between their steps (PUB-23)."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend
        self._place: tuple[Topic[E], Subscriber[E]] | None = None

    @abstractmethod
    def _find_place(self) -> tuple[Topic[E], Subscriber[E]]:
        """The topic to join, and as whom."""

    async def _enter(self) -> Subscription[E]:
        topic, subscriber = self._place = self._find_place()
        topic.add(subscriber)
        self._backend.memberships.add(self)
        return subscriber.channel

    async def _leave(self) -> None:
        if self._place is not None:
            self._place[1].channel.leave()
            self._depart()

    def finish(self) -> None:
        """The client closes: nothing comes after what is buffered."""
        if self._place is not None:
            self._place[1].channel.finish()
            self._depart()

    def _depart(self) -> None:
        if self._place is not None:
            topic, subscriber = self._place
            topic.discard(subscriber)
            self._backend.memberships.discard(self)


class _EventMembership(Membership[FlovynEvent]):
    def __init__(self, backend: MemoryBackend, pattern: EventPattern) -> None:
        super().__init__(backend)
        self._pattern = pattern

    def _check(self) -> None:
        self._backend.check_open()
        check_pattern(self._pattern)

    def _find_place(self) -> tuple[Topic[FlovynEvent], Subscriber[FlovynEvent]]:
        topic = self._backend.bus.events.held_by(self._backend, self._pattern.tenant_id)
        return topic, event_subscriber(self._pattern, Channel(CAPABILITIES.event_capacity))


class _StreamMembership(Membership[StreamEvent]):
    def __init__(self, backend: MemoryBackend, key: str) -> None:
        super().__init__(backend)
        self._key = key

    def _check(self) -> None:
        self._backend.check_open()
        check_key(self._key)

    def _find_place(self) -> tuple[Topic[StreamEvent], Subscriber[StreamEvent]]:
        topic = self._backend.bus.streams.held_by(self._backend, self._key)
        return topic, Subscriber(Channel(CAPABILITIES.stream_capacity))


@asynccontextmanager
async def open_client(bus: MemoryBus) -> AsyncIterator[MemoryBackend]:
    """One more client of the bus; leaving closes it alone (PUB-21)."""
    backend = MemoryBackend(bus)
    try:
        yield backend
    finally:
        await backend.aclose()


_bus = MemoryBus()
target: Final = Target("memory", open=lambda: open_client(_bus), capabilities=CAPABILITIES)
