"""Misdeeds that turn the event loop against the suite."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from typing import Any

from engine.misdeeds.raising import Odd, raising
from engine.misdeeds.registry import kept, misdeed


async def _a_turn() -> None:
    await asyncio.sleep(0)


@misdeed
def exits_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 0)


@misdeed
def interrupts_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(raising(KeyboardInterrupt("no")))


@misdeed
def fails_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(raising(Odd("no")))


@misdeed
def exits_in_a_task() -> None:
    async def leave() -> None:
        sys.exit(0)

    kept.append(asyncio.get_running_loop().create_task(leave()))


@misdeed
def stops_the_loop() -> None:
    asyncio.get_running_loop().stop()


@misdeed
def closes_the_loop() -> None:
    loop = asyncio.get_running_loop()
    loop.stop()
    loop._closed = True  # type: ignore[attr-defined]  # because: it is a misdeed
    loop._selector.close()  # type: ignore[attr-defined]  # because: as above


@misdeed
def forgets_the_loop() -> None:
    asyncio.set_event_loop(None)
    asyncio.set_event_loop_policy(None)
    asyncio._set_running_loop(None)


@misdeed
def stops_the_clock_of_the_loop() -> None:
    asyncio.get_running_loop().time = lambda: 0.0  # type: ignore[method-assign]  # because: it is a misdeed


@misdeed
def clears_the_schedule() -> None:
    loop: Any = asyncio.get_running_loop()
    loop._scheduled.clear()
    loop._ready.clear()


@misdeed
def breaks_the_exception_handler() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(raising(Odd("no")))
    loop.call_soon(raising(ValueError("no")))


@misdeed
def cancels_its_caller() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


@misdeed
def cancels_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


@misdeed
def closes_all_coroutines() -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        with suppress(BaseException):
            task.get_coro().close()


@misdeed
def closes_the_run() -> None:
    first = min(asyncio.all_tasks(), key=lambda one: int(one.get_name().rpartition("-")[2]))
    with suppress(BaseException):
        first.get_coro().close()


@misdeed
def mutes_all_tasks() -> None:
    for task in asyncio.all_tasks():
        waiter: Any = getattr(task, "_fut_waiter", None)
        for callback, _ in list(getattr(waiter, "_callbacks", None) or ()):
            waiter.remove_done_callback(callback)


@misdeed
async def never_returns() -> None:
    await asyncio.get_running_loop().create_future()


@misdeed
async def cannot_be_cancelled() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


@misdeed
async def cannot_be_closed() -> None:
    while True:
        with suppress(BaseException):
            await asyncio.sleep(3600)


@misdeed
async def never_pauses() -> None:
    while True:
        await _a_turn()


@misdeed
def floods_the_loop() -> None:
    loop = asyncio.get_running_loop()

    def again() -> None:
        loop.call_soon(again)
        loop.call_soon(time.sleep, 0.001)

    again()
