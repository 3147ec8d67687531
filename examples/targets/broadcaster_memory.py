"""Broadcaster over its memory backend as a target, by the kit.

pip install broadcaster
eventhook-conformance run broadcaster_memory:target
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from broadcaster import Broadcast

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# Each of its subscribers has a queue without a bound.
CLAIMS = Capabilities(
    overflow="unbounded", total_order=True, causal_order=True, introspection=False
)


class Application:
    """The one `Broadcast` of a process, which all its parts share."""

    broadcast: Broadcast

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Server]:
        running = Server()
        running.address = "memory://"
        async with Broadcast(running.address) as self.broadcast:
            yield running

    def connect(self, address: str) -> "BroadcasterBus":
        return BroadcasterBus(self.broadcast)


class BroadcasterBus(Adapter):
    """One client: a part of the application."""

    def __init__(self, broadcast: Broadcast) -> None:
        super().__init__(CLAIMS)
        self.broadcast = broadcast

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.broadcast.publish(f"{kind}:{key}", body)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async with self.broadcast.subscribe(f"{kind}:{key}") as subscriber:

            async def read() -> None:
                async for event in subscriber:
                    await sink(event.message)

            reading = asyncio.create_task(read())
            try:
                yield
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    async def disconnect(self) -> None:
        """Does nothing: other parts of the application still use the connection."""


application = Application()
target = Target(
    "broadcaster",
    server=application.run,
    connect=application.connect,
    capabilities=CLAIMS,
    about=f"broadcaster {version('broadcaster')}, memory",
)
