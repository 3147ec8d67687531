"""RabbitMQ as a target, by the kit and aio-pika.

    pip install aio-pika
    eventhook-conformance run rabbitmq:target

It uses the broker at AMQP_URL, or starts one of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import aio_pika
import servers
from aio_pika.abc import AbstractIncomingMessage

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# A publish is confirmed once all queues have the message; but each queue is filled by itself, so that
# two of them may hold what two clients published in two orders. A thousand subscriptions that leave at
# once keep a busy broker for seconds.
CLAIMS = Capabilities(causal_order=True, introspection=False, max_subscriptions=200)


class RabbitBus(Adapter):
    """One client: a connection; a channel to publish, and one more for each subscription."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        self.url = url

    async def connect(self) -> None:
        self.connection = await aio_pika.connect(self.url)
        channel = await self.connection.channel(publisher_confirms=True)
        # The longest routing key has 255 bytes, as has the longest key: so the kind is no part of it.
        self.exchanges = {
            kind: await channel.declare_exchange(f"eventhook.{kind}", durable=True)
            for kind in ("event", "stream")
        }

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.exchanges[kind].publish(aio_pika.Message(body), key)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async def take(message: AbstractIncomingMessage) -> None:
            await sink(message.body)

        def lose(connection: object, error: BaseException | None) -> None:
            sink.lose(f"the connection to RabbitMQ broke: {error}")

        self.connection.close_callbacks.add(lose)
        try:
            async with self.connection.channel() as channel:
                # It goes with its consumer, which goes with the channel.
                queue = await channel.declare_queue(exclusive=True, auto_delete=True)
                await queue.bind(f"eventhook.{kind}", key)
                await queue.consume(take, no_ack=True)
                yield
        finally:
            self.connection.close_callbacks.discard(lose)

    async def disconnect(self) -> None:
        await self.connection.close()


target = Target(
    "rabbitmq",
    server=servers.rabbitmq,
    connect=RabbitBus,
    capabilities=CLAIMS,
    about=f"aio-pika {version('aio-pika')}",
)
