"""MQTT as a target, by the kit and aiomqtt, over Mosquitto.

    pip install aiomqtt
    eventhook-conformance run mqtt_mosquitto:target

It uses the broker at MQTT_URL (as `mqtt://host:port`), or starts a Mosquitto of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

import servers
from aiomqtt import Client, MqttError

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# The broker holds what a client has not taken, as much as it may be (`max_queued_messages 0`).
CLAIMS = Capabilities(
    overflow="unbounded",
    total_order=True,
    causal_order=True,
    introspection=False,
    max_subscriptions=200,
    publish_timeout_s=2.0,
)
AT_LEAST_ONCE = 1
"""With 0, `publish` would return before the broker has the message."""


class MqttBus(Adapter):
    """One client: a connection to publish, and one more for each subscription.

    Two subscriptions of one topic on a shared connection would be one to the broker.
    """

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        self.url = urlsplit(url)
        self.open = AsyncExitStack()

    def connection(self) -> Client:
        return Client(
            self.url.hostname or "localhost",
            self.url.port or 1883,
            username=self.url.username,
            password=self.url.password,
            timeout=CLAIMS.publish_timeout_s,
        )

    async def connect(self) -> None:
        self.publishing = await self.open.enter_async_context(self.connection())
        self.publishing.pending_calls_threshold = 100

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.publishing.publish(f"{kind}/{key}", body, qos=AT_LEAST_ONCE)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async with self.connection() as subscribing:
            await subscribing.subscribe(f"{kind}/{key}", qos=AT_LEAST_ONCE)
            reading = asyncio.create_task(self.read(subscribing, sink))
            try:
                yield
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    async def read(self, subscribing: Client, sink: Sink) -> None:
        try:
            async for message in subscribing.messages:
                await sink(message.payload)
        except MqttError as error:
            sink.lose(f"the connection to the broker broke: {error}")

    async def disconnect(self) -> None:
        await self.open.aclose()


target = Target(
    "mqtt-mosquitto",
    server=servers.mosquitto,
    connect=MqttBus,
    capabilities=CLAIMS,
    about=f"aiomqtt {version('aiomqtt')}",
)
