"""Tasks that take their first step at once."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from eventhook_conformance.kit.eager import start_now

pytestmark = pytest.mark.asyncio

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="none")


async def test_first_step_is_taken_at_once_as_the_tasks_own() -> None:
    log: list[object] = []
    caller = asyncio.current_task()

    async def work() -> str:
        log.append(asyncio.current_task())
        MARK.set("inside")
        await asyncio.sleep(0)
        log.append(asyncio.current_task())
        return MARK.get()

    task = start_now(work())
    assert log == [task]
    assert asyncio.current_task() is caller
    assert await task == "inside"
    assert log == [task, task]
    assert MARK.get() == "none"


async def test_what_never_waits_is_done_at_once() -> None:
    async def work() -> int:
        return 7

    assert await start_now(work()) == 7


async def test_what_the_first_step_raises_reaches_whoever_awaits() -> None:
    async def work() -> None:
        raise OSError("no")

    task = start_now(work())
    with pytest.raises(OSError, match="no"):
        await task


async def test_cancelled_before_its_next_turn_ends_where_it_waits() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    task = start_now(work())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["cancelled"]


async def test_first_wait_may_be_over_before_the_task_runs_again() -> None:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> int:
        return await done

    task = start_now(work())
    done.set_result(3)
    assert await task == 3
