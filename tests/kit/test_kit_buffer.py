"""The kit's buffer: every policy, exact counts, reads that can be cancelled, every way to end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eventhook_conformance.contract import SubscriptionLost
from eventhook_conformance.kit import Buffer

pytestmark = pytest.mark.asyncio


async def drained(buffer: Buffer[int]) -> list[int]:
    buffer.finish()
    return [event async for event in buffer]


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [
        ("drop_oldest", [3, 4, 5, 6, 7], 3),
        ("drop_newest", [0, 1, 2, 3, 4], 3),
        ("unbounded", list(range(8)), 0),
    ],
)
async def test_each_policy_keeps_and_counts_exactly(
    overflow: Any, kept: list[int], dropped: int
) -> None:
    buffer: Buffer[int] = Buffer(5, overflow)
    for number in range(5):
        await buffer.push(number)
    assert buffer.dropped == 0
    for number in range(5, 8):
        await buffer.push(number)
    assert (len(buffer), buffer.dropped) == (len(kept), dropped)
    assert await drained(buffer) == kept


async def test_block_holds_the_publisher_until_there_is_room() -> None:
    buffer: Buffer[int] = Buffer(2, "block")
    for number in range(2):
        await buffer.push(number)

    async def publish(number: int) -> None:
        await buffer.push(number)

    waiting = [asyncio.create_task(publish(number)) for number in (2, 3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    assert await anext(buffer) == 0
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)  # there are still more than two
    assert await anext(buffer) == 1
    await asyncio.gather(*waiting)
    assert buffer.dropped == 0
    assert await drained(buffer) == [2, 3]


@pytest.mark.parametrize("end", ["leave", "finish", "lose"])
async def test_an_end_lets_blocked_publishers_go(end: str) -> None:
    buffer: Buffer[int] = Buffer(1, "block")
    await buffer.push(0)

    async def publish() -> None:
        await buffer.push(1)

    waiting = asyncio.create_task(publish())
    cancelled = asyncio.create_task(publish())
    await asyncio.sleep(0)
    cancelled.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert cancelled.cancelled()
    assert not waiting.done()
    if end == "lose":
        buffer.lose(SubscriptionLost("gone"))
    else:
        getattr(buffer, end)()
    await asyncio.wait_for(waiting, 1)


async def test_who_cannot_wait_need_not() -> None:
    buffer: Buffer[int] = Buffer(1, "block")
    for number in range(3):
        buffer.push(number)
    assert await drained(buffer) == [0, 1, 2]


async def test_a_publisher_that_never_waits_lets_a_reader_keep_up() -> None:
    buffer: Buffer[int] = Buffer(4)
    read: list[int] = []

    async def reader() -> None:
        read.extend([event async for event in buffer])

    task = asyncio.create_task(reader())
    await asyncio.sleep(0)
    for number in range(100):
        await buffer.push(number)
    buffer.finish()
    await task
    assert read == list(range(100))
    assert buffer.dropped == 0


async def test_a_cancelled_read_takes_nothing() -> None:
    buffer: Buffer[int] = Buffer(4)
    for late in (False, True):
        read = asyncio.ensure_future(anext(buffer))
        await asyncio.sleep(0)
        if late:
            buffer.push(1)
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
    assert await anext(buffer) == 1


async def test_one_reader_at_a_time() -> None:
    buffer: Buffer[int] = Buffer(4)
    first = asyncio.ensure_future(anext(buffer))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another read is waiting"):
        await anext(buffer)
    buffer.push(1)
    assert await first == 1


async def test_every_way_to_end() -> None:
    buffer: Buffer[int] = Buffer(4)
    buffer.push(1)
    buffer.lose(SubscriptionLost("the server is gone"))
    buffer.push(2)
    assert await anext(buffer) == 1
    for _ in range(2):
        with pytest.raises(SubscriptionLost, match="the server is gone"):
            await anext(buffer)
    buffer.leave()
    with pytest.raises(StopAsyncIteration):
        await anext(buffer)
    left: Buffer[int] = Buffer(4)
    left.push(1)
    waiting = asyncio.ensure_future(anext(left))
    assert await waiting == 1
    waiting = asyncio.ensure_future(anext(left))
    await asyncio.sleep(0)
    left.leave()
    with pytest.raises(StopAsyncIteration):
        await waiting


@pytest.mark.parametrize(("capacity", "overflow"), [(0, "drop_oldest"), (1, "drop")])
async def test_what_is_no_buffer(capacity: int, overflow: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        Buffer(capacity, overflow)
