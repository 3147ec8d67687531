"""Searches random programs for one that breaks the bus, and shrinks it to the shortest that does."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from eventhook_conformance.checker import Violation
from eventhook_conformance.history import History
from eventhook_conformance.programs.hypothesis_home import hypothesis_elsewhere
from eventhook_conformance.programs.shorten import shorter_programs
from eventhook_conformance.programs.steps import Program

_ATTEMPT_LIMIT_S: Final = 60.0
_ROUND: Final = 100


@dataclass(frozen=True)
class BreakingProgram:
    """A program, and what it showed."""

    program: Program
    history: History
    violations: tuple[Violation, ...]


Attempt = Callable[[Program], Awaitable[BreakingProgram]]


async def search(
    attempt: Attempt,
    *,
    seed: int,
    examples: int,
    strategy: Callable[[], Any],
    limit_s: float = float("inf"),
    shrink_s: float = 15.0,
) -> BreakingProgram | None:
    """Returns the shortest program found whose history shows a breach; None if none of them does.

    Args:
        attempt: plays a program; called in the running loop.
        seed: the same seed tries the same programs.
        examples: how many programs to try.
        strategy: makes the hypothesis strategy that draws and shrinks programs.
        limit_s: after how many seconds to stop trying; shrinking what was found comes on top.
        shrink_s: how many seconds it may take.
    """
    loop = asyncio.get_running_loop()
    best: BreakingProgram | None = None
    until = float("inf")

    def breaks(program: Program) -> bool:
        nonlocal best, until
        if best is not None and time.monotonic() > until:
            return program == best.program
        played = asyncio.run_coroutine_threadsafe(_play(attempt, program), loop)
        breach = played.result(_ATTEMPT_LIMIT_S)
        if not breach.violations:
            return False
        if best is None:
            until = time.monotonic() + shrink_s
        best = breach
        return True

    # hypothesis calls its test synchronously, so it runs in a thread, and programs play in the loop.
    stop = time.monotonic() + limit_s
    with _all_there_is_left_uncollected():
        for first in range(0, examples, _ROUND):
            count = min(_ROUND, examples - first)
            await asyncio.to_thread(_find, breaks, seed + first, count, strategy)
            if best is not None or time.monotonic() > stop:
                break
    return best


async def search_drawn(
    attempt: Attempt,
    *,
    seed: int,
    examples: int,
    draw: Callable[[Random], Program],
    limit_s: float = float("inf"),
    shrink_s: float = 15.0,
) -> BreakingProgram | None:
    """Returns a short program that breaks the bus; None if no drawn program does.

    Args:
        attempt: plays a program.
        seed: the same seed tries the same programs.
        examples: how many programs to try.
        draw: draws one.
        limit_s: after how many seconds to stop trying; shortening what was found comes on top.
        shrink_s: how many seconds it may take.
    """
    stop = time.monotonic() + limit_s
    for number in range(examples):
        if time.monotonic() > stop:
            break
        tried = await attempt(draw(Random(f"{seed}:{number}")))
        if tried.violations:
            return await _shorten(tried, attempt, time.monotonic() + shrink_s)
    return None


async def _shorten(best: BreakingProgram, attempt: Attempt, until: float) -> BreakingProgram:
    """Returns the shortest program found that breaks the bus, by trying ever shorter ones."""
    while True:
        for program in shorter_programs(best.program):
            if time.monotonic() > until:
                return best
            tried = await attempt(program)
            if tried.violations:
                best = tried
                break
        else:
            return best


@contextmanager
def _all_there_is_left_uncollected() -> Iterator[None]:
    """Prevents hypothesis from collecting garbage as it starts, which takes long among many histories."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _play(attempt: Attempt, program: Program) -> BreakingProgram:
    return await attempt(program)


def _find(
    breaks: Callable[[Program], bool], seed: int, examples: int, strategy: Callable[[], Any]
) -> None:
    # Imported here: it takes a tenth of a second, which only these cases should pay.
    import hypothesis

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    try:
        with hypothesis_elsewhere():
            hypothesis.find(strategy(), breaks, settings=settings, random=Random(seed))
    except hypothesis.errors.NoSuchExample:
        return
    except hypothesis.errors.Flaky:
        return  # a breach that does not come twice is a breach too; keeps the best one found
