"""The in-memory backend."""

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamEvent,
    StreamEventType,
    SubscribeError,
    Subscription,
)
from eventhook_reference.memory import CAPABILITIES, MemoryBackend, MemoryBus, open_client

pytestmark = pytest.mark.asyncio

TENANT = UUID(int=1)


def event(
    data: object = None, *, tenant: UUID = TENANT, kind: str = "workflow.started"
) -> FlovynEvent:
    return FlovynEvent.new(tenant, kind, "test", data)


def token(key: str, sequence: int = 0, payload: str = "Hi") -> StreamEvent:
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=key,
        sequence=sequence,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=0,
    )


def buffered(subscription: Subscription[FlovynEvent]) -> list[object]:
    """Returns the data of the events that can be read without waiting."""
    found = []
    while True:
        try:
            subscription.__anext__().send(None)
        except StopIteration as read:
            found.append(read.value.data)
        else:
            return found


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest_asyncio.fixture
async def client(bus: MemoryBus) -> AsyncIterator[MemoryBackend]:
    async with open_client(bus) as backend:
        yield backend


async def test_delivers_to_every_matching_subscription_of_every_client(
    bus: MemoryBus, client: MemoryBackend
) -> None:
    pattern = EventPattern.all(TENANT)
    async with (
        open_client(bus) as other,
        client.events.subscribe(pattern) as mine,
        other.events.subscribe(pattern) as its,
        other.events.subscribe(EventPattern.all(uuid4())) as strange,
    ):
        await client.events.publish(event(1))
        await other.events.publish(event(2))
        assert buffered(mine) == buffered(its) == [1, 2]
        assert buffered(strange) == []


async def test_every_filter_finds_its_events_whichever_bucket_it_lies_in(
    client: MemoryBackend,
) -> None:
    workflow, task = uuid4(), uuid4()
    full = event("full").with_workflow(workflow).with_task(task)
    events = [event("bare"), full, event("other", kind="workflows.x").with_workflow(task)]
    for filters in range(16):
        pattern = EventPattern(
            tenant_id=TENANT,
            workflow_execution_id=workflow if filters & 1 else None,
            task_execution_id=task if filters & 2 else None,
            event_type_prefix="workflow.started" if filters & 4 else None,
            source="test" if filters & 8 else None,
        )
        async with client.events.subscribe(pattern) as subscription:
            for each in events:
                await client.events.publish(each)
            assert buffered(subscription) == [e.data for e in events if pattern.matches(e)]


async def test_equal_ids_of_workflow_and_task_deliver_once(client: MemoryBackend) -> None:
    same = uuid4()
    async with (
        client.events.subscribe(EventPattern.for_workflow(TENANT, same)) as by_workflow,
        client.events.subscribe(EventPattern.for_task(TENANT, same)) as by_task,
    ):
        await client.events.publish(event(1).with_workflow(same).with_task(same))
        assert buffered(by_workflow) == buffered(by_task) == [1]


async def test_payload_is_isolated(client: MemoryBackend) -> None:
    data = {"list": [1]}
    async with client.events.subscribe(EventPattern.all(TENANT)) as subscription:
        await client.events.publish(event(data))
        data["list"].append(2)
        received = await anext(subscription)
        with pytest.raises(TypeError):
            received.data["list"].append(3)
        await client.events.publish(received)
        assert (await anext(subscription)).data == {"list": [1]}


@pytest.mark.parametrize("kind", ["", "one", "a..b", "a.*", "a.b c"])
async def test_invalid_event_is_refused_and_delivered_to_nobody(
    client: MemoryBackend, kind: str
) -> None:
    async with client.events.subscribe(EventPattern.all(TENANT)) as subscription:
        with pytest.raises(InvalidEvent):
            await client.events.publish(event(kind=kind))
        assert buffered(subscription) == []


async def test_each_side_refuses_the_other_sides_events(client: MemoryBackend) -> None:
    with pytest.raises(InvalidEvent, match="FlovynEvent"):
        await client.events.publish(token("k"))  # type: ignore[arg-type]
    with pytest.raises(InvalidEvent, match="StreamEvent"):
        await client.streams.publish(event())  # type: ignore[arg-type]


async def test_size_limit_is_exact(client: MemoryBackend) -> None:
    spare = CAPABILITIES.max_event_bytes - len(event("").to_json())
    await client.events.publish(event("x" * spare))
    with pytest.raises(PublishError, match="at most 262144"):
        await client.events.publish(event("x" * (spare + 1)))


async def test_overflow_drops_the_oldest_of_the_stalled_reader_only(client: MemoryBackend) -> None:
    pattern = EventPattern.all(TENANT)
    count = 3 * CAPABILITIES.event_capacity + 1
    async with (
        client.events.subscribe(pattern) as stalled,
        client.events.subscribe(pattern) as fast,
    ):
        read = asyncio.create_task(_read(fast, count))
        await asyncio.sleep(0)
        for number in range(count):
            await client.events.publish(event(number))
        assert await read == list(range(count))
        assert fast.dropped == 0
        assert buffered(stalled) == list(range(count))[-CAPABILITIES.event_capacity :]
        assert stalled.dropped == count - CAPABILITIES.event_capacity


async def _read(subscription: Subscription[FlovynEvent], count: int) -> list[object]:
    return [(await anext(subscription)).data for _ in range(count)]


async def test_streams_are_separate_by_key(client: MemoryBackend) -> None:
    async with client.streams.subscribe("a") as a, client.streams.subscribe("b") as b:
        await client.streams.publish(token("a", 1))
        await client.streams.publish(token("b", 2))
        assert (await anext(a)).sequence == 1
        assert (await anext(b)).sequence == 2


@pytest.mark.parametrize("key", ["", "*", ">", "a.b", "a b"])
async def test_malformed_key_is_refused(client: MemoryBackend, key: str) -> None:
    with pytest.raises(InvalidPattern):
        await client.streams.subscribe(key).__aenter__()
    with pytest.raises(InvalidEvent):
        await client.streams.publish(token(key))


async def test_subscribe_alone_has_no_effect_and_is_entered_once(client: MemoryBackend) -> None:
    context = client.events.subscribe(EventPattern.all(TENANT))
    assert await client.active_channels() == ChannelCounts(events=0, streams=0)
    async with context:
        with pytest.raises(SubscribeError, match="entered before"):
            await context.__aenter__()
        await client.events.publish(event())


async def test_malformed_prefix_is_refused_on_entering(client: MemoryBackend) -> None:
    context = client.events.subscribe(EventPattern.by_type(TENANT, "a..b"))
    with pytest.raises(InvalidPattern):
        await context.__aenter__()


async def test_closing_ends_readers_after_what_is_buffered(
    bus: MemoryBus, client: MemoryBackend
) -> None:
    async with (
        open_client(bus) as other,
        client.events.subscribe(EventPattern.all(TENANT)) as mine,
        other.events.subscribe(EventPattern.all(TENANT)) as its,
    ):
        await client.events.publish(event(1))
        await client.aclose()
        await client.aclose()
        await other.events.publish(event(2))
        assert [e.data async for e in mine] == [1]
        assert buffered(its) == [1, 2]


async def test_closed_client_refuses_every_call(client: MemoryBackend) -> None:
    await client.aclose()
    used = client.events.subscribe(EventPattern.by_type(TENANT, "a..b"))
    for call in (
        client.events.publish(event(kind="")),
        client.streams.publish(token("")),
        used.__aenter__(),
        client.streams.subscribe("").__aenter__(),
        client.cleanup_inactive_channels(),
        client.active_channels(),
    ):
        with pytest.raises(BusClosed):
            await call


async def test_cleanup_removes_idle_channels_only(client: MemoryBackend) -> None:
    idle, busy = uuid4(), uuid4()
    async with client.events.subscribe(EventPattern.all(busy)) as subscription:
        async with client.streams.subscribe("left"):
            pass
        await client.events.publish(event(tenant=idle))
        assert await client.active_channels() == ChannelCounts(events=2, streams=1)
        assert await client.cleanup_inactive_channels() == 2
        assert await client.cleanup_inactive_channels() == 0
        await client.events.publish(event(1, tenant=busy))
        assert buffered(subscription) == [1]


async def test_what_a_closed_client_held_is_gone_but_not_what_others_hold(
    bus: MemoryBus, client: MemoryBackend
) -> None:
    async with open_client(bus) as other:
        await other.events.publish(event(tenant=uuid4()))
        await other.events.publish(event())
        await client.events.publish(event())
        subscribing = other.streams.subscribe("abandoned")
        await subscribing.__aenter__()
        assert await client.active_channels() == ChannelCounts(events=2, streams=1)
    assert await client.active_channels() == ChannelCounts(events=1, streams=0)
    await subscribing.__aexit__(None, None, None)


async def test_a_publisher_that_never_waits_overruns_no_waiting_reader(
    client: MemoryBackend,
) -> None:
    count = 2000
    async with client.streams.subscribe("k") as subscription:

        async def read() -> list[int]:
            return [(await anext(subscription)).sequence for _ in range(count)]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        for number in range(count):
            await client.streams.publish(token("k", number))
        assert await reading == list(range(count))


async def test_importing_needs_no_nats() -> None:
    code = "import eventhook_reference.memory, sys; sys.exit('nats' in sys.modules)"
    importing = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await importing.wait() == 0
