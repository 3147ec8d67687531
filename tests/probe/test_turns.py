"""A case that waits for long lends its turn."""

from __future__ import annotations

import asyncio
import time

import pytest

from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.turns import Turn, current, lending

pytestmark = pytest.mark.asyncio


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def broken(timeout_s: float) -> Deadline:
    """Returns the deadline of a target that let a wait run out."""
    deadline = Deadline(timeout_s)
    await deadline.wait(never(), timeout_s=0.001)
    return deadline


def work(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


async def test_a_long_wait_lends_the_turn_until_it_ends() -> None:
    seen: list[bool] = []
    turn = Turn(lambda: seen.append(turn.waits))
    turn.take()
    assert not await (await broken(0.4)).wait(never())
    assert seen == [True]
    assert not turn.waits
    assert turn.vain == 2


async def test_the_first_wait_in_vain_lends_late() -> None:
    lent: list[float] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    Turn(lambda: lent.append(loop.time() - began)).take()
    assert not await Deadline(2.0).wait(never())
    assert lent
    assert lent[0] >= 0.4


async def test_a_wait_that_is_over_soon_lends_nothing() -> None:
    lent: list[None] = []
    Turn(lambda: lent.append(None)).take()
    soon = never()
    asyncio.get_running_loop().call_soon(soon.set_result, None)
    assert await (await broken(60.0)).wait(soon)
    assert not lent


async def test_what_came_while_others_ran_may_have_been_helped() -> None:
    late = never()
    turn = Turn(lambda: late.set_result(None))
    turn.take()
    assert await (await broken(60.0)).wait(late)
    assert turn.helped


async def test_while_something_comes_the_turn_is_kept() -> None:
    lent: list[None] = []
    Turn(lambda: lent.append(None)).take()
    count = 0

    def rising() -> int:
        nonlocal count
        count += 1
        return count

    with lending(0.02, rising):
        await asyncio.sleep(0.2)
    assert not lent


async def test_while_this_process_works_the_turn_is_kept() -> None:
    lent: list[None] = []
    Turn(lambda: lent.append(None)).take()
    with lending(0.02):
        for _ in range(40):
            work(0.004)
            await asyncio.sleep(0)
    assert not lent


async def test_a_wait_for_a_place_is_lent_at_once() -> None:
    turn = Turn()
    turn.take()
    with lending(0.0):
        await asyncio.sleep(0)
        assert turn.waits
    assert not turn.waits


async def test_without_a_case_nothing_is_lent() -> None:
    with lending(0.0):
        await asyncio.sleep(0)
        assert not current().waits


async def test_several_waits_in_vain_shorten_those_of_their_own_case_further() -> None:
    deadline = Deadline(3.0)
    turn = Turn()
    turn.take()
    for _ in range(8):
        await deadline.wait(never(), timeout_s=0.001)
    assert deadline.current_s == pytest.approx(0.05)
    Turn().take()
    assert deadline.current_s == pytest.approx(0.6)


async def test_of_several_waits_the_first_lends_and_the_last_takes_back() -> None:
    told: list[str] = []
    Turn(lambda: told.append("lent"), taken_back=lambda: told.append("taken back")).take()
    with lending(0.0):
        await asyncio.sleep(0.01)
        with lending(0.0):
            await asyncio.sleep(0.01)
        assert told == ["lent"]
    assert told == ["lent", "taken back"]


async def test_a_case_that_can_be_confirmed_gives_up_sooner_and_says_so() -> None:
    deadline = Deadline(3.0)
    turn = Turn(pace="hasty")
    turn.take()
    for _ in range(4):
        await deadline.wait(never(), timeout_s=0.001)
    Turn(pace="hasty").take()
    assert deadline.current_s == pytest.approx(0.1)
    assert not current().hasty_s
    assert not await deadline.wait(never())
    assert current().hasty_s == pytest.approx(0.1)


async def test_a_wait_under_way_is_cut_with_all_others() -> None:
    deadline = Deadline(20.0)
    Turn(pace="hasty").take()
    waiting = asyncio.create_task(deadline.wait(never()))
    await asyncio.sleep(0)
    for _ in range(4):
        await deadline.wait(never(), timeout_s=0.001)
    assert not await asyncio.wait_for(waiting, 15)


async def test_what_is_judged_again_waits_in_full() -> None:
    deadline = Deadline(3.0)
    for _ in range(4):
        await deadline.wait(never(), timeout_s=0.001)
    Turn(pace="patient").take()
    assert deadline.current_s == 3.0
    await deadline.wait(never(), timeout_s=0.001)
    assert deadline.current_s == pytest.approx(0.1)
