"""Kafka as a target, by aiokafka: a topic of one partition for events and one for streams.

    pip install aiokafka
    mvn -f kafka_broker dependency:copy-dependencies -DoutputDirectory=lib
    eventhook-conformance run kafka_log:target

It uses the brokers at KAFKA_SERVERS (as `host:port`), or starts one of its own.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import servers
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Kind, PulledAdapter

# What a reader has not taken waits in the log, whose limit is an age. Every reader takes all that is in its
# topic, of whatever tenant it is, so that many of them are dear.
CLAIMS = Capabilities(
    overflow="unbounded",
    total_order=True,
    causal_order=True,
    introspection=False,
    max_subscriptions=50,
)
TOPICS = {"event": "eventhook-event", "stream": "eventhook-stream"}


class Position:
    """The position of one subscription in a topic, of which it wants one key."""

    def __init__(self, consumer: AIOKafkaConsumer, partition: TopicPartition, key: bytes) -> None:
        self.consumer, self.partition, self.key = consumer, partition, key

    async def take(self) -> bytes:
        while True:
            record = await self.consumer.getone()
            if record.key == self.key:
                body: bytes = record.value
                return body

    async def rest(self) -> Sequence[bytes]:
        bodies: list[bytes] = []
        end = (await self.consumer.end_offsets([self.partition]))[self.partition]
        while await self.consumer.position(self.partition) < end:
            record = await self.consumer.getone()
            if record.key == self.key:
                bodies.append(record.value)
        return bodies


class KafkaBus(PulledAdapter):
    """One client: a producer, and a consumer for each subscription."""

    def __init__(self, brokers: str) -> None:
        super().__init__(CLAIMS)
        self.brokers = brokers

    async def connect(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, 1, 1) for name in TOPICS.values()])
        except TopicAlreadyExistsError:
            pass
        finally:
            await admin.close()
        self.producer = AIOKafkaProducer(bootstrap_servers=self.brokers, acks="all")
        await self.producer.start()

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.producer.send_and_wait(TOPICS[kind], body, key=key.encode())

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[Position]:
        partition = TopicPartition(TOPICS[kind], 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.brokers, enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign([partition])
            await consumer.seek_to_end(partition)
            yield Position(consumer, partition, key.encode())
        finally:
            await consumer.stop()

    async def disconnect(self) -> None:
        await self.producer.stop()


target = Target(
    "kafka",
    server=servers.kafka,
    connect=KafkaBus,
    capabilities=CLAIMS,
    about=f"aiokafka {version('aiokafka')}",
)
