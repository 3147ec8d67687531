"""Redis Streams as a target: a stream for each tenant and key, read with a cursor by XREAD.

    pip install redis
    eventhook-conformance run redis_streams:target

It uses the server at REDIS_URL, or starts one of its own.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import servers
from redis.asyncio import Redis

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Kind, PulledAdapter

KEPT = 1024
# What a slow reader has not read is trimmed from the stream, of whatever type it is.
CLAIMS = Capabilities(
    stream_capacity=KEPT,
    overflow_scope="tenant",
    total_order=True,
    causal_order=True,
    introspection=False,
    max_subscriptions=400,
)


class Cursor:
    """The position of one subscription in a stream."""

    def __init__(self, redis: Redis, stream: str, last: bytes) -> None:
        self.redis, self.stream, self.last = redis, stream, last

    async def read(self, count: int, block: int | None) -> list[bytes]:
        bodies: list[bytes] = []
        for _, entries in await self.redis.xread({self.stream: self.last}, count, block):
            for self.last, fields in entries:
                bodies.append(fields[b"body"])
        return bodies

    async def take(self) -> bytes:
        [body] = await self.read(count=1, block=0)
        return body

    async def rest(self) -> Sequence[bytes]:
        return await self.read(count=KEPT, block=None)


class RedisStreamsBus(PulledAdapter):
    """One client: a connection for each read that waits, and for each publish that is under way."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        self.redis = Redis.from_url(
            url, max_connections=CLAIMS.max_subscriptions + 100, protocol=2, socket_timeout=None
        )

    async def connect(self) -> None:
        await self.redis.ping()

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.redis.xadd(f"{kind}:{key}", {"body": body}, maxlen=KEPT, approximate=False)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[Cursor]:
        # Not "$", which means whatever is last when the first read arrives.
        newest = await self.redis.xrevrange(f"{kind}:{key}", count=1)
        yield Cursor(self.redis, f"{kind}:{key}", newest[0][0] if newest else b"0")

    async def disconnect(self) -> None:
        await self.redis.aclose()


target = Target(
    "redis-streams",
    server=servers.redis,
    connect=RedisStreamsBus,
    capabilities=CLAIMS,
    about=f"redis-py {version('redis')}",
)
