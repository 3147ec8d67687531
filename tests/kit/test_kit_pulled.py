"""The adapter for pulled libraries: conformant over queues, and bugs of a library are found."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from eventhook_conformance.contract import (
    START,
    EventPattern,
    FlovynEvent,
    PublishError,
    SubscribeError,
    SubscriptionLost,
    Unsupported,
)
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.kit import Kind, PulledAdapter
from eventhook_conformance.results import RunResult
from eventhook_conformance.target import Capabilities, Target

CLAIMS = Capabilities(
    overflow="unbounded", total_order=True, causal_order=True, introspection=False
)
Queues = defaultdict[tuple[Kind, str], list["asyncio.Queue[bytes]"]]


class QueueFeed:
    """A library's queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.broken = False

    async def take(self) -> bytes:
        if self.broken:
            raise OSError("the connection broke")
        return await self.queue.get()

    async def rest(self) -> Sequence[bytes]:
        return [self.queue.get_nowait() for _ in range(self.queue.qsize())]


class QueueBus(PulledAdapter):
    """A library that keeps a queue for each subscriber."""

    fault = ""

    def __init__(self, queues: Queues) -> None:
        super().__init__(CLAIMS)
        self.queues = queues

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await asyncio.sleep(0)
        if self.fault == "send":
            raise OSError("no")
        for queue in list(self.queues[kind, key]):
            queue.put_nowait(body)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[QueueFeed]:
        if self.fault == "attach":
            raise OSError("no")
        feed = QueueFeed()
        feed.broken = self.fault == "take"
        self.queues[kind, key].append(feed.queue)
        try:
            yield feed
        finally:
            self.queues[kind, key].remove(feed.queue)

    async def disconnect(self) -> None:
        pass


class LosingBus(QueueBus):
    """Keeps nothing for its readers when it closes, and swaps two messages."""

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[QueueFeed]:
        async with super().attach(kind, key) as feed:
            feed.queue = asyncio.LifoQueue()
            self.queues[kind, key][-1] = feed.queue
            yield feed


def run_of(bus: type[QueueBus], *requirements: str) -> RunResult:
    queues: Queues = defaultdict(list)
    target = Target("pulled", open=lambda: bus(queues), capabilities=CLAIMS)
    return judge(target, instances=cases_for(requirements))


def test_queues_are_conformant_where_a_reader_may_go_wrong() -> None:
    result = run_of(QueueBus, "PUB-14", "PUB-17", "PUB-23")
    wrong = [f"{one.id}: {one.message}" for one in result.cases if one.outcome == "failed"]
    assert wrong == []
    assert result.summary["passed"] > 5
    assert result.kit == ("codec", "validation", "size check", "filtering", "errors")


def test_what_the_library_gets_wrong_is_seen() -> None:
    result = run_of(LosingBus, "PUB-06")
    assert "PUB-06" in {
        one.requirement.id for one in result.requirement_results() if one.outcome == "failed"
    }


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        ("send", PublishError, "the bus did not take the event: OSError: no"),
        ("attach", SubscribeError, "the bus did not take the subscription: OSError: no"),
        ("take", SubscriptionLost, "nothing can be read any more: OSError: the connection broke"),
    ],
)
def test_errors_of_the_library_become_the_contracts(
    fault: str, error: type[Exception], told: str
) -> None:
    async def main() -> None:
        async with QueueBus(defaultdict(list)) as client:
            client.fault = fault
            tenant = uuid4()
            event = FlovynEvent.new(tenant, "task.created", "tests", None)

            async def use() -> None:
                async with client.events.subscribe(EventPattern(tenant_id=tenant)) as got:
                    await client.events.publish(event)
                    await anext(got)

            with pytest.raises(error, match=told):
                await use()

    run_in_loop(main())


def test_it_offers_no_past() -> None:
    async def main() -> None:
        async with QueueBus(defaultdict(list)) as client:
            with pytest.raises(Unsupported, match="QueueBus keeps no history"):
                async with client.events.subscribe(EventPattern(tenant_id=uuid4()), since=START):
                    pass

    run_in_loop(main())
