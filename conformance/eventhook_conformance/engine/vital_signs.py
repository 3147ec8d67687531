"""Tells that the suite's own tasks can still go on: a target shares their event loop, and may stop them.

Turns are counted by a task that waits as the suite does, so that they end where its waits do.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import CoroutineType
from typing import Any, Final

from eventhook_conformance.probe import containment
from eventhook_conformance.probe.stacks import is_ours

_TURN_S: Final = 0.1
_TURNS_A_LOOK: Final = 10
_MOST_CANCELLED: Final = 3
_DEEPEST: Final = 60
_ASYNCIO: Final = str(Path(asyncio.__file__).parent)


class VitalSigns:
    """Counts the turns of the running event loop, and looks at each task of the suite now and then.

    Args:
        on_broken: called once with the reason why a task cannot go on.
    """

    def __init__(self, on_broken: Callable[[str], None]) -> None:
        self.turns = 0
        """How often a wait of the suite's kind has ended."""
        self._on_broken = on_broken
        self._stopped = False
        self._doubts: dict[asyncio.Task[Any], tuple[str, object]] = {}
        self._cancelled = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to count, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._count())

    def stop(self) -> None:
        """Ends the counting."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    def look(self) -> str | None:
        """Returns why a task of the suite cannot go on; None if all can.

        One look alone proves nothing, since a task may be about to go on: two with turns between do.
        """
        before, self._doubts = self._doubts, {}
        for task in asyncio.all_tasks():
            if task in containment.cut_off or (doubt := _doubt(task)) is None:
                continue
            self._doubts[task] = doubt
            what, seen = doubt
            was, seen_before = before.get(task, ("", None))
            if what == was and seen is seen_before:
                return f"{what} of the suite ({_name(task)})"
        return None

    async def _count(self) -> None:
        never = asyncio.get_running_loop().create_future()
        while not self._stopped and self._cancelled < _MOST_CANCELLED:
            try:
                await self._turn(never)
            except asyncio.CancelledError:
                # The whole run is cancelled with it, or it is told to stop.
                self._cancelled += 1

    async def _turn(self, never: asyncio.Future[None]) -> None:
        self.turns += 1
        await asyncio.wait({never}, timeout=_TURN_S / 2)
        await asyncio.sleep(_TURN_S / 2)
        if self.turns % _TURNS_A_LOOK == 0 and (broken := self.look()) is not None:
            self._stopped = True
            self._on_broken(broken)


def _doubt(task: asyncio.Task[Any]) -> tuple[str, object] | None:
    """Returns what seems to keep a task of the suite from going on, and the object that shows it."""
    coroutine: Any = task.get_coro()
    if task.done() or not isinstance(coroutine, CoroutineType) or not _own(coroutine):
        return None
    if coroutine.cr_frame is None:
        return "it closed a coroutine", coroutine
    innermost = _innermost(coroutine)
    if type(innermost).__name__ != "FutureIter":
        return None  # it runs, or it waits for code of the target, which has a limit
    waiter: Any = getattr(task, "_fut_waiter", None)
    if not any(one is waiter for one in gc.get_referents(innermost)):
        return "it went on with a coroutine", innermost
    if waiter.done() or not getattr(waiter, "_callbacks", True):
        return "it took away the wake-up of a coroutine", waiter
    return None


def _innermost(coroutine: CoroutineType[Any, Any, Any]) -> object:
    """Returns the innermost thing that a coroutine awaits; None if other code awaits it."""
    current: Any = coroutine
    for _ in range(_DEEPEST):
        if not isinstance(current, CoroutineType):
            return current
        if not _own(current):
            return None
        current = current.cr_await
    return None


def _own(coroutine: CoroutineType[Any, Any, Any]) -> bool:
    return _known(coroutine.cr_code.co_filename)


@lru_cache(1000)
def _known(file: str) -> bool:
    """Returns whether the suite itself waits there: a function of its own, or one of asyncio."""
    return is_ours(file) or file.startswith(_ASYNCIO)


def _name(task: asyncio.Task[Any]) -> str:
    return str(getattr(task.get_coro(), "__qualname__", "?"))
