"""A small correct bus over NATS with a seam for every bug: a mutant overrides one of them.

As `pliable` is to `memory`, so is this to the NATS backend, whose connection it uses. Each mutant
judged has a server of its own. `PliableNats` alone is conformant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

from nats.aio.client import Client

from eventhook_conformance.contract import (
    BusClosed,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    Subscription,
)
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Capabilities, Server, Target
from eventhook_reference.argument_checks import check_key, check_pattern, checked_body
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import Event, Side
from eventhook_reference.mutants.sides import Events, Streams
from eventhook_reference.nats_attachment import Attachment
from eventhook_reference.nats_connection import Connection
from eventhook_reference.nats_subjects import event_subject, pattern_subject, stream_subject


class LooseConnection(Connection):
    """A connection that gives a bug access to its inner client."""

    disconnected: Callable[[], Awaitable[None]] | None = None
    """Called when the connection was lost."""
    reconnected: Callable[[], Awaitable[None]] | None = None
    """Called when another one stands, with all subscriptions on it."""

    async def _on_disconnected(self) -> None:
        await super()._on_disconnected()
        if self.disconnected is not None:
            await self.disconnected()

    async def _on_reconnected(self) -> None:
        await super()._on_reconnected()
        if self.reconnected is not None:
            await self.reconnected()

    @property
    def client(self) -> Client:
        """The client of nats-py."""
        return self._client

    async def settle(self) -> None:
        """Waits until the server has taken all written messages."""
        await self._barrier.passed(self._epoch())


class PliableNats(StreamingBackend):
    """One client; each method is one step that a bug can get wrong."""

    capabilities = Capabilities(profiles={"events", "streams", "nats-wire"}, introspection=False)
    server: ClassVar[Callable[[], AbstractAsyncContextManager[Server]]] = NatsServer

    def __init__(self, connection: LooseConnection) -> None:
        self.connection = connection
        self.closed = False
        self.channels: set[Channel[Any]] = set()
        self.events: EventBus = Events(self)
        self.streams: StreamBus = Streams(self)

    # Publishing

    async def publish(self, side: Side, event: Event) -> None:
        """Publishes an event, from the check to the server's answer."""
        self.check_open()
        checked_body(event, FlovynEvent if side == "events" else StreamEvent)
        await self.send(self.subject(event), self.body(event))

    def subject(self, event: Event) -> str:
        """Returns the subject on which an event goes out."""
        if isinstance(event, StreamEvent):
            return stream_subject(event.workflow_execution_id)
        return event_subject(event)

    def body(self, event: Event) -> bytes:
        """Returns the body that is sent."""
        body: bytes = event.to_json()
        return body

    async def send(self, subject: str, body: bytes) -> None:
        """Sends it; the server has it when this returns."""
        await self.connection.publish(subject, body)

    # Subscribing

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        """Keeps one subscription open, from entering to leaving."""
        self.check_open()
        (check_pattern if side == "events" else check_key)(selects)
        channel = self.make_channel(side)
        self.channels.add(channel)
        attached: list[Attachment] = []

        def receive(subject: str, body: bytes) -> bool:
            self.receive(channel, selects, subject, body)
            return False

        try:
            for subject in self.asks(selects):
                attachment = Attachment(subject, receive, channel.lose)
                await self.attach(attachment)
                attached.append(attachment)
            yield channel
        finally:
            self.channels.discard(channel)
            channel.leave()
            for attachment in attached:
                await self.detach(attachment)

    def make_channel(self, side: Side) -> Channel[Any]:
        """Returns the buffer of a subscription."""
        claimed = self.capabilities
        return Channel(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    def asks(self, selects: EventPattern | str) -> list[str]:
        """Returns the subjects to which it subscribes."""
        return [stream_subject(selects) if isinstance(selects, str) else pattern_subject(selects)]

    async def attach(self, attachment: Attachment) -> None:
        """Asks the server; it counts the subscription when this returns."""
        await self.connection.attach(attachment)

    async def detach(self, attachment: Attachment) -> None:
        """Takes that back."""
        await self.connection.detach(attachment)

    # Receiving

    def receive(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        """Puts a message's event into the buffer, if it is for this subscription."""
        try:
            event = self.read(selects, body)
            self.check_place(event, subject)
        except InvalidEvent:
            self.skip(channel)
            return
        if self.admits(selects, event):
            self.hand(channel, event)

    def read(self, selects: Any, body: bytes) -> Event:
        """Returns the event in a body; raises `InvalidEvent` if there is none."""
        return (StreamEvent if isinstance(selects, str) else FlovynEvent).from_json(body)

    def check_place(self, event: Event, subject: str) -> None:
        """Refuses a body that belongs on another subject."""
        if self.subject(event) != subject:
            raise InvalidEvent(f"this body belongs on {self.subject(event)}")

    def admits(self, selects: Any, event: Event) -> bool:
        """Returns whether a subscription asks for the event."""
        return bool(isinstance(selects, str) or selects.matches(event))

    def skip(self, channel: Channel[Any]) -> None:
        """Handles a message that is no event: does nothing."""

    def hand(self, channel: Channel[Any], event: Event) -> None:
        """Puts it into the buffer."""
        channel.push(event)

    # Closing

    def check_open(self) -> None:
        """Raises `BusClosed` once the client was closed."""
        if self.closed:
            raise BusClosed("this client was closed; connect another one")

    async def aclose(self) -> None:
        """Closes the client: its readers drain."""
        if not self.closed:
            self.closed = True
            await self.connection.aclose()
            for channel in self.channels:
                channel.finish()


def pliable_nats_target(name: str, client: type[PliableNats] = PliableNats) -> Target:
    """Returns a target with a server of its own."""

    @asynccontextmanager
    async def connect(address: str) -> AsyncIterator[StreamingBackend]:
        connection = LooseConnection(address)
        await connection.open()
        opened = client(connection)
        try:
            yield opened
        finally:
            await opened.aclose()

    return Target(name, server=client.server, connect=connect, capabilities=client.capabilities)
