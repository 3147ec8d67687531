"""NATS JetStream as a target, by the kit and nats-py: one stream, an ordered consumer per subscription.

    pip install 'eventhook-conformance[nats]'
    eventhook-conformance run jetstream:target

It uses the server at NATS_URL, whose JetStream is enabled, or starts one of its own.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Adapter, Kind, NatsServer, Sink

# What a reader has not taken waits in the stream, whose limit is an age and not a number.
CLAIMS = Capabilities(
    overflow="unbounded",
    total_order=True,
    causal_order=True,
    introspection=False,
    publish_timeout_s=2.0,
)
STREAM = StreamConfig(
    name="EVENTHOOK",
    subjects=["event.*", "stream.*"],
    storage=StorageType.MEMORY,
    max_age=600,
    # By itself a server refuses the 1001st, and a consumer outlives its reader by five seconds.
    max_consumers=10_000,
)


class JetStreamBus(Adapter):
    """One client: a connection."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        self.url = url

    async def connect(self) -> None:
        self.connection = await nats.connect(self.url)
        self.jetstream = self.connection.jetstream(timeout=CLAIMS.publish_timeout_s)
        await self.jetstream.add_stream(STREAM)

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.jetstream.publish(f"{kind}.{key}", body)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        subscription = await self.jetstream.subscribe(
            f"{kind}.{key}",
            ordered_consumer=True,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.NEW),
        )

        async def read() -> None:
            async for message in subscription.messages:
                await sink(message.data)

        reading = asyncio.create_task(read())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.wait({reading})
            await subscription.unsubscribe()

    async def disconnect(self) -> None:
        await self.connection.close()


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    if url := os.environ.get("NATS_URL"):
        named = Server()
        named.address = url
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="eventhook-jetstream-") as folder:
        async with NatsServer(f'jetstream {{ store_dir: "{folder}" }}') as own:
            yield own


target = Target(
    "jetstream",
    server=server,
    connect=JetStreamBus,
    capabilities=CLAIMS,
    about=f"nats-py {version('nats-py')}",
)
