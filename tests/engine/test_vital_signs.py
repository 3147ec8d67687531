"""Vital signs: a task of the suite that a target keeps from going on is found, and no other is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from eventhook_conformance.engine.vital_signs import VitalSigns
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.probe import containment
from eventhook_conformance.probe.deadline import Deadline

HANG_S = 60.0
"""No claim of speed: a turn takes a tenth of a second."""


def close(task: asyncio.Task[Any]) -> None:
    task.get_coro().close()


def waiter_of(task: Any) -> Any:
    return task._fut_waiter


def mute(task: asyncio.Task[Any]) -> None:
    waiter = waiter_of(task)
    for callback, _ in list(waiter._callbacks):
        waiter.remove_done_callback(callback)


def wake_in_vain(task: asyncio.Task[Any]) -> None:
    mute(task)
    waiter_of(task).set_result(None)


def nothing(_: asyncio.Task[Any]) -> None: ...


async def seen_after(act: Callable[[asyncio.Task[Any]], object]) -> list[str | None]:
    """Returns what three looks see, after something was done to a task that waits as the suite does."""
    loop = asyncio.get_running_loop()
    # A coroutine of the suite that waits for what never comes.
    task = loop.create_task(Deadline(HANG_S).wait(loop.create_future()))
    for _ in range(9):
        await asyncio.sleep(0)
    act(task)
    signs = VitalSigns(nothing_told)
    seen = []
    for _ in range(3):
        seen.append(signs.look())
        await asyncio.sleep(0)
    containment.cut_off.add(task)
    assert signs.look() is None
    task.cancel()
    with suppress(BaseException):
        await asyncio.wait({task}, timeout=0)
    return seen


def nothing_told(why: str) -> None:
    raise AssertionError(why)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (close, "it closed a coroutine of the suite (Deadline.wait)"),
        (mute, "it took away the wake-up of a coroutine of the suite (Deadline.wait)"),
        (wake_in_vain, "it took away the wake-up of a coroutine of the suite (Deadline.wait)"),
    ],
)
def test_a_task_that_cannot_go_on_is_named_at_the_second_look(
    act: Callable[[asyncio.Task[Any]], object], words: str
) -> None:
    async def look() -> None:
        assert await seen_after(act) == [None, words, words]

    # The loop has no other tasks: the changed one stays pending.
    with suppress(RuntimeError):
        run_in_loop(look(), close_limit_s=0.1)


def test_a_task_whose_coroutine_was_moved_on_by_others_is_named() -> None:
    async def look() -> None:
        condition = asyncio.Condition()
        await condition.acquire()
        task = asyncio.get_running_loop().create_task(condition.wait())
        await asyncio.sleep(0)
        await condition.acquire()
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            close(task)  # it waits for the lock then
        signs = VitalSigns(nothing_told)
        assert signs.look() is None
        assert signs.look() == "it went on with a coroutine of the suite (Condition.wait)"
        task.cancel()

    with suppress(RuntimeError):
        run_in_loop(look(), close_limit_s=0.1)


def test_a_task_that_waits_is_sound() -> None:
    async def look() -> None:
        assert await seen_after(nothing) == [None, None, None]

    run_in_loop(look())


def test_the_tasks_of_a_target_are_its_own_matter() -> None:
    async def target() -> None:
        await asyncio.get_running_loop().create_future()

    async def look() -> None:
        loop = asyncio.get_running_loop()
        within = loop.create_task(Deadline(HANG_S).wait(loop.create_task(target())))
        bare = loop.create_task(target())
        await asyncio.sleep(0)
        mute(bare)
        signs = VitalSigns(nothing_told)
        assert [signs.look(), signs.look()] == [None, None]
        bare.get_coro().close()
        assert [signs.look(), signs.look()] == [None, None]
        bare.cancel()
        within.cancel()
        await asyncio.wait({within, bare}, timeout=0)

    run_in_loop(look(), close_limit_s=0.1)


@pytest.mark.parametrize("cancelled", [False, True])
def test_turns_are_counted_until_told_to_stop(cancelled: bool) -> None:
    async def count() -> None:
        signs = VitalSigns(nothing_told)
        signs.start()
        for _ in range(2):
            before = signs.turns
            async with asyncio.timeout(HANG_S):
                while signs.turns < before + 2:  # noqa: ASYNC110  # because: it is the count that is tested
                    await asyncio.sleep(0.01)
            if cancelled and signs._task is not None:
                signs._task.cancel()
        signs.stop()
        assert signs._task is not None
        await asyncio.wait({signs._task}, timeout=HANG_S)
        assert signs._task.done()

    run_in_loop(count())


def test_turns_end_where_the_waits_of_the_suite_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async def count() -> int:
        signs = VitalSigns(nothing_told)
        with monkeypatch.context() as patched:
            patched.setattr("asyncio.tasks._release_waiter", lambda *_: None)
            signs.start()
            done = asyncio.Event()
            asyncio.get_running_loop().call_later(0.3, done.set)
            await done.wait()
        signs.stop()
        return signs.turns

    assert run_in_loop(count()) == 1


def test_one_that_is_told_says_so_once() -> None:
    async def count() -> list[str]:
        loop = asyncio.get_running_loop()
        told: list[str] = []
        task = loop.create_task(Deadline(HANG_S).wait(loop.create_future()))
        for _ in range(9):
            await asyncio.sleep(0)
        mute(task)
        signs = VitalSigns(told.append)
        signs.start()
        assert signs._task is not None
        await asyncio.wait({signs._task}, timeout=HANG_S)
        return told

    assert len(run_in_loop(count(), close_limit_s=0.1)) == 1
