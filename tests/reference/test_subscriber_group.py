"""Subscriptions that share each burst: to its reader each is a channel of its own."""

import asyncio
import random
from collections import deque

import pytest

from eventhook_reference.channel import Channel
from eventhook_reference.subscriber_group import SharedChannel, SubscriberGroup

pytestmark = pytest.mark.asyncio


def unread(channel: Channel[int]) -> list[int]:
    """Returns the events that can be read without waiting."""
    found = []
    while True:
        try:
            channel.__anext__().send(None)
        except StopIteration as read:
            found.append(read.value)
        except StopAsyncIteration:
            return found
        else:
            return found


def push(crowd: SubscriberGroup[int], *numbers: int) -> list[bool]:
    return [crowd.push(number) for number in numbers]


async def test_each_gets_what_came_between_joining_and_departing() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(100)
    first = crowd.join()
    push(crowd, 1)
    second = crowd.join()
    push(crowd, 2)
    assert crowd.depart(first)
    push(crowd, 3)
    assert not crowd.depart(second)
    first.finish()
    second.finish()
    assert unread(first) == [1, 2]
    assert unread(second) == [2, 3]


async def test_one_that_overflows_costs_the_others_nothing() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(10)
    slow, fast = crowd.join(), crowd.join()
    seen = []
    for number in range(25):
        push(crowd, number)
        seen += unread(fast)
    assert (fast.dropped, slow.dropped) == (0, 15)
    assert seen == list(range(25))
    assert unread(slow) == list(range(15, 25))


async def test_dropped_counts_what_still_lies_in_the_burst() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(8)
    channel = crowd.join()
    push(crowd, *range(8))
    assert channel.dropped == 0
    push(crowd, 8)
    assert channel.dropped == 1


async def test_all_that_wait_are_woken_by_the_first_of_a_burst() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(10)
    reads = [asyncio.ensure_future(anext(crowd.join())) for _ in range(3)]
    await asyncio.sleep(0)
    push(crowd, 1, 2)
    assert await asyncio.gather(*reads) == [1, 1, 1]


async def test_a_cancelled_read_takes_nothing_and_wakes_nobody_else() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(10)
    mine, its = crowd.join(), crowd.join()
    read, other = asyncio.ensure_future(anext(mine)), asyncio.ensure_future(anext(its))
    await asyncio.sleep(0)
    push(crowd, 1)
    read.cancel()
    assert await other == 1
    assert read.cancelled()
    assert unread(mine) == [1]


async def test_a_reader_that_was_woken_and_has_not_run_needs_a_turn() -> None:
    crowd: SubscriberGroup[int] = SubscriberGroup(8)
    assert not any(push(crowd, *range(20))), "nobody reads"
    channel = crowd.join()
    read = asyncio.ensure_future(anext(channel))
    await asyncio.sleep(0)
    assert push(crowd, *range(6)) == [False, False, False, False, False, True]
    assert await read == 0
    assert not any(push(crowd, 6, 7))
    assert unread(channel) == list(range(1, 8))


@pytest.mark.parametrize("seed", range(50))
async def test_is_like_a_channel_each(seed: int) -> None:
    chance = random.Random(seed)
    capacity = chance.choice((1, 2, 3, 4, 9))
    crowd: SubscriberGroup[int] = SubscriberGroup(capacity)
    twins: list[tuple[SharedChannel[int], Channel[int]]] = []
    numbers: deque[int] = deque(range(500))
    while numbers:
        step = chance.random()
        if step < 0.1:
            twins.append((crowd.join(), Channel(capacity)))
        elif twins and step < 0.15:
            shared, single = twins.pop(chance.randrange(len(twins)))
            crowd.depart(shared)
            shared.finish()
            single.finish()
            assert unread(shared) == unread(single)
        elif twins and step < 0.3:
            shared, single = chance.choice(twins)
            assert shared.dropped == single.dropped
            assert unread(shared) == unread(single)
        else:
            number = numbers.popleft()
            crowd.push(number)
            for _, single in twins:
                single.push(number)
    assert twins
