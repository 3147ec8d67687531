"""The buffer between a bus and one reader."""

import asyncio
from collections.abc import Callable

import pytest

from eventhook_conformance.contract import SubscriptionLost
from eventhook_reference.channel import Channel

pytestmark = pytest.mark.asyncio


async def waiting_read(channel: Channel[int]) -> asyncio.Task[int]:
    """Returns a read that already waits."""
    read = asyncio.ensure_future(anext(channel))
    await asyncio.sleep(0)
    return read


async def drain(channel: Channel[int]) -> list[int]:
    return [event async for event in channel]


async def test_reads_in_order() -> None:
    channel: Channel[int] = Channel(10)
    for number in range(5):
        channel.push(number)
    channel.finish()
    assert await drain(channel) == [0, 1, 2, 3, 4]


async def test_overflow_drops_the_oldest_and_counts_them() -> None:
    channel: Channel[int] = Channel(3)
    for number in range(8):
        channel.push(number)
    channel.finish()
    assert channel.dropped == 5
    assert await drain(channel) == [5, 6, 7]


async def test_waiting_read_gets_the_next_event() -> None:
    channel: Channel[int] = Channel(3)
    read = await waiting_read(channel)
    channel.push(1)
    assert await read == 1
    assert channel.dropped == 0


async def test_cancelled_read_consumes_nothing() -> None:
    channel: Channel[int] = Channel(3)
    read = await waiting_read(channel)
    read.cancel()
    channel.push(1)
    with pytest.raises(asyncio.CancelledError):
        await read
    assert await anext(channel) == 1


async def test_read_cancelled_in_the_tick_of_its_event_consumes_nothing() -> None:
    channel: Channel[int] = Channel(3)
    read = await waiting_read(channel)
    channel.push(1)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    assert await anext(channel) == 1


async def test_a_read_may_follow_a_cancelled_one_at_once() -> None:
    channel: Channel[int] = Channel(3)
    cancelled = await waiting_read(channel)
    cancelled.cancel()
    read = await waiting_read(channel)
    channel.push(1)
    assert await read == 1


async def test_second_reader_is_refused() -> None:
    channel: Channel[int] = Channel(3)
    read = await waiting_read(channel)
    with pytest.raises(RuntimeError, match="another read is waiting"):
        await anext(channel)
    channel.push(1)
    assert await read == 1


async def test_finish_lets_the_buffer_be_read_first() -> None:
    channel: Channel[int] = Channel(3)
    channel.push(1)
    channel.finish()
    channel.push(2)
    assert await drain(channel) == [1]
    assert await drain(channel) == []


async def test_leave_discards_the_buffer() -> None:
    channel: Channel[int] = Channel(3)
    channel.push(1)
    channel.leave()
    channel.push(2)
    assert await drain(channel) == []


@pytest.mark.parametrize("end", [Channel.finish, Channel.leave])
async def test_ending_wakes_a_waiting_read(end: Callable[[Channel[int]], None]) -> None:
    channel: Channel[int] = Channel(3)
    read = await waiting_read(channel)
    end(channel)
    with pytest.raises(StopAsyncIteration):
        await read


async def test_loss_is_raised_after_the_buffer_and_every_time() -> None:
    channel: Channel[int] = Channel(3)
    channel.push(1)
    channel.lose(SubscriptionLost("the server is gone for good"))
    assert await anext(channel) == 1
    for _ in range(2):
        with pytest.raises(SubscriptionLost, match="gone for good"):
            await anext(channel)


async def test_leaving_a_lost_subscription_ends_it() -> None:
    channel: Channel[int] = Channel(3)
    channel.lose(SubscriptionLost("the server is gone for good"))
    channel.leave()
    assert await drain(channel) == []


async def test_push_asks_for_a_turn_only_while_a_woken_reader_has_not_run() -> None:
    channel: Channel[int] = Channel(4)
    assert not any(channel.push(number) for number in range(9)), "nobody reads"
    channel = Channel(4)
    read = await waiting_read(channel)
    assert [channel.push(number) for number in range(4)] == [False, False, True, True]
    assert await read == 0
    assert not channel.push(4)
