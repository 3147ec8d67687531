"""Redis pub/sub as a target, by the kit: what a user of redis-py has, judged as it is.

    pip install redis
    eventhook-conformance run examples.targets.redis_pubsub:target

It uses the server at REDIS_URL, or starts one of its own (`redis-server` must be on the path).
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import exceptions
from redis.asyncio import Redis

from eventhook_conformance import Capabilities, Server, Target
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

    async def read(self, channel, sink: Sink) -> None:
        try:
            async for message in channel.listen():
                if message["type"] == "message":
                    await sink(message["data"])
        except exceptions.ConnectionError as error:
            sink.lose(f"the connection to Redis broke: {error}")

    async def disconnect(self) -> None:
        await self.redis.aclose()


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    """The server at REDIS_URL, or one of our own, on a socket in a folder of its own."""
    running = Server()
    if url := os.environ.get("REDIS_URL"):
        running.address = url
        yield running
        return
    with tempfile.TemporaryDirectory() as folder:
        running.address = f"unix://{folder}/redis.sock"
        options = ["--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", ""]
        process = await asyncio.create_subprocess_exec(
            "redis-server", *options, "--dir", folder, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(10), Redis.from_url(running.address) as redis:
                while not await answers(redis):  # noqa: ASYNC110 - it says nothing when it is up
                    await asyncio.sleep(0.02)
            yield running
        finally:
            process.terminate()
            await process.wait()


async def answers(redis: Redis) -> bool:
    try:
        return await redis.ping()
    except exceptions.ConnectionError:
        return False


target = Target("redis-pubsub", server=server, connect=RedisBus, capabilities=CLAIMS)
