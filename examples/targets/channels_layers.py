"""The channel layers of Django Channels as targets: in memory, and the two of channels_redis.

    pip install channels channels_redis
    eventhook-conformance run channels_layers:memory

The latter two use the server at REDIS_URL, or start one of their own. No Django settings are needed.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Literal

import servers
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Kind, PulledAdapter

END = {"type": "end"}
TURNS = 4
"""Turns of the event loop after which a `receive` that has something has returned."""


def claims(
    overflow: Literal["unbounded", "drop_newest"], *, total_order: bool, max_subscriptions: int
) -> Capabilities:
    # 100 is a layer's default. A reader filters what it has received, so that all of a tenant's events
    # fill its channel.
    return Capabilities(
        event_capacity=100,
        stream_capacity=100,
        overflow=overflow,
        overflow_scope="tenant",
        total_order=total_order,
        causal_order=True,
        introspection=False,
        max_subscriptions=max_subscriptions,
    )


def group(kind: Kind, key: str) -> str:
    """Returns the name of a group: fewer than 100 characters, though a stream's key may be longer."""
    return f"{kind}.{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


def host(url: str) -> dict[str, Any]:
    """Returns a host without the limits of redis-py 8: 100 connections, and 5 seconds for any command.

    The core layer waits for its next message by a command of 5 seconds.
    """
    return {"address": url, "max_connections": 1000, "socket_timeout": None}


class Consumer:
    """A consumer's own channel, which it receives from."""

    def __init__(self, layer: Any, channel: str) -> None:
        self.layer, self.channel = layer, channel
        self.receiving: asyncio.Task[dict[str, Any]] | None = None

    async def receive(self) -> dict[str, Any]:
        # A `receive` that is cancelled tells the layer that the consumer has gone.
        if self.receiving is None:
            self.receiving = asyncio.create_task(self.layer.receive(self.channel))
        message = await asyncio.shield(self.receiving)
        self.receiving = None
        return message

    async def take(self) -> bytes:
        body: bytes = (await self.receive())["body"]
        return body

    async def rest(self) -> Sequence[bytes]:
        """Receives up to a message that it sends itself, since none can ask whether there is one."""
        bodies: list[bytes] = []
        while True:
            try:
                await self.layer.send(self.channel, END)
                break
            except ChannelFull:
                bodies.append(await self.take())
        while (message := await self.receive()) != END:
            bodies.append(message["body"])
        return bodies

    async def leave(self) -> None:
        """Tells the layer that the consumer has gone: it hears that by a waiting `receive`, cancelled."""
        while True:
            if self.receiving is None:
                self.receiving = asyncio.create_task(self.layer.receive(self.channel))
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if not self.receiving.done():
                break
            self.receiving = None  # unread: it would keep the channel
        self.receiving.cancel()
        await asyncio.wait({self.receiving})


class ChannelsBus(PulledAdapter):
    """One client: a part of a process, or a process with a layer of its own."""

    def __init__(self, layer: Any, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self.layer = layer

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.layer.group_send(group(kind, key), {"type": "event", "body": body})

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[Consumer]:
        consumer = Consumer(self.layer, await self.layer.new_channel())
        try:
            await self.layer.group_add(group(kind, key), consumer.channel)
            yield consumer
        finally:
            await self.layer.group_discard(group(kind, key), consumer.channel)
            await consumer.leave()

    async def disconnect(self) -> None:
        if isinstance(self.layer, RedisChannelLayer):
            await self.layer.close_pools()
        elif isinstance(self.layer, RedisPubSubChannelLayer):
            await self.layer.flush()


class Application:
    """The one layer of a process, which all its parts share."""

    layer: InMemoryChannelLayer

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Server]:
        self.layer = InMemoryChannelLayer()
        running = Server()
        running.address = "memory://"
        yield running

    def connect(self, address: str) -> ChannelsBus:
        return ChannelsBus(self.layer, IN_MEMORY)


IN_MEMORY = claims("drop_newest", total_order=True, max_subscriptions=1000)
CORE = claims("drop_newest", total_order=False, max_subscriptions=100)
PUBSUB = claims("unbounded", total_order=True, max_subscriptions=400)

application = Application()
memory = Target(
    "channels-memory",
    server=application.run,
    connect=application.connect,
    capabilities=IN_MEMORY,
    about=f"channels {version('channels')}",
)
core = Target(
    "channels-redis-core",
    server=servers.redis,
    connect=lambda url: ChannelsBus(RedisChannelLayer(hosts=[host(url)]), CORE),
    capabilities=CORE,
    about=f"channels_redis {version('channels_redis')}",
)
pubsub = Target(
    "channels-redis-pubsub",
    server=servers.redis,
    connect=lambda url: ChannelsBus(RedisPubSubChannelLayer(hosts=[host(url)]), PUBSUB),
    capabilities=PUBSUB,
    about=f"channels_redis {version('channels_redis')}",
)
