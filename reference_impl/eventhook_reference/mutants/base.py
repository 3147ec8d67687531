"""A small correct in-memory bus with a seam for every bug: a mutant overrides one of them.

It is written for reading, not for speed, and otherwise than `memory`: all subscriptions of the bus lie
in one list, and each gets a copy of its own. `PliableClient` alone is conformant.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidPattern,
    PublishError,
    StreamBus,
    StreamingBackend,
    Subscription,
    check_stream_key,
)
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.sides import Events, Streams

Event: TypeAlias = Any
"""A `FlovynEvent` or a `StreamEvent`: a bug seldom cares which."""
Side: TypeAlias = Literal["events", "streams"]


@dataclass(eq=False)
class Member:
    """One active subscription."""

    client: PliableClient
    side: Side
    selects: Any
    """An `EventPattern` or a stream's key."""
    channel: Channel[Any]
    home: int = field(init=False)
    """Tells those of one tenant or key from most others, at the cost of comparing two numbers."""

    def __post_init__(self) -> None:
        self.home = hash((self.side, self.scope))

    @property
    def scope(self) -> object:
        """The tenant or key that it belongs to."""
        return self.selects.tenant_id if self.side == "events" else self.selects


@dataclass(eq=False)
class PliableBus:
    """Shared by all clients."""

    members: list[Member] = field(default_factory=list)
    channels: dict[tuple[Side, object], set[PliableClient]] = field(default_factory=dict)
    """The tenants and keys in use, each with the clients that used it."""
    memory: dict[str, Any] = field(default_factory=dict)
    """Memory of a bug across clients."""


class PliableClient(StreamingBackend):
    """One client; each method is one step that a bug can get wrong."""

    capabilities = Capabilities(total_order=True, causal_order=True)

    def __init__(self, bus: PliableBus) -> None:
        self.bus = bus
        self.closed = False
        self.events: EventBus = Events(self)
        self.streams: StreamBus = Streams(self)

    # Publishing: check, find the audience, hand a copy to each that admits it.

    async def publish(self, side: Side, event: Event) -> None:
        """Publishes an event, from the check to the hand-over."""
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        audience = self.audience(side, event)
        if (home := self._home(side, event)) is not None:
            audience = [member for member in audience if member.home == home]
        for member in audience:
            if self.admits(member, event):
                self.hand(member, self.copy(event))
        await self.pause()

    def _home(self, side: Side, event: Event) -> int | None:
        """Returns the home of all that may get it; None where a bug says what matches.

        On a broken bus most cases leave subscriptions behind, and to ask each of them takes the most time.
        """
        kind = type(self)
        if kind.admits is not PliableClient.admits or kind.matches is not PliableClient.matches:
            return None
        scope = event.tenant_id if side == "events" else event.workflow_execution_id
        return hash((side, scope))

    def check(self, side: Side, event: Event) -> None:
        """Refuses events that the contract refuses."""
        event.validate()
        if side == "events" and len(event.to_json()) > self.capabilities.max_event_bytes:
            raise PublishError(
                f"the event is larger than {self.capabilities.max_event_bytes} bytes"
            )

    def scope(self, side: Side, event: Event) -> object:
        """Returns the tenant or key of an event."""
        return event.tenant_id if side == "events" else event.workflow_execution_id

    def audience(self, side: Side, event: Event) -> list[Member]:
        """Returns the subscriptions that may get it, in the order of entering."""
        return [member for member in self.bus.members if member.side == side]

    def admits(self, member: Member, event: Event) -> bool:
        """Returns whether a subscription asks for the event."""
        if member.side == "events":
            return self.matches(member.selects, event)
        return bool(member.selects == event.workflow_execution_id)

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        """Returns whether a pattern selects the event."""
        return pattern.matches(event)

    def copy(self, event: Event) -> Event:
        """Returns a subscriber's own copy."""
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, data=copy.deepcopy(event.data))
        return event

    def hand(self, member: Member, event: Event) -> None:
        """Puts it into a subscription's buffer."""
        member.channel.push(event)

    async def pause(self) -> None:
        """Lets readers have their turn."""
        await asyncio.sleep(0)

    # Subscribing

    def subscription(
        self, side: Side, selects: Any
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        """Returns the context of one subscription, from entering to leaving."""
        return self._joined(side, selects)

    @asynccontextmanager
    async def _joined(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        member = self.join(side, selects)
        try:
            yield member.channel
        finally:
            self.leave(member)

    def join(self, side: Side, selects: Any) -> Member:
        """Checks a new subscription and makes it active.

        Raises:
            BusClosed: the client was closed.
            InvalidPattern: the pattern or key is malformed.
        """
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        self.use_channel(side, member.scope)
        self.enter(member)
        return member

    def check_selects(self, side: Side, selects: Any) -> None:
        """Refuses a malformed pattern or key."""
        if side == "events":
            selects.validate()
        elif problem := check_stream_key(selects):
            raise InvalidPattern(f"the stream's key {problem}")

    def make_channel(self, side: Side) -> Channel[Any]:
        """Returns the buffer of a subscription."""
        claimed = self.capabilities
        return Channel(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    def enter(self, member: Member) -> None:
        """Makes it active."""
        self.bus.members.append(member)

    def leave(self, member: Member) -> None:
        """Ends it."""
        if member in self.bus.members:
            self.bus.members.remove(member)
        member.channel.leave()

    # Channels and closing

    def use_channel(self, side: Side, scope: object) -> None:
        """Notes that this client uses the channel."""
        self.bus.channels.setdefault((side, scope), set()).add(self)

    def idle_channels(self) -> list[tuple[Side, object]]:
        """Returns the channels on which no subscription is active."""
        active = {(member.side, member.scope) for member in self.bus.members}
        return [channel for channel in self.bus.channels if channel not in active]

    async def cleanup_inactive_channels(self) -> int:
        """Removes the idle channels."""
        self.check_open()
        idle = self.idle_channels()
        for channel in idle:
            del self.bus.channels[channel]
        return len(idle)

    async def active_channels(self) -> ChannelCounts:
        """Counts the channels."""
        self.check_open()
        sides = [side for side, _ in self.bus.channels]
        return ChannelCounts(events=sides.count("events"), streams=sides.count("streams"))

    def check_open(self) -> None:
        """Raises `BusClosed` once the client was closed."""
        if self.closed:
            raise BusClosed("this client was closed; open another one")

    async def aclose(self) -> None:
        """Closes the client: its readers drain, its channels count as gone."""
        if self.closed:
            return
        self.closed = True
        for member in [member for member in self.bus.members if member.client is self]:
            self.bus.members.remove(member)
            member.channel.finish()
        for channel, users in list(self.bus.channels.items()):
            users.discard(self)
            if not users:
                del self.bus.channels[channel]


class SidedClient(PliableClient):
    """A client with a bug on one side of the bus; the other side is correct."""

    bugged: Side = "events"

    def make_channel(self, side: Side) -> Channel[Any]:
        if side != self.bugged:
            return super().make_channel(side)
        claimed = self.capabilities
        return self.make(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    def make(self, capacity: int) -> Channel[Any]:
        """Returns the buffer of a subscription on the side with the bug."""
        return Channel(capacity)


def pliable_target(
    name: str,
    client: Callable[[PliableBus], PliableClient] = PliableClient,
    capabilities: Capabilities = PliableClient.capabilities,
) -> Target:
    """Returns a target over a bus of its own."""
    bus = PliableBus()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        opened = client(bus)
        try:
            yield opened
        finally:
            await opened.aclose()

    return Target(name=name, open=open_client, capabilities=capabilities)
