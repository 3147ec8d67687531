"""Finds leaks of a target: tasks, threads, child processes, open descriptors."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.engine.descendants import children

_OWN: Final = ("asyncio_", "asyncio-waitpid-")
"""The threads of the loop: those of its executor, and those that wait for a driver to end."""
_FEW: Final = 4
_TURNS: Final = 3
_YOUNG: Final = 1
_ALL: Final = 2
"""Generations of the collector: looking through the old ones takes a second after a long run."""
_DESCRIPTORS: Final = next(
    (one for one in (Path("/proc/self/fd"), Path("/dev/fd")) if one.is_dir()), None
)
_kill: Final = os.kill


class LeakWatch:
    """Remembers what there was before a target was opened. Made in the running event loop."""

    def __init__(self) -> None:
        self._tasks = asyncio.all_tasks()
        self._threads = set(threading.enumerate())
        self._children = children()
        self._descriptors = _descriptors()

    async def left(self) -> list[str]:
        """Returns the leaks since the start, in words: a line for each kind."""
        try:
            return await self._left()
        except (
            Exception
        ):  # because: a target may have taken what is needed to look, and that is no verdict
            return []

    async def _left(self) -> list[str]:
        for _ in range(_TURNS):  # a cancelled task needs a turn or two
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - self._tasks - {asyncio.current_task()}
        threads = [
            one.name
            for one in threading.enumerate()
            if one not in self._threads and not one.name.startswith(_OWN)
        ]
        processes = [
            f"{pid} {name}" for pid, name in children().items() if pid not in self._children
        ]
        for generation in _YOUNG, _ALL:
            if _descriptors() - self._descriptors:
                gc.collect(generation)  # what nobody holds any more is closed, and no leak
        opened = [_name(one) for one in sorted(_descriptors() - self._descriptors)]
        return [
            *_line("task", "tasks", (_coroutine(one) for one in tasks)),
            *_line("thread", "threads", threads),
            *_line("child process", "child processes", processes),
            *_line("open descriptor", "open descriptors", opened),
        ]


def _line(one: str, many: str, names: Iterable[str]) -> list[str]:
    counts = Counter(names)
    if not counts:
        return []
    total = sum(counts.values())
    shown = [name if count == 1 else f"{count} {name}" for name, count in counts.most_common(_FEW)]
    more = ", …" if len(counts) > _FEW else ""
    return [f"{total} {one if total == 1 else many} ({', '.join(shown)}{more})"]


def _coroutine(task: asyncio.Task[Any]) -> str:
    coroutine: Any = task.get_coro()
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__))


def end_children() -> None:
    """Kills the child processes that are left."""
    for pid in children():
        with suppress(OSError):
            _kill(pid, signal.SIGKILL)


def _descriptors() -> set[int]:
    if _DESCRIPTORS is None:
        return set()
    found = set()
    for one in list(_DESCRIPTORS.iterdir()):
        with suppress(OSError, ValueError):
            os.fstat(int(one.name))  # the listing has its own descriptor, closed by now
            found.add(int(one.name))
    return found


def _name(descriptor: int) -> str:
    try:
        target = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return f"descriptor {descriptor}"
    return target.partition(":[")[0]
