"""History on JetStream: the events that a reader gets from the past, and expired cursors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio

from eventhook_conformance.contract import (
    START,
    CursorExpired,
    EventPattern,
    FlovynEvent,
    InvalidCursor,
    PublishError,
    Since,
    StreamEvent,
    StreamEventType,
    SubscribeError,
)
from eventhook_conformance.kit import NatsServer
from eventhook_reference import nats_jetstream
from eventhook_reference.nats import CannotConnect
from eventhook_reference.nats_jetstream import call_api
from eventhook_reference.nats_replay import CAPABILITIES, ReplayBackend, connect
from eventhook_reference.nats_replay_consumer import HistoryConsumer

pytestmark = [pytest.mark.nats, pytest.mark.asyncio]

LIMIT_S = 30.0


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with asyncio.timeout(LIMIT_S), NatsServer(jetstream=True) as server:
        yield server


@pytest_asyncio.fixture
async def backend(server: NatsServer) -> AsyncIterator[ReplayBackend]:
    async with connect(server.address) as backend:
        yield backend


def numbered(tenant: UUID, number: int) -> FlovynEvent:
    return FlovynEvent.new(tenant, "task.created", "test", number)


async def read(
    backend: ReplayBackend, tenant: UUID, count: int, since: Since
) -> list[tuple[object, str | None]]:
    """Returns the data and cursors of the next events."""
    async with backend.events.subscribe(EventPattern.all(tenant), since=since) as events:
        return [((await anext(events)).data, events.cursor) for _ in range(count)]


async def test_history_comes_first_then_what_is_live(backend: ReplayBackend) -> None:
    tenant = uuid4()
    for number in range(3):
        await backend.events.publish(numbered(tenant, number))
    async with backend.events.subscribe(EventPattern.all(tenant), since=START) as events:
        await backend.events.publish(numbered(tenant, 3))
        assert [(await anext(events)).data for _ in range(4)] == [0, 1, 2, 3]


async def test_a_cursor_resumes_after_its_event(backend: ReplayBackend) -> None:
    tenant = uuid4()
    for number in range(5):
        await backend.events.publish(numbered(tenant, number))
    seen = await read(backend, tenant, 5, START)
    assert seen[2][1] is not None
    assert await read(backend, tenant, 2, seen[2][1]) == seen[3:]


async def test_a_cursor_of_another_tenant_or_key_is_refused(backend: ReplayBackend) -> None:
    mine, theirs = uuid4(), uuid4()
    for tenant in (mine, theirs):
        await backend.events.publish(numbered(tenant, 0))
    ((_, cursor),) = await read(backend, theirs, 1, START)
    assert cursor is not None
    with pytest.raises(InvalidCursor):
        await read(backend, mine, 1, cursor)
    with pytest.raises(InvalidCursor):
        async with backend.streams.subscribe("a-key", since=cursor):
            pass


async def test_what_was_evicted_or_purged_is_expired(server: NatsServer) -> None:
    tenant = uuid4()
    few = replace(CAPABILITIES, replay_events=8)
    async with connect(server.address, few) as backend:
        await backend.events.publish(numbered(tenant, 0))
        ((_, first),) = await read(backend, tenant, 1, START)
        for number in range(1, 200):
            await backend.events.publish(numbered(tenant, number))
        assert first is not None
        with pytest.raises(CursorExpired):
            await read(backend, tenant, 1, first)
        ((oldest, kept),) = await read(backend, tenant, 1, START)
        assert isinstance(oldest, int)
        assert 8 <= 200 - oldest < 200
        await backend.events.purge(tenant)
        assert kept is not None
        with pytest.raises(CursorExpired):
            await read(backend, tenant, 1, kept)


async def test_tenants_share_a_stream_where_age_alone_bounds_it(server: NatsServer) -> None:
    mine, theirs = uuid4(), uuid4()
    by_age = replace(CAPABILITIES, replay_events=None, replay_s=3600.0)
    async with connect(server.address, by_age) as backend:
        for number in range(4):
            await backend.events.publish(numbered((mine, theirs)[number % 2], number))
        assert (await call_api(backend.client, "STREAM.NAMES"))["streams"] == ["FLOVYN_EVENTS"]
        seen = await read(backend, mine, 2, START)
        assert [data for data, _ in seen] == [0, 2]
        (_, (_, cursor)) = await read(backend, theirs, 2, START)
        assert cursor is not None
        with pytest.raises(InvalidCursor):
            await read(backend, mine, 1, cursor)
        await backend.events.purge(theirs)
        assert await read(backend, mine, 2, START) == seen
        with pytest.raises(CursorExpired):
            await read(backend, theirs, 1, cursor)


async def test_a_slow_reader_of_history_loses_nothing(backend: ReplayBackend) -> None:
    """There are several times as many events as its buffer holds, or one request asks for."""
    event = StreamEvent(
        task_execution_id="",
        workflow_execution_id="run-1",
        sequence=0,
        event_type=StreamEventType.TOKEN,
        payload="Hi",
        timestamp_ms=0,
    )
    for number in range(1000):
        await backend.streams.publish(msgspec.structs.replace(event, sequence=number))
    async with backend.streams.subscribe("run-1", since=START) as events:
        seen = []
        for number in range(1000):
            seen.append((await anext(events)).sequence)
            if number % 100 == 0:
                await asyncio.sleep(0.01)
        assert seen == list(range(1000))
        assert not events.dropped


async def test_a_consumer_that_the_server_forgot_is_made_again(backend: ReplayBackend) -> None:
    tenant = uuid4()
    async with backend.events.subscribe(EventPattern.all(tenant), since=START) as events:
        await backend.events.publish(numbered(tenant, 0))
        assert (await anext(events)).data == 0
        (subscription,) = backend.open
        consumer = subscription.reader
        assert isinstance(consumer, HistoryConsumer)
        await backend.client.request(
            f"$JS.API.CONSUMER.DELETE.{subscription.place.stream}.{consumer.name}", b""
        )
        await backend.events.publish(numbered(tenant, 1))
        assert (await anext(events)).data == 1


async def test_a_live_reader_costs_the_server_no_consumer(backend: ReplayBackend) -> None:
    tenant = uuid4()
    async with backend.events.subscribe(EventPattern.all(tenant)) as events:
        await backend.events.publish(numbered(tenant, 0))
        assert (await anext(events)).data == 0
        (subscription,) = backend.open
        found = await call_api(backend.client, f"STREAM.INFO.{subscription.place.stream}")
        assert found["state"]["consumer_count"] == 0


async def test_a_live_reader_goes_on_where_its_connection_was_lost(backend: ReplayBackend) -> None:
    tenant = uuid4()
    async with backend.events.subscribe(EventPattern.all(tenant)) as events:
        await backend.events.publish(numbered(tenant, 0))
        (subscription,) = backend.open
        # As after a reconnect: events that came meanwhile are read from the history.
        subscription.reader.renew_soon()
        for number in range(1, 4):
            await backend.events.publish(numbered(tenant, number))
        assert [(await anext(events)).data for _ in range(4)] == [0, 1, 2, 3]


async def test_a_live_reader_goes_on_where_the_server_lost_its_history(server: NatsServer) -> None:
    """The history is numbered from the start again, far below where the reader was."""
    tenant = uuid4()
    async with (
        connect(server.address) as backend,
        backend.events.subscribe(EventPattern.all(tenant)) as events,
    ):
        for number in range(20):
            await backend.events.publish(numbered(tenant, number))
            assert (await anext(events)).data == number
        old = events.cursor
        await server.kill()
        await server.restart()
        while True:
            with suppress(PublishError):
                await backend.events.publish(numbered(tenant, 20))
                break
        assert (await anext(events)).data == 20
        assert isinstance(old, str)
        with pytest.raises(InvalidCursor):
            await read(backend, tenant, 1, old)
        assert await read(backend, tenant, 1, START) == [(20, events.cursor)]


async def test_a_purge_expires_the_beginning_of_a_key_that_was_empty(
    backend: ReplayBackend,
) -> None:
    """A reader that saw nothing of it is told that something is gone."""
    event = StreamEvent(
        task_execution_id="",
        workflow_execution_id="run-1",
        sequence=0,
        event_type=StreamEventType.TOKEN,
        payload="Hi",
        timestamp_ms=0,
    )
    async with backend.streams.subscribe("run-1") as live:
        beginning = live.beginning  # type: ignore[attr-defined]  # because: only servers use it
    async with backend.streams.subscribe("run-1", since=beginning):
        pass
    await backend.streams.publish(event)
    await backend.streams.purge("run-1")
    with pytest.raises(CursorExpired):
        async with backend.streams.subscribe("run-1", since=beginning):
            pass
    async with backend.streams.subscribe("run-1") as live:
        after = live.beginning  # type: ignore[attr-defined]  # because: only servers use it
    await backend.streams.publish(event)
    for since in (after, START):
        async with backend.streams.subscribe("run-1", since=since) as again:
            assert await anext(again) == event


async def test_a_server_that_is_alone_keeps_the_only_copy(server: NatsServer) -> None:
    async with connect(server.address, replicas=3) as backend:
        tenant = uuid4()
        await backend.events.publish(numbered(tenant, 1))
        assert [data for data, _ in await read(backend, tenant, 1, START)] == [1]


async def test_a_server_that_does_not_answer_accuses_no_cursor(
    server: NatsServer, backend: ReplayBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = uuid4()
    await backend.events.publish(numbered(tenant, 1))
    [(_, cursor)] = await read(backend, tenant, 1, START)
    assert cursor is not None
    monkeypatch.setattr(nats_jetstream, "API_TIMEOUT_S", 0.05)
    await server.pause()
    try:
        with pytest.raises(SubscribeError, match="TimeoutError"):
            await read(backend, tenant, 1, cursor)
    finally:
        await server.resume()


async def test_a_server_without_jetstream_is_refused_in_one_line() -> None:
    async with NatsServer() as plain:
        with pytest.raises(CannotConnect, match="no JetStream at "):
            async with connect(plain.address):
                pass
