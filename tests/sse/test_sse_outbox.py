"""What waits for one reader: in order, bounded, and known to be idle or not."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_reference.sse.outbox import Outbox

pytestmark = pytest.mark.asyncio


async def test_what_is_there_is_taken_at_once_and_in_order() -> None:
    outbox = Outbox()
    assert outbox.offer(b"1")
    await outbox.put(b"2")
    assert await outbox.take() == b"12"


async def test_the_taker_waits_for_something() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert outbox.offer(b"1")
    assert outbox.offer(b"2")
    assert await asyncio.wait_for(taking, 1) == b"12"


async def test_a_taker_that_is_cancelled_takes_nothing() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.offer(b"1")
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    assert await asyncio.wait_for(outbox.take(), 1) == b"1"


async def test_there_is_no_room_beyond_the_limit() -> None:
    outbox = Outbox(2)
    assert outbox.offer(b"12")
    assert not outbox.offer(b"3")
    putting = asyncio.create_task(outbox.put(b"3"))
    await asyncio.sleep(0)
    assert not putting.done()
    assert await outbox.take() == b"12"
    await asyncio.wait_for(putting, 1)
    assert await outbox.take() == b"3"


async def test_what_is_in_comes_before_the_end() -> None:
    outbox = Outbox()
    outbox.offer(b"1")
    outbox.close()
    assert await outbox.take() == b"1"
    assert await outbox.take() is None


async def test_closing_wakes_the_taker() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.close()
    assert await asyncio.wait_for(taking, 1) is None


async def test_it_is_settled_once_what_was_taken_is_written() -> None:
    outbox = Outbox()
    outbox.offer(b"1")
    settling = asyncio.create_task(outbox.settled())
    assert await outbox.take() == b"1"
    await asyncio.sleep(0)
    assert not settling.done()
    outbox.put_if_idle(b": not now\n\n")
    taking = asyncio.create_task(outbox.take())
    await asyncio.wait_for(settling, 1)
    assert not taking.done()
    outbox.put_if_idle(b": now\n\n")
    assert await asyncio.wait_for(taking, 1) == b": now\n\n"
