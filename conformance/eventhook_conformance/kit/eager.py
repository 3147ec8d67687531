"""Tasks that take their first step at once.

A task that waits for its first turn hides what a bus still does in that turn: whoever enters a
subscription that way comes later than its own call.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def start_now(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Returns a task that has already run up to its first wait.

    The first step runs as a step of that task: `current_task` and context variables are its own.
    """
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    context = contextvars.copy_context()
    begun = _Begun(coroutine)
    task: asyncio.Task[T] = loop.create_task(begun, context=context)
    caller = asyncio.current_task()
    # Documented under "Extending asyncio", for code that steps tasks itself.
    if caller is not None:
        asyncio.tasks._leave_task(loop, caller)  # noqa: SLF001  # because: as documented
    asyncio.tasks._enter_task(loop, task)  # noqa: SLF001  # because: as documented
    try:
        context.run(begun.begin)
    finally:
        asyncio.tasks._leave_task(loop, task)  # noqa: SLF001  # because: as documented
        if caller is not None:
            asyncio.tasks._enter_task(loop, caller)  # noqa: SLF001  # because: as documented
    return task


class _Begun(Coroutine[Any, Any, T]):
    """A coroutine whose first step may be taken before its task asks for it."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._awaits: Any = None
        self._ended: BaseException | None = None
        self._told = False

    def begin(self) -> None:
        """Takes the first step; how it went is told to the task when that asks."""
        try:
            self._awaits = self._coroutine.send(None)
        except BaseException as ended:  # because: the task gets it, whatever it is
            self._ended = ended

    def send(self, value: Any) -> Any:
        if self._told:
            return self._coroutine.send(value)
        self._told = True
        if self._ended is not None:
            raise self._ended
        return self._awaits

    def throw(self, *error: Any) -> Any:
        self._told = True
        if self._ended is not None:
            raise self._ended
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()
