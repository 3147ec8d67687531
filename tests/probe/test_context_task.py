"""Contexts of the target's, held by a task of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from eventhook_conformance.probe.containment import TargetCancelled, TargetExited
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import TargetTimeout

pytestmark = pytest.mark.asyncio

log: list[str] = []


@pytest.fixture(autouse=True)
def empty_log() -> None:
    log.clear()


@asynccontextmanager
async def context() -> AsyncIterator[str]:
    log.append("entering")
    try:
        yield "value"
    except RuntimeError as error:
        log.append(f"body raised {error}")
        raise
    finally:
        log.append("left")


def context_task(
    factory: Callable[[], AbstractAsyncContextManager[str]] = context, timeout_s: float = 0.1
) -> ContextTask[str]:
    return ContextTask(
        factory,
        Deadline(timeout_s),
        on_entered=lambda: log.append("on entered"),
        on_leaving=lambda: log.append("on leaving"),
        on_left=lambda: log.append("on left"),
    )


async def test_moments_are_told_in_order() -> None:
    one = context_task()
    assert log == []  # nothing happens before it is entered
    assert await one.enter() == "value"
    assert log == ["entering", "on entered"]
    await one.leave()
    assert log[2:] == ["on leaving", "left", "on left"]


async def test_leaving_twice_or_what_was_never_entered_does_nothing() -> None:
    one = context_task()
    await one.leave()
    await one.enter()
    await one.leave()
    await one.leave()
    assert log.count("left") == 1


async def test_consumer_that_raises_reaches_the_context() -> None:
    one = context_task()
    await one.enter()
    await one.leave(RuntimeError("consumer"))
    assert "body raised consumer" in log


async def test_one_task_enters_and_leaves() -> None:
    tasks: list[asyncio.Task[None] | None] = []

    @asynccontextmanager
    async def bound() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield ""
        tasks.append(asyncio.current_task())

    one = context_task(bound)
    await one.enter()
    await asyncio.create_task(one.leave())
    assert tasks[0] is tasks[1] is one.task


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (OSError("no"), OSError),
        (SystemExit(1), TargetExited),
        (asyncio.CancelledError(), TargetCancelled),
    ],
    ids=["error", "exit", "cancelled"],
)
async def test_what_entering_raises_comes_tamed(
    raised: BaseException, seen: type[Exception]
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[str]:
        raise raised
        yield ""

    with pytest.raises(seen):
        await context_task(broken).enter()


@pytest.mark.parametrize(
    ("raised", "seen"), [(OSError("no"), OSError), (SystemExit(1), TargetExited)]
)
async def test_what_leaving_raises_comes_tamed(
    raised: BaseException, seen: type[Exception]
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[str]:
        yield ""
        raise raised

    one = context_task(broken)
    await one.enter()
    with pytest.raises(seen):
        await one.leave()


@asynccontextmanager
async def endless(when: str) -> AsyncIterator[str]:
    if when == "entering":
        await asyncio.get_running_loop().create_future()
    yield ""
    await asyncio.get_running_loop().create_future()


async def test_entering_that_hangs_is_given_up() -> None:
    one = context_task(lambda: endless("entering"))
    with pytest.raises(TargetTimeout, match="entering did not return"):
        await one.enter()
    assert one.task is not None
    assert one.task.done()


async def test_leaving_that_hangs_is_given_up() -> None:
    one = context_task(lambda: endless("leaving"))
    await one.enter()
    with pytest.raises(TargetTimeout, match="leaving did not return"):
        await one.leave()
    assert one.task is not None
    assert one.task.done()


async def test_cancelling_what_entering_does() -> None:
    one = context_task(lambda: endless("entering"))
    entered = one.start()
    await asyncio.sleep(0)
    assert await one.cancel()
    assert entered.cancelled()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("error", [GeneratorExit("no"), GeneratorExit()])
async def test_entering_that_raises_what_is_no_exception_is_waited_for_no_longer(
    error: BaseException,
) -> None:
    @asynccontextmanager
    async def quits() -> AsyncIterator[str]:
        raise error
        yield "never"

    with pytest.raises(TargetTimeout, match="entering did not come to an end"):
        await ContextTask(quits, Deadline(1.0)).enter(3600)
