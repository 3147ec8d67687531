"""The kit over a bus with a history: its beginning, its limits, and that nothing of it is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from uuid import uuid4

import pytest

from eventhook_conformance import (
    LIVE,
    START,
    Capabilities,
    EventPattern,
    FlovynEvent,
    InvalidCursor,
    Since,
    Unsupported,
)
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.kit import Adapter, Buffer, Kind, Sink
from eventhook_conformance.target import Target

CLAIMS = Capabilities(
    profiles={"events", "streams", "replay"},
    replay={"events", "streams"},
    replay_events=None,
    replay_s=3600.0,
    introspection=False,
)


class Log:
    """A bus as a client library might have it: lists, and callbacks."""

    def __init__(self) -> None:
        self.lists: dict[tuple[str, str], list[bytes]] = {}
        self.sinks: dict[tuple[str, str], list[Sink]] = {}


class Client(Adapter):
    """The vendor's part: five methods."""

    def __init__(self, log: Log) -> None:
        super().__init__(CLAIMS)
        self.log = log

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        bodies = self.log.lists.setdefault((kind, key), [])
        bodies.append(body)
        for sink in self.log.sinks.get((kind, key), ()):
            sink(body, str(len(bodies)))

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        sinks = self.log.sinks.setdefault((kind, key), [])
        sinks.append(sink)
        try:
            yield
        finally:
            sinks.remove(sink)

    @asynccontextmanager
    async def history(self, kind: Kind, key: str, since: Since, sink: Sink) -> AsyncIterator[None]:
        bodies = self.log.lists.setdefault((kind, key), [])
        begin = 0
        if isinstance(since, str):
            if not since.isdecimal() or int(since) > len(bodies):
                raise InvalidCursor(f"expected a number up to {len(bodies)}, got {since!r}")
            begin = int(since)
        pumping = asyncio.create_task(self.pump(bodies, begin, sink, kind, key))
        try:
            yield
        finally:
            pumping.cancel()
            sinks = self.log.sinks.get((kind, key), [])
            if sink in sinks:
                sinks.remove(sink)

    async def pump(self, bodies: list[bytes], begin: int, sink: Sink, kind: Kind, key: str) -> None:
        while begin < len(bodies):
            begin += 1
            await sink.replay(bodies[begin - 1], str(begin))
        self.log.sinks.setdefault((kind, key), []).append(sink)

    async def disconnect(self) -> None: ...


def target() -> Target:
    log = Log()
    return Target("log", open=lambda: Client(log), capabilities=CLAIMS)


@pytest.mark.parametrize(
    "identifier", [f"RPL-{number:02}" for number in (1, 2, 3, 4, 5, 9, 12, 14)]
)
def test_a_history_of_the_vendors_is_judged_as_any_other(identifier: str) -> None:
    short = [one for one in cases_for([identifier]) if "thousand" not in one.id]
    result = judge(target(), instances=short)
    assert [
        case.message for case in result.cases if case.outcome not in ("passed", "not_claimed")
    ] == []
    outcomes = {one.requirement.id: one.outcome for one in result.requirement_results()}
    assert outcomes[identifier] == "passed"


class Plain(Adapter):
    """A bus without history."""

    async def send(self, kind: Kind, key: str, body: bytes) -> None: ...

    def attach(self, kind: Kind, key: str, sink: Sink) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def disconnect(self) -> None: ...


@pytest.mark.asyncio
async def test_a_bus_without_history_begins_live_alone() -> None:
    async with Plain() as client:
        pattern = EventPattern.all(uuid4())
        async with client.events.subscribe(pattern, since=LIVE):
            pass
        with pytest.raises(Unsupported, match="keeps no history"):
            async with client.events.subscribe(pattern, since=START):
                pass
        with pytest.raises(InvalidCursor, match="visible ASCII"):
            async with client.events.subscribe(pattern, since="a b"):
                pass


@pytest.mark.asyncio
async def test_history_longer_than_the_buffer_is_read_whole() -> None:
    async with Client(Log()) as client:
        tenant = uuid4()
        events = [FlovynEvent.new(tenant, "task.created", "s", n) for n in range(3000)]
        for event in events:
            await client.events.publish(event)
        async with client.events.subscribe(EventPattern.all(tenant), since=START) as subscription:
            assert [await anext(subscription) for _ in events] == events
            assert subscription.cursor == "3000"
            assert subscription.dropped == 0


@pytest.mark.asyncio
async def test_put_waits_for_room_and_takes_nothing_after_the_end() -> None:
    buffer: Buffer[int] = Buffer(1)
    await buffer.put(1, "one")
    waiting = asyncio.create_task(buffer.put(2, "two"))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await anext(buffer) == 1
    assert buffer.cursor == "one"
    await waiting
    assert await anext(buffer) == 2
    assert buffer.cursor == "two"
    buffer.leave()
    await buffer.put(3)
    assert len(buffer) == 0


@pytest.mark.asyncio
async def test_what_comes_live_pushes_no_history_out() -> None:
    buffer: Buffer[int] = Buffer(2)
    await buffer.put(1)
    await buffer.put(2)
    for number in (3, 4, 5):
        await buffer.push(number)
    assert buffer.dropped == 1
    assert [await anext(buffer) for _ in range(4)] == [1, 2, 4, 5]
    for number in (6, 7, 8):
        await buffer.push(number)
    assert [await anext(buffer) for _ in range(2)] == [7, 8]
