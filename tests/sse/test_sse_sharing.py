"""One feed for those who ask for the same: opened once, closed with the last, nobody held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from eventhook_conformance.contract import (
    FlovynEvent,
    SubscribeError,
)
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.memory import MemoryBackend, MemoryBus, open_client
from eventhook_reference.sse.feed import Encoders
from eventhook_reference.sse.feeds import WorkflowFeed
from eventhook_reference.sse.outbox import ROOM, Outbox, Side
from eventhook_reference.sse.sharing import Feeds
from eventhook_reference.sse.types import TypesFilter
from sse.serving import running, token

pytestmark = pytest.mark.asyncio

TENANT, WORKFLOW = uuid4(), uuid4()
LIMIT_S = 2.0


class Gated(WorkflowFeed):
    """A feed that opens when it is told to, or not at all."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gate = asyncio.Event()
        self.opened = 0
        self.refused: Exception | None = None

    async def open(self) -> None:
        self.opened += 1
        await self.gate.wait()
        if self.refused is not None:
            raise self.refused
        await super().open()


class WeightedLimiter:
    """The feeds of one server, and those that were made."""

    def __init__(self, backend: MemoryBackend) -> None:
        self.backend = backend
        self.registry = Registry()
        self.registry.add_workflow(WORKFLOW, TENANT, "order", None)
        self.feeds = Feeds()
        self.made: list[Gated] = []

    def make(self) -> Gated:
        feed = Gated(self.backend, self.registry, Encoders(), TypesFilter(), TENANT, WORKFLOW)
        feed.gate.set()
        self.made.append(feed)
        return feed

    def shut(self) -> Gated:
        feed = self.make()
        feed.gate.clear()
        return feed

    def reading(self, key: object = "same", make: Callable[[], Gated] | None = None) -> Any:
        return self.feeds.reading(key, make or self.make)

    async def tell(self, payload: str) -> None:
        await self.backend.streams.publish(token(WORKFLOW, payload))

    async def active(self) -> int:
        await self.backend.cleanup_inactive_channels()
        counts = await self.backend.active_channels()
        return counts.events + counts.streams


@asynccontextmanager
async def room() -> AsyncIterator[WeightedLimiter]:
    async with open_client(MemoryBus()) as backend:
        yield WeightedLimiter(backend)


async def taken(outbox: Outbox) -> str:
    body = await asyncio.wait_for(outbox.take(), LIMIT_S)
    return "the end" if body is None else body.decode()


async def test_those_who_ask_for_the_same_share_a_feed_and_each_get_everything() -> None:
    async with room() as one:
        async with one.reading() as first, one.reading() as second, one.reading("other") as third:
            assert len(one.made) == 2
            await one.tell("hello")
            frames = {await taken(outbox) for outbox in (first, second, third)}
            assert frames == {"event: token\ndata: hello\nid: 1\n\n"}
        assert await one.active() == 0


async def test_the_last_one_closes_it_whoever_came_first() -> None:
    async with room() as one:
        async with AsyncExitStack() as first_leaves:
            await first_leaves.enter_async_context(one.reading())
            async with one.reading() as second:
                await first_leaves.aclose()
                await one.tell("still there?")
                assert "still there?" in await taken(second)
        assert await one.active() == 0
        async with one.reading() as third:
            await one.tell("again")
            assert "again" in await taken(third)
        assert len(one.made) == 2


async def test_nobody_is_let_in_before_it_is_open() -> None:
    async with room() as one:
        entering = [asyncio.create_task(_first(one)) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert [task.done() for task in entering] == [False] * 3
        assert [feed.opened for feed in one.made] == [1]
        one.made[0].gate.set()
        await asyncio.sleep(0.01)
        await one.tell("open")
        assert all("open" in text for text in await asyncio.gather(*entering))


async def _first(one: WeightedLimiter) -> str:
    async with one.reading(make=one.shut) as outbox:
        return await taken(outbox)


async def test_who_gives_up_while_it_opens_keeps_it_from_nobody() -> None:
    async with room() as one:
        impatient, patient = (asyncio.create_task(_first(one)) for _ in range(2))
        await asyncio.sleep(0.01)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        one.made[0].gate.set()
        await asyncio.sleep(0.01)
        await one.tell("open")
        assert "open" in await patient
        assert len(one.made) == 1


async def test_given_up_by_all_it_leaves_nothing() -> None:
    async with room() as one:
        waiting = [asyncio.create_task(_first(one)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await one.active() == 0
        async with one.reading() as outbox:
            await one.tell("a new one")
            assert "a new one" in await taken(outbox)


async def test_a_bus_that_refuses_refuses_all_and_the_next_one_asks_again() -> None:
    async with room() as one:
        waiting = [asyncio.create_task(_first(one)) for _ in range(3)]
        await asyncio.sleep(0.01)
        one.made[0].refused = SubscribeError("no more subscriptions here")
        one.made[0].gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [SubscribeError] * 3
        async with one.reading() as outbox:
            await one.tell("and now?")
            assert "and now?" in await taken(outbox)


async def test_who_joins_is_not_given_what_came_before() -> None:
    async with room() as one, one.reading() as first:
        await one.tell("before")
        async with one.reading() as second:
            await one.tell("after")
            assert "before" in await taken(first)
            assert "before" not in await taken(second)


async def test_a_feed_about_to_end_is_not_joined() -> None:
    async with room() as one, one.reading() as first:
        ended = FlovynEvent.new(TENANT, "workflow.completed", "system", {}).with_workflow(WORKFLOW)
        await one.backend.events.publish(ended)
        assert "workflow.completed" in await taken(first)
        async with one.reading() as second:
            await one.tell("told after the end")
            assert "told after the end" in await taken(second)
            assert len(one.made) == 2


async def test_a_server_that_ends_ends_all_streams_and_those_to_come() -> None:
    async with room() as one, one.reading() as first:
        one.feeds.finish()
        assert await taken(first) == "the end"
        async with one.reading() as second:
            assert await taken(second) == "the end"


async def test_one_who_does_not_read_holds_up_nobody_and_keeps_its_last_word() -> None:
    async with room() as one, one.reading() as stalled, one.reading() as reading:
        known = FlovynEvent.new(TENANT, "task.created", "system", {}).with_workflow(WORKFLOW)
        await one.backend.events.publish(known)
        assert "task.created" in await taken(reading)
        for number in range(1000):
            await one.tell(f"<{number}>")
            assert f"<{number}>" in await taken(reading)
        kept = await taken(stalled)
        assert "task.created" in kept
        assert "<999>" in kept
        assert kept.count("event: token") == ROOM[Side.STREAMS]


async def test_a_flood_of_events_overruns_nobody_who_reads() -> None:
    async with room() as one, AsyncExitStack() as leaving:
        outboxes = [await leaving.enter_async_context(one.reading()) for _ in range(3)]
        reading = [asyncio.create_task(_all(outbox, 5000)) for outbox in outboxes]
        for number in range(5000):
            await one.tell(f"<{number}>")
        assert await asyncio.wait_for(asyncio.gather(*reading), LIMIT_S) == [5000] * 3


async def _all(outbox: Outbox, number: int) -> int:
    seen = 0
    while seen < number:
        seen += (await outbox.take() or b"").count(b"event: token")
    return seen


async def test_other_tenants_and_other_types_are_other_feeds() -> None:
    """The application's own key: readers share a feed by stream, filter and tenant."""
    async with running() as server:
        workflow = await server.workflow()
        path, headers = server.path(workflow), server.tenant.headers
        async with AsyncExitStack() as leaving:
            every, tokens, again = [
                await leaving.enter_async_context(server.client.stream(path + query, headers))
                for query in ("", "?types=token", "?types=TOKEN,token")
            ]
            await server.backend.events.publish(
                FlovynEvent.new(server.tenant.id, "task.created", "system", {}).with_workflow(
                    workflow
                )
            )
            await server.backend.streams.publish(token(workflow, "hello"))
            for reading, number in ((every, 2), (tokens, 1), (again, 1)):
                here = partial(_has, reading.received, number)
                await asyncio.wait_for(reading.until(here), LIMIT_S)
                names = [one.event.type for one in reading.received]
                assert names.count("token") == 1
                assert ("task.created" in names) == (number == 2)


def _has(received: list[Any], number: int) -> bool:
    return len(received) >= number
