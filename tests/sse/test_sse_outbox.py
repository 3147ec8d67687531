"""The outbox of one reader: in order, bounded on each side, and known to be idle or not."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_reference.sse.outbox import AT_ONCE_BYTES, Outbox, Side

pytestmark = pytest.mark.asyncio


async def test_what_is_there_is_taken_at_once_and_in_order() -> None:
    outbox = Outbox()
    outbox.put(b"1", Side.STREAMS)
    outbox.put(b"2", Side.EVENTS)
    outbox.put(b"3", Side.STREAMS)
    assert await outbox.take() == b"123"


async def test_one_write_stays_small_whatever_waits() -> None:
    outbox = Outbox()
    big = b"x" * (AT_ONCE_BYTES // 2)
    for frame in (big * 3, big, big, b"last"):
        outbox.put(frame, Side.STREAMS)
    outbox.close()
    assert [await outbox.take() for _ in range(4)] == [big * 3, big * 2, b"last", None]


async def test_the_taker_waits_for_something() -> None:
    outbox = Outbox()
    taking = outbox.take()
    assert not taking.done()
    outbox.put(b"1", Side.STREAMS)
    outbox.put(b"2", Side.STREAMS)
    outbox.put(b"3", Side.STREAMS)
    assert [await taking, await outbox.take()] == [b"1", b"23"]


async def test_a_taker_that_was_cancelled_takes_nothing() -> None:
    outbox = Outbox()
    outbox.take().cancel()
    outbox.put(b"1", Side.STREAMS)
    assert await asyncio.wait_for(outbox.take(), 1) == b"1"


async def test_beyond_its_room_the_oldest_of_the_same_side_gives_way() -> None:
    outbox = Outbox(streams=2, events=3)
    outbox.put(b"a", Side.EVENTS)
    for number in range(10):
        outbox.put(b"%d" % number, Side.STREAMS)
    outbox.put(b"b", Side.EVENTS)
    assert await outbox.take() == b"a89b"
    for letter in (b"a", b"b", b"c", b"d"):
        outbox.put(letter, Side.EVENTS)
        outbox.put(b"1", Side.STREAMS)
    assert await outbox.take() == b"bc1d1"


async def test_what_is_in_comes_before_the_end_and_nothing_after_it() -> None:
    outbox = Outbox()
    outbox.put(b"1", Side.STREAMS)
    outbox.close()
    outbox.put(b"2", Side.STREAMS)
    assert await outbox.take() == b"1"
    assert await outbox.take() is None


async def test_closing_wakes_the_taker() -> None:
    outbox = Outbox()
    taking = outbox.take()
    outbox.close()
    assert await asyncio.wait_for(taking, 1) is None
    outbox.put(b"too late", Side.STREAMS)
    assert await asyncio.wait_for(outbox.take(), 1) is None


async def test_a_comment_goes_in_only_where_nothing_is_on_its_way() -> None:
    outbox = Outbox()
    outbox.put(b"1", Side.STREAMS)
    outbox.put_if_idle(b": before it is taken\n\n")
    assert await outbox.take() == b"1"
    outbox.put_if_idle(b": before it is written\n\n")
    taking = outbox.take()
    outbox.put_if_idle(b": now\n\n")
    outbox.put_if_idle(b": not twice\n\n")
    assert await asyncio.wait_for(taking, 1) == b": now\n\n"
    assert not outbox.take().done()
