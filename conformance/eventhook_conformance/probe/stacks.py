"""Finds where a call of a target hangs: the frames of the target and its libraries."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

OURS: Final = Path(__file__).parents[1]
"""The suite's own frames say nothing about a target."""

hung: ContextVar[list[str] | None] = ContextVar("hung", default=None)
"""Collects where calls of the current case stood when their time ran out."""
_ASYNCIO: Final = Path(asyncio.__file__).parent
_MOST_FRAMES: Final = 6
_DEEPEST: Final = 60
_MOST_NOTED: Final = 3
_NEXT: Final = ("cr_await", "gi_yieldfrom", "ag_await")


def note_hung(task: asyncio.Future[Any]) -> None:
    """Notes for the current case where a call hangs that did not return in time."""
    noted = hung.get()
    if noted is None or len(noted) >= _MOST_NOTED:
        return
    try:
        where = " > ".join(stack_of(task)[-_MOST_FRAMES:])
    except Exception:  # because: an awaitable of the target's may resist being looked at
        return
    if where and where not in noted:
        noted.append(where)


def stack_of(task: asyncio.Future[Any]) -> list[str]:
    """Returns the frames of a pending task that are not the suite's, the innermost last."""
    return [
        place_of(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        for frame in _frames(task)
        if not is_ours(frame.f_code.co_filename)
    ]


def innermost(trace: TracebackType | None) -> str:
    """Returns where an exception was raised; the last place outside the suite, if there is one."""
    found = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not found or not is_ours(code.co_filename):
            found = place_of(code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    return found


def is_ours(file: str) -> bool:
    """Returns whether a file belongs to the suite."""
    return Path(file).is_relative_to(OURS)


def place_of(file: str, line: int, name: str) -> str:
    """Returns a place in one short text, such as `my_bus.py:31 in publish`."""
    path = Path(file)
    try:
        shown = path.relative_to(Path.cwd())
    except (OSError, ValueError):  # because: the file is elsewhere, or the directory is gone
        shown = Path(*path.parts[-2:])
    return f"{shown}:{line} in {name}"


def _frames(task: asyncio.Future[Any]) -> Iterator[FrameType]:
    """Follows what a task awaits, through coroutines, generators and other tasks."""
    current: Any = task
    frame: FrameType | None = None
    followed: set[int] = set()
    for _ in range(_DEEPEST):
        followed.add(id(current))
        awaiting = current.get_coro() if isinstance(current, asyncio.Task) else current
        for name in ("cr_frame", "gi_frame", "ag_frame"):
            found = getattr(awaiting, name, None)
            if isinstance(found, FrameType):
                frame = found
                yield found
        ways = itertools.chain(_awaited_by(awaiting), _tasks_in(frame))
        current = next((one for one in ways if id(one) not in followed), None)
        if current is None:
            return


def _tasks_in(frame: FrameType | None) -> Iterator[asyncio.Task[Any]]:
    """Yields the pending tasks that a function of the suite or of asyncio waits for by other means."""
    if frame is None:
        return
    file = frame.f_code.co_filename
    if not is_ours(file) and Path(file).parent != _ASYNCIO:
        return
    for value in frame.f_locals.values():
        for one in value if isinstance(value, set | list | tuple) else (value,):
            if isinstance(one, asyncio.Task) and not one.done():
                yield one


def _awaited_by(awaiting: Any) -> Iterator[Any]:
    for name in _NEXT:
        if getattr(awaiting, name, None) is not None:
            yield getattr(awaiting, name)
    if isinstance(awaiting, asyncio.Future):
        yield from _resolving(awaiting)
    elif not any(hasattr(awaiting, name) for name in _NEXT):
        # The steps of an async generator, and the iterator of a future, tell it only to the collector.
        found = [*gc.get_referents(awaiting), *getattr(awaiting, "__dict__", {}).values()]
        yield from (one for one in found if _is_awaited(one))


def _resolving(future: asyncio.Future[Any]) -> Iterator[asyncio.Future[Any]]:
    """Yields the pending tasks that a future stands for: those of asyncio.gather and asyncio.shield."""
    children = getattr(future, "_children", None) or ()
    callbacks = [one[0] for one in getattr(future, "_callbacks", None) or ()]
    cells = [
        cell.cell_contents for one in callbacks for cell in getattr(one, "__closure__", None) or ()
    ]
    for one in (*children, *cells):
        if isinstance(one, asyncio.Future) and one is not future and not one.done():
            yield one


def _is_awaited(found: object) -> bool:
    return (
        isinstance(found, asyncio.Future) or inspect.iscoroutine(found) or inspect.isasyncgen(found)
    )
