"""The suite's event loops: each closes, even if its tasks resist."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from eventhook_conformance.event_loop import (
    complete,
    event_loop,
    how_stopped,
    run_in_loop,
    was_interrupted,
)


async def refuse_to_end(log: list[str]) -> None:
    """Swallows its cancellation twice, as a client that reconnects for ever does."""
    for _ in range(2):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            log.append("swallowed")
    await asyncio.get_running_loop().create_future()


def test_the_result_is_returned_and_what_is_raised_is_raised() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise LookupError("nothing there")

    assert run_in_loop(answer()) == 42
    with pytest.raises(LookupError, match="nothing there"):
        run_in_loop(fail())


@pytest.mark.timeout(30)
def test_a_task_that_swallows_its_cancellation_holds_nothing_up() -> None:
    log: list[str] = []

    async def leave_it_behind() -> str:
        asyncio.get_running_loop().create_task(refuse_to_end(log))
        await asyncio.sleep(0)
        return "done"

    assert run_in_loop(leave_it_behind(), close_limit_s=0.1) == "done"
    assert log[0] == "swallowed"


@pytest.mark.timeout(30)
def test_an_async_generator_that_never_ends_holds_nothing_up() -> None:
    async def endless() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.get_running_loop().create_future()

    async def start_it() -> None:
        generator = endless()
        await anext(generator)
        kept.append(generator)

    kept: list[object] = []
    run_in_loop(start_it(), close_limit_s=0.1)
    assert kept


def test_a_loop_serves_several_coroutines_in_turn() -> None:
    async def current() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with event_loop() as loop:
        assert complete(loop, current()) is loop
        assert complete(loop, current()) is loop
    assert loop.is_closed()


def test_an_interruption_cancels_the_coroutine_which_can_clean_up() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended: list[str] = []

    async def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_loop(wait())
        assert ended == ["cleaned up"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_interruption_does_not_wait_for_the_clean_up() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    async def resist() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.get_running_loop().create_future()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(3600)

    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_loop(resist(), close_limit_s=0.1)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("stop", "raised", "how"),
    [
        (lambda: sys.exit(0), SystemExit, "raised SystemExit(0) in a callback or a task"),
        (lambda: asyncio.get_running_loop().stop(), RuntimeError, "stopped the event loop"),
        (None, asyncio.CancelledError, None),
    ],
)
def test_who_stops_the_loop_cancels_what_runs_in_it_and_is_named(
    stop: Callable[[], None] | None, raised: type[BaseException], how: str | None
) -> None:
    told: list[object] = []

    async def wait() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        loop.call_soon(stop or task.cancel)
        try:
            await loop.create_future()
        finally:
            await asyncio.sleep(0)  # it has the time to end in order
            told.append((how_stopped(), was_interrupted()))

    with pytest.raises(raised):
        run_in_loop(wait())
    assert told == [(how, False)]
