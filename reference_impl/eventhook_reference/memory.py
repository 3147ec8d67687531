"""The in-memory backend: one bus in this process, any number of clients.

Publishing hands the event to every matching channel in one go, without a pause in between. That
makes the order of publishing the order of every subscription, whoever published (PUB-06, PUB-07).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Generic, TypeVar

from eventhook_conformance.contract import (
    LIVE,
    BusClosed,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
    live_only,
)
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.argument_checks import check_key, check_pattern, checked_body
from eventhook_reference.channel import SubscribeContext
from eventhook_reference.subscriber_group import SharedChannel
from eventhook_reference.topics import Interest, Topic, Topics, event_interest
from eventhook_reference.validate_and_freeze import admitted

E = TypeVar("E")

CAPABILITIES: Final = Capabilities(total_order=True, causal_order=True)


class MemoryBus:
    """Shared by all clients of one in-memory bus."""

    def __init__(self) -> None:
        self.events: Topics[int, FlovynEvent] = Topics()
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
        self.closed = False

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self.closed:
            raise BusClosed("this client was closed; open another one of the same target")

    async def aclose(self) -> None:
        """Closes this client: its readers read their buffers, then end."""
        if self.closed:
            return
        self.closed = True
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
        self._topics = backend.bus.events

    async def publish(self, event: FlovynEvent) -> None:
        """Publishes as the contract says; freezes the payload once, for all subscribers (EVT-04)."""
        backend = self._backend
        if backend.closed:
            backend.check_open()
        event = admitted(event)
        key = event.tenant_id.int
        topic = self._topics.get(key)
        if topic is None or backend not in topic.holders:
            topic = self._topics.held_by(backend, key)
        if topic.push(event):
            await asyncio.sleep(0)

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        """Subscribes as the contract says; there is no history."""
        return live_only(_EventMembership(self._backend, pattern), since)


class MemoryStreams(StreamBus):
    """The stream side of one client."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        """Publishes as the contract says."""
        self._backend.check_open()
        checked_body(event, StreamEvent)
        topic = self._backend.bus.streams.held_by(self._backend, event.workflow_execution_id)
        if topic.push(event):
            await asyncio.sleep(0)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        """Subscribes as the contract says; there is no history."""
        return live_only(_StreamMembership(self._backend, workflow_execution_id), since)


class Membership(SubscribeContext[E], Generic[E]):
    """A subscription of one client; entering and leaving never wait, so that no cancellation can
    come between their steps (PUB-23)."""

    capacity: int

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend
        self._joined: tuple[Topic[E], Interest[E], SharedChannel[E]] | None = None

    @abstractmethod
    def _find_place(self) -> tuple[Topic[E], Interest[E]]:
        """Returns the topic to join, and what for."""

    async def _enter(self) -> Subscription[E]:
        topic, interest = self._find_place()
        channel = topic.join(interest, self.capacity)
        self._joined = topic, interest, channel
        self._backend.memberships.add(self)
        return channel

    async def _leave(self) -> None:
        if self._joined is not None:
            self._depart(*self._joined)
            self._joined[2].leave()

    def finish(self) -> None:
        """Notes that the client closes: nothing comes after the buffered events."""
        if self._joined is not None:
            self._depart(*self._joined)
            self._joined[2].finish()

    def _depart(self, topic: Topic[E], interest: Interest[E], channel: SharedChannel[E]) -> None:
        if self in self._backend.memberships:
            self._backend.memberships.discard(self)
            topic.depart(interest, channel)


class _EventMembership(Membership[FlovynEvent]):
    capacity = CAPABILITIES.event_capacity

    def __init__(self, backend: MemoryBackend, pattern: EventPattern) -> None:
        super().__init__(backend)
        self._pattern = pattern

    def _check(self) -> None:
        self._backend.check_open()
        check_pattern(self._pattern)

    def _find_place(self) -> tuple[Topic[FlovynEvent], Interest[FlovynEvent]]:
        topic = self._backend.bus.events.held_by(self._backend, self._pattern.tenant_id.int)
        return topic, event_interest(self._pattern)


class _StreamMembership(Membership[StreamEvent]):
    capacity = CAPABILITIES.stream_capacity

    def __init__(self, backend: MemoryBackend, key: str) -> None:
        super().__init__(backend)
        self._key = key

    def _check(self) -> None:
        self._backend.check_open()
        check_key(self._key)

    def _find_place(self) -> tuple[Topic[StreamEvent], Interest[StreamEvent]]:
        return self._backend.bus.streams.held_by(self._backend, self._key), Interest()


@asynccontextmanager
async def open_client(bus: MemoryBus) -> AsyncIterator[MemoryBackend]:
    """Opens one more client of the bus; leaving closes it alone (PUB-21)."""
    backend = MemoryBackend(bus)
    try:
        yield backend
    finally:
        await backend.aclose()


_bus = MemoryBus()
target: Final = Target("memory", open=lambda: open_client(_bus), capabilities=CAPABILITIES)
