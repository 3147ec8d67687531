"""Finds tasks of a target that ended with an exception which nobody has looked at."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from eventhook_conformance.probe.failure import describe
from eventhook_conformance.probe.stacks import innermost, is_ours

_MOST: Final = 3
_MOST_SEARCHES: Final = 20
"""A search goes through all tasks, and a target that fails everywhere has shown its dead ones by then."""
_REGISTERS: Final = ("_scheduled_tasks", "_all_tasks")
"""asyncio's own lists of all tasks, up to Python 3.13 and 3.11: to look through all objects takes 50 ms."""


class DeadTasks:
    """Remembers the tasks that died in one event loop. Made in it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._known: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._searches = 0
        self._loop = asyncio.get_running_loop()
        self._handler = self._loop.get_exception_handler()
        self._loop.set_exception_handler(self._handle)

    def search(self) -> None:
        """Looks for tasks that have died. A later `cancel` of one makes asyncio forget that it did."""
        if self._searches < _MOST_SEARCHES:
            self._searches += 1
            for one in _candidates():
                # By its true class: an object's own methods may raise or lie.
                if issubclass(type(one), asyncio.Task):
                    self._note(one, self._error_of(one))

    def died(self) -> tuple[str, ...]:
        """Returns the tasks that were found, in words; those alike are one."""
        return tuple(
            told if count == 1 else f"{count} times: {told}"
            for told, count in self._counts.most_common(_MOST)
        )

    def _error_of(self, task: asyncio.Task[Any]) -> BaseException | None:
        """Returns the exception that ended a task, which still counts as not retrieved."""
        if not task.done() or task.cancelled() or task.get_loop() is not self._loop:
            return None
        error: BaseException | None = getattr(task, "_exception", None)
        return error if getattr(task, "_log_traceback", False) else None

    def _note(self, task: asyncio.Task[Any], error: BaseException | None) -> None:
        if error is None or task in self._known:
            return
        self._known.add(task)
        if told := _words(task, error):
            self._counts[told] += 1

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Notes a task that nothing refers to any more, then calls the default handler."""
        task = context.get("future")
        if isinstance(task, asyncio.Task):
            self._note(task, context.get("exception"))
        if self._handler is not None:
            self._handler(loop, context)
        else:
            loop.default_exception_handler(context)


def _candidates() -> Iterable[Any]:
    """Returns all objects that may be tasks, done or not."""
    for name in _REGISTERS if sys.version_info < (3, 14) else ():
        register = getattr(asyncio.tasks, name, None)
        if isinstance(register, weakref.WeakSet):
            return list(register)
    return gc.get_objects()


def _words(task: asyncio.Task[Any], error: BaseException) -> str | None:
    coroutine: Any = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    if code is None or is_ours(code.co_filename):
        return None
    where = innermost(error.__traceback__)
    return f"{coroutine.__qualname__}: {describe(error)}" + (f" ({where})" if where else "")
