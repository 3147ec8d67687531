"""Where a hung call stands: through coroutines, generators, tasks, and what asyncio puts between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.kit.context_keeper import ContextKeeper
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.stacks import hung, innermost, note_hung, stack_of

Hang = Callable[[], Awaitable[None]]


async def never() -> None:
    await asyncio.Event().wait()


async def directly() -> None:
    await never()


async def by_gather() -> None:
    await asyncio.gather(asyncio.sleep(0), never())


async def by_shield() -> None:
    await asyncio.shield(asyncio.create_task(never()))


async def by_task() -> None:
    await asyncio.create_task(never())


async def by_wait() -> None:
    await asyncio.wait({asyncio.create_task(never())})


async def by_generator() -> None:
    async def numbers() -> AsyncIterator[int]:
        await never()
        yield 1

    async for _ in numbers():
        pass


async def by_context() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        await never()
        yield

    async with context():
        pass


async def by_the_kits_keeper() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        await never()
        yield

    await ContextKeeper(context).enter()


WAYS = [
    directly,
    by_gather,
    by_shield,
    by_task,
    by_wait,
    by_generator,
    by_context,
    by_the_kits_keeper,
]


async def stands(hang: Hang) -> list[str]:
    async def call() -> None:
        await hang()

    task = asyncio.create_task(call())
    for _ in range(5):
        await asyncio.sleep(0)
    found = stack_of(task)
    task.cancel()
    return found


@pytest.mark.parametrize("hang", WAYS, ids=lambda one: one.__name__)
def test_the_innermost_function_is_found(hang: Hang) -> None:
    found = run_in_loop(stands(hang))
    assert found[0].startswith("tests/probe/test_stacks.py:")
    names = [one.rpartition(" in ")[2] for one in found]
    assert hang.__name__ in names
    assert names.index(hang.__name__) < names.index("never")
    assert found[-1].startswith("asyncio/locks.py:")
    assert not any("/keeping.py" in one for one in found), "the suite's own frames say nothing"


def test_it_ends_where_tasks_wait_for_each_other() -> None:
    async def main() -> list[str]:
        tasks: list[asyncio.Task[None]] = []

        async def wait_for(number: int) -> None:
            await asyncio.wait({tasks[number]})

        tasks += [asyncio.create_task(wait_for(number)) for number in (1, 0)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return stack_of(tasks[0])

    names = [one.rpartition(" in ")[2] for one in run_in_loop(main())]
    assert names.count("wait_for") == 2


def test_a_wait_in_vain_notes_it_for_the_case_and_no_other_wait_does() -> None:
    async def main() -> list[str]:
        noted: list[str] = []
        deadline = Deadline(0.05)
        outside = asyncio.create_task(never())
        assert not await deadline.wait(outside)
        hung.set(noted)
        assert await deadline.wait(asyncio.create_task(asyncio.sleep(0)))
        assert not await deadline.wait(outside, glance=True)
        assert noted == []
        for _ in range(2):
            assert not await deadline.wait(outside)
        return noted

    (told,) = run_in_loop(main())
    assert " in never > asyncio/locks.py" in told


def test_what_resists_being_looked_at_is_left_out() -> None:
    class Resisting(asyncio.Future[None]):
        def __getattribute__(self, name: str) -> Any:
            if name in ("_callbacks", "_children"):
                raise RuntimeError(name)
            return super().__getattribute__(name)

    async def main() -> list[str]:
        async def call() -> None:
            await Resisting()

        noted: list[str] = []
        hung.set(noted)
        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        note_hung(task)
        task.cancel()
        return noted

    assert run_in_loop(main()) == []


def test_an_exception_is_placed_where_it_was_raised() -> None:
    def raising() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom") as caught:
        raising()
    assert innermost(caught.value.__traceback__).endswith(" in raising")
    assert innermost(None) == ""
