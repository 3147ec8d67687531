"""Bubus as a target, by the kit.

pip install bubus
eventhook-conformance run bubus_eventbus:target
"""

import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

# Read when it is imported; it tells of each event otherwise.
os.environ.setdefault("BUBUS_LOGGING_LEVEL", "ERROR")

from bubus import BaseEvent, EventBus

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# One queue, one event at a time, and one handler after another, of which each takes milliseconds.
CLAIMS = Capabilities(
    total_order=True, causal_order=True, introspection=False, max_subscriptions=100
)


class Message(BaseEvent[None]):
    """The message that travels; its type is the channel."""

    body: bytes


def channel(kind: Kind, key: str) -> str:
    """Returns a type of event: an identifier of at most 64 letters."""
    return f"{kind}_{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


class Application:
    """The one `EventBus` of a process, which all its parts share."""

    bus: EventBus

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Server]:
        self.bus = EventBus()
        running = Server()
        running.address = self.bus.name
        try:
            yield running
        finally:
            await self.bus.stop(clear=True)

    def connect(self, address: str) -> "BubusBus":
        return BubusBus(self.bus)


class BubusBus(Adapter):
    """One client: a part of the application."""

    numbers = itertools.count()

    def __init__(self, bus: EventBus) -> None:
        super().__init__(CLAIMS)
        self.bus = bus

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.bus.dispatch(Message(event_type=channel(kind, key), body=body))

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        def handler(message: Message) -> None:
            sink(message.body)

        # It warns of two handlers of one name.
        handler.__name__ = f"handler_{next(self.numbers)}"
        self.bus.on(channel(kind, key), handler)
        try:
            yield
        finally:
            # There is no way to take a handler off but this, which its own `expect` uses.
            self.bus.handlers[channel(kind, key)].remove(handler)

    async def disconnect(self) -> None:
        """Does nothing: other parts of the application still use the bus."""


application = Application()
target = Target(
    "bubus",
    server=application.run,
    connect=application.connect,
    capabilities=CLAIMS,
    about=f"bubus {version('bubus')}",
)
