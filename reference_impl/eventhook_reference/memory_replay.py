"""The in-memory bus with a history: subscriptions may begin in the past (profile `replay`).

Every channel, a tenant's events or one key's stream, has a log of its newest events. Publishing appends to
the log and hands the event to the active subscriptions in one go; entering reads the log and becomes
active in one go. No await lies in between, so no event falls between history and live, and none comes
twice (RPL-04). History waits in a list of its own: only what comes live can overflow (RPL-10).

Over 300 lines: the whole bus stands in one place, to be read as an example.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeAlias
from uuid import UUID

from eventhook_conformance.contract import (
    LIVE,
    Begin,
    BusClosed,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidPattern,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
    check_since,
    check_stream_key,
)
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.argument_checks import check_key, check_pattern, checked_body
from eventhook_reference.channel import Channel, SubscribeContext
from eventhook_reference.cursors import CursorSeal
from eventhook_reference.replay_log import Record, ReplayLog
from eventhook_reference.validate_and_freeze import admitted

Event: TypeAlias = FlovynEvent | StreamEvent
Selects: TypeAlias = EventPattern | str

CAPABILITIES: Final = Capabilities(
    profiles={"events", "streams", "replay"},
    replay={"events", "streams"},
    replay_events=1024,
    replay_s=3600.0,
    total_order=True,
    causal_order=True,
)

_LOOK_S: Final = 0.01


def channel_of(selects: Selects | Event) -> str:
    """Returns the name of the channel that an event or a subscription belongs to."""
    if isinstance(selects, str):
        return f"streams/{selects}"
    if isinstance(selects, StreamEvent):
        return f"streams/{selects.workflow_execution_id}"
    return f"events/{selects.tenant_id}"


class ReplaySubscription(Subscription[Any]):
    """A subscription: first the history as it was when entered, then live events.

    Args:
        bus: knows the cursors.
        selects: the pattern, or the stream's key.
        since: where it begins.
        capacity: the most unread live events.
    """

    def __init__(self, bus: ReplayBus, selects: Selects, since: Since, capacity: int) -> None:
        self.selects = selects
        self.since = since
        self.channel = channel_of(selects)
        self.past: deque[Record[Any]] = deque()
        self.live: Channel[Record[Any]] = Channel(capacity)
        self.beginning: str | None = None
        """The cursor of where it begins; None: at the start of all that is retained."""
        self._bus = bus

    @property
    def dropped(self) -> int:
        """Live events lost to overflow so far."""
        return self.live.dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self.live.dropped = count

    async def __anext__(self) -> Any:
        """Returns the next event; a cancelled read takes none (PUB-14)."""
        record = self.past.popleft() if self.past else await anext(self.live)
        self.cursor = self._bus.cursor(self, record)
        return record.event

    async def drained(self) -> None:
        """Returns once everything published for it before has been read."""
        while self.past or self.live.waiting:  # noqa: ASYNC110  # because: a reader announces no read, and is not to be slowed
            await asyncio.sleep(_LOOK_S)

    def leave(self) -> None:
        """Drops everything unread: the owner has left."""
        self.past.clear()
        self.live.leave()


class ReplayBus:
    """Shared by all clients. Each method is a step that a broken bus may get wrong."""

    capabilities: Capabilities = CAPABILITIES
    subscription: type[ReplaySubscription] = ReplaySubscription

    def __init__(self) -> None:
        self.seal = CursorSeal()
        self.logs: dict[str, ReplayLog[Any]] = {}
        self.members: dict[str, dict[ReplaySubscription, None]] = {}
        self.forgotten = 0
        """The newest position that was lost with a whole log."""

    def log(self, channel: str) -> ReplayLog[Any]:
        """Returns the history of a channel; makes one if there is none."""
        log = self.logs.get(channel)
        if log is None:
            log = self.logs[channel] = self.make_log()
            log.floor = self.forgotten
        return log

    def make_log(self) -> ReplayLog[Any]:
        """Makes a history that keeps as much as is claimed."""
        return ReplayLog(self.capabilities.replay_events, self.capabilities.replay_s)

    def channel(self, of: Selects | Event) -> str:
        """Returns the channel of an event or a subscription."""
        return channel_of(of)

    def publish(self, event: Event) -> bool:
        """Appends an event and hands it to its subscriptions; returns whether a reader needs a turn."""
        channel = self.channel(event)
        record = self.log(channel).append(event)
        crowded = False
        for member in tuple(self.members.get(channel, ())):
            if self.admits(member, event) and self.hand(member, record):
                crowded = True
        return crowded

    async def settle(self, event: Event) -> None:
        """Waits for nothing: publishing never waits for a reader (RPL-12)."""

    def admits(self, member: ReplaySubscription, event: Event) -> bool:
        """Returns whether a subscription asks for an event of its channel."""
        selects = member.selects
        return not isinstance(selects, EventPattern) or (
            isinstance(event, FlovynEvent) and selects.matches(event)
        )

    def hand(self, member: ReplaySubscription, record: Record[Any]) -> bool:
        """Hands a live event over; returns whether the reader needs a turn."""
        return member.live.push(record)

    async def join(self, member: ReplaySubscription) -> None:
        """Makes a subscription active, with the events of the past owed to it."""
        member.past.extend(self.past(member))
        member.beginning = self.beginning(member)
        self.members.setdefault(member.channel, {})[member] = None

    def beginning(self, member: ReplaySubscription) -> str | None:
        """Returns the cursor at which a subscription begins; None for the start."""
        if member.since is LIVE:
            return self.seal.seal(member.channel, self.log(member.channel).newest)
        return member.since if isinstance(member.since, str) else None

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        """Returns the events of the history owed to a subscription.

        Raises:
            InvalidCursor: the cursor is malformed, or none of its channel.
            CursorExpired: the history no longer reaches back to it.
        """
        since = member.since
        check_since(since)
        if since is LIVE:
            return []
        if isinstance(since, str):
            position = self.position(member, since)
            records = self.log(member.channel).after(position)
        else:
            records = self.log(member.channel).all()
        return [record for record in records if self.admits(member, record.event)]

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        """Returns the cursor after an event was read."""
        return self.seal.seal(member.channel, record.position)

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        """Returns the position of a cursor.

        Raises:
            InvalidCursor: it is none of the subscription's channel.
        """
        return self.seal.position(member.channel, cursor)

    def depart(self, member: ReplaySubscription) -> None:
        """Ends a subscription; does nothing the second time."""
        members = self.members.get(member.channel, {})
        members.pop(member, None)
        if not members:
            self.members.pop(member.channel, None)

    def purge(self, channel: str) -> None:
        """Forgets the history of a channel; its subscriptions go on."""
        if channel in self.logs:
            self.logs[channel].purge()


class ReplayBackend(StreamingBackend):
    """One client of the bus. What history keeps counts as no channel: cleanup drops empty logs alone."""

    def __init__(self, bus: ReplayBus) -> None:
        self.bus = bus
        self.mine: set[ReplaySubscription] = set()
        self.closed = False
        self.events: EventBus = ReplayEvents(self)
        self.streams: StreamBus = ReplayStreams(self)

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self.closed:
            raise BusClosed("this client was closed; open another one of the same target")

    async def aclose(self) -> None:
        """Closes this client: its readers read their buffers, then end."""
        self.closed = True
        for subscription in list(self.mine):
            self.leave(subscription)
            subscription.live.finish()

    def leave(self, subscription: ReplaySubscription) -> None:
        """Takes a subscription out of the bus."""
        self.mine.discard(subscription)
        self.bus.depart(subscription)

    async def cleanup_inactive_channels(self) -> int:
        """Removes none: a channel without subscription is freed at once. Drops histories that aged."""
        self.check_open()
        for channel, log in list(self.bus.logs.items()):
            log.trim()
            if not log.records:
                self.bus.forgotten = max(self.bus.forgotten, log.floor)
                del self.bus.logs[channel]
        return 0

    async def active_channels(self) -> ChannelCounts:
        """Counts the channels that a subscription is active on."""
        self.check_open()
        events = sum(channel.startswith("events/") for channel in self.bus.members)
        return ChannelCounts(events=events, streams=len(self.bus.members) - events)

    async def publish(self, event: Event) -> None:
        """Publishes a valid event."""
        await self.bus.settle(event)
        if self.bus.publish(event):
            await asyncio.sleep(0)


class ReplayEvents(EventBus):
    """The event side of one client."""

    def __init__(self, backend: ReplayBackend) -> None:
        self._backend = backend

    async def publish(self, event: FlovynEvent) -> None:
        """Publishes an event, into the history too."""
        self._backend.check_open()
        await self._backend.publish(admitted(event))

    def subscribe(
        self, pattern: EventPattern, *, since: Since | None = None
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        """Subscribes as the contract says; without `since` it begins as claimed."""
        return _Joining(self._backend, pattern, since)

    async def purge(self, tenant_id: UUID) -> None:
        """Purges the tenant's history."""
        self._backend.check_open()
        self._backend.bus.purge(f"events/{tenant_id}")


class ReplayStreams(StreamBus):
    """The stream side of one client."""

    def __init__(self, backend: ReplayBackend) -> None:
        self._backend = backend

    async def publish(self, event: StreamEvent) -> None:
        """Publishes a stream event, into the history too."""
        self._backend.check_open()
        checked_body(event, StreamEvent)
        await self._backend.publish(event)

    def subscribe(
        self, workflow_execution_id: str, *, since: Since | None = None
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        """Subscribes as the contract says; without `since` it begins as claimed."""
        return _Joining(self._backend, workflow_execution_id, since)

    async def purge(self, workflow_execution_id: str) -> None:
        """Purges the key's history."""
        self._backend.check_open()
        if problem := check_stream_key(workflow_execution_id):
            raise InvalidPattern(f"workflow_execution_id {problem}", value=workflow_execution_id)
        self._backend.bus.purge(f"streams/{workflow_execution_id}")


class _Joining(SubscribeContext[Any]):
    def __init__(self, backend: ReplayBackend, selects: Selects, since: Since | None) -> None:
        default = Begin(backend.bus.capabilities.replay_default)
        self._backend = backend
        self._selects = selects
        self._since: Since = default if since is None else since
        self._subscription: ReplaySubscription | None = None

    def _check(self) -> None:
        self._backend.check_open()
        if isinstance(self._selects, EventPattern):
            check_pattern(self._selects)
        else:
            check_key(self._selects)

    async def _enter(self) -> Subscription[Any]:
        backend, claimed = self._backend, self._backend.bus.capabilities
        events = isinstance(self._selects, EventPattern)
        capacity = claimed.event_capacity if events else claimed.stream_capacity
        bus = backend.bus
        subscription = bus.subscription(bus, self._selects, self._since, capacity)
        await bus.join(subscription)
        self._subscription = subscription
        backend.mine.add(subscription)
        return subscription

    async def _leave(self) -> None:
        if self._subscription is not None:
            self._backend.leave(self._subscription)
            self._subscription.leave()


def replay_target(
    name: str,
    bus: Callable[[], ReplayBus] = ReplayBus,
    client: Callable[[ReplayBus], ReplayBackend] = ReplayBackend,
) -> Target:
    """Makes a target over a bus of its own."""
    shared = bus()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        backend = client(shared)
        try:
            yield backend
        finally:
            await backend.aclose()

    return Target(name=name, open=open_client, capabilities=shared.capabilities)


target: Final = replay_target("memory-replay")
