"""Redis pub/sub as a target, by the kit: what a user of redis-py has, judged as it is.

    pip install redis
    eventhook-conformance run redis_pubsub:target

It uses the server at REDIS_URL, or starts one of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import servers
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

CLAIMS = Capabilities(
    total_order=True, causal_order=True, introspection=False, max_subscriptions=400
)


class RedisBus(Adapter):
    """One client: a connection to publish, and one more for each subscription."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        # A connection for each subscription, and one for each publish that is under way.
        self.redis = Redis.from_url(url, max_connections=CLAIMS.max_subscriptions + 100)

    async def connect(self) -> None:
        await self.redis.ping()

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.redis.publish(f"{kind}:{key}", body)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async with self.redis.pubsub() as channel:
            await channel.subscribe(f"{kind}:{key}")
            await channel.parse_response()  # the server's confirmation
            reading = asyncio.create_task(self.read(channel, sink))
            try:
                yield
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    async def read(self, channel: PubSub, sink: Sink) -> None:
        try:
            async for message in channel.listen():
                if message["type"] == "message":
                    await sink(message["data"])
        except exceptions.ConnectionError as error:
            sink.lose(f"the connection to Redis broke: {error}")

    async def disconnect(self) -> None:
        await self.redis.aclose()


target = Target(
    "redis-pubsub",
    server=servers.redis,
    connect=RedisBus,
    capabilities=CLAIMS,
    about=f"redis-py {version('redis')}",
)
