"""Tasks that resist their end, and errors that would end the process."""

from __future__ import annotations

import asyncio

import pytest

from engine.misdeeds import raising
from eventhook_conformance.checker.violation import in_full
from eventhook_conformance.probe.containment import TargetCancelled, TargetExited, contain, end
from eventhook_conformance.probe.failure import describe

pytestmark = pytest.mark.asyncio


async def stubborn(times: int) -> None:
    """Swallows so many cancellations."""
    while times:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            times -= 1


@pytest.mark.parametrize("times", [1, 2, 1000])
async def test_tasks_that_swallow_cancellation_end(times: int) -> None:
    tasks = [asyncio.create_task(stubborn(times)) for _ in range(3)]
    await asyncio.sleep(0)
    await end(*tasks, grace_s=0.02)
    assert all(task.done() for task in tasks)


async def test_ending_nothing_or_what_is_done_is_fine() -> None:
    await end()
    done = asyncio.create_task(asyncio.sleep(0))
    await done
    await end(done)


async def test_errors_are_tamed() -> None:
    error = OSError("no")
    assert contain(error) is error
    assert isinstance(contain(SystemExit(3)), TargetExited)
    assert isinstance(contain(asyncio.CancelledError()), TargetCancelled)


class Mute:
    """Raises SystemExit when it is printed."""

    def __repr__(self) -> str:
        raise SystemExit

    __str__ = __repr__


class MuteError(Exception):
    __str__ = Mute.__repr__


async def test_what_an_error_says_of_itself_ends_nobody() -> None:
    assert str(contain(SystemExit(3))) == "SystemExit(3)"
    assert str(contain(SystemExit(Mute()))) == "SystemExit"
    assert describe(MuteError()) == "MuteError: its text cannot be read: SystemExit"
    assert in_full(Mute()) == "<a Mute that cannot be printed: SystemExit>"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Codeless", "TargetExited: SystemExit('no')"),
        ("Nameless", "Nameless: no"),
        ("Impostor", "TargetRaised: Impostor: no"),
        ("Closed", "TargetRaised: Closed: no"),
    ],
)
async def test_an_error_that_lies_about_its_class_is_a_plain_one(name: str, words: str) -> None:
    contained = contain(getattr(raising, name)("no"))
    assert describe(contained) == words
    assert issubclass(type(contained), Exception)


async def test_cancellation_that_was_asked_for_stays_one() -> None:
    seen: list[BaseException] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            seen.append(contain(error))
            raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert isinstance(seen[0], asyncio.CancelledError)
