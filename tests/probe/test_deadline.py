"""The length of waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from eventhook_conformance.probe.deadline import Deadline

pytestmark = pytest.mark.asyncio


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_wait_ends_with_its_task() -> None:
    done = never()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    assert await Deadline(60).wait(done)


async def test_wait_that_runs_out_cancels_nothing() -> None:
    future = never()
    assert not await Deadline(0.01).wait(future)
    assert not future.cancelled()


async def test_progress_prolongs_the_wait() -> None:
    future, count = never(), 0
    loop = asyncio.get_running_loop()

    def advance() -> None:
        nonlocal count
        count += 1
        if count == 5:
            future.set_result(None)
        else:
            loop.call_later(0.03, advance)

    loop.call_later(0.03, advance)
    assert await Deadline(0.06).wait(future, progress=lambda: count)


async def test_waits_in_vain_shorten_the_next_ones() -> None:
    deadline = Deadline(0.05)
    for _ in range(4):
        assert deadline.current_s == 0.05
        await deadline.wait(never(), timeout_s=0.001)
    assert deadline.current_s == pytest.approx(0.01)


async def test_no_wait_is_shorter_than_a_full_queue_takes() -> None:
    deadline = Deadline(0.05)
    deadline.queue_s = 0.2
    assert deadline.current_s == 0.2
    for _ in range(16):
        await deadline.wait(never(), timeout_s=0.001)
    assert deadline.current_s == 0.2


async def test_but_never_below_five_times_the_slowest_arrival() -> None:
    deadline = Deadline(1.0)
    slow = never()
    asyncio.get_running_loop().call_later(0.05, slow.set_result, None)
    await deadline.wait(slow)
    for _ in range(4):
        await deadline.wait(never(), timeout_s=0.001)
    assert 0.2 <= deadline.current_s <= 1.0


async def test_wait_for_what_is_done_costs_nothing() -> None:
    deadline, done = Deadline(0.0), never()
    done.set_result(None)
    assert await deadline.wait(done)
    assert deadline._vain == 0


async def test_time_in_which_the_loop_stood_still_is_not_waited() -> None:
    """As on a busy machine: an event right after the limit is still in time."""
    loop = asyncio.get_running_loop()
    late = never()
    loop.call_later(0.01, time.sleep, 0.3)
    loop.call_later(0.05, late.set_result, None)
    assert await Deadline(0.2).wait(late)


async def test_looks_in_vain_shorten_later_looks_alone() -> None:
    deadline = Deadline(3.0)
    assert deadline.looks_long
    for _ in range(4):
        assert not await deadline.glance(never())
    assert not deadline.looks_long
    assert deadline.glance_s < 0.1
    assert deadline.current_s == 3.0
    done = never()
    done.set_result(None)
    assert await deadline.glance(done)
    assert deadline.looks_long
