"""Keeps a run safe from code that ends processes, cancels at will, or refuses to end."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import Any, Final

from eventhook_conformance.probe.failure import describe, is_honest

_GRACE_S: Final = 0.2
_CODE: Final[Any] = SystemExit.__dict__["code"]
cut_off: Final[weakref.WeakSet[asyncio.Task[Any]]] = weakref.WeakSet()
"""Tasks that swallowed their cancellation: the suite closed their coroutines."""


class TargetExited(Exception):
    """The target tried to end the process."""


class TargetCancelled(Exception):
    """The target raised CancelledError though nobody had cancelled it."""


class TargetRaised(Exception):
    """The target raised a `BaseException` that is no `Exception`."""


class Interruption(BaseException):
    """Raised by the suite into code of the target; passes through everything on its way back."""


_PASSING: Final = (
    *(Exception, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit),
    Interruption,
)


def contain(error: BaseException) -> BaseException:
    """Wraps a target's exception, so that it ends neither the task nor the process."""
    kind = type(error)
    if issubclass(kind, SystemExit):
        code = _CODE.__get__(error)  # a class of the target's may compute another one, and raise
        plain = type(code) in (int, str, type(None))
        return TargetExited(f"SystemExit({code!r:.80})" if plain else "SystemExit")
    if issubclass(kind, asyncio.CancelledError) and not _cancelled():
        return TargetCancelled("CancelledError, though nobody had cancelled the call")
    passes = issubclass(kind, _PASSING) and is_honest(error)
    return error if passes else TargetRaised(describe(error))


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(*tasks: asyncio.Task[Any], grace_s: float = _GRACE_S) -> None:
    """Cancels tasks and waits briefly; closes the coroutine of one that swallows its cancellation.

    A task that never ended would keep the event loop from closing.
    """
    for task in tasks:
        task.cancel()
    stubborn = await _wait(set(tasks), grace_s)
    for task in stubborn:
        cut_off.add(task)
        coroutine: Any = task.get_coro()
        with contextlib.suppress(Exception):  # because: it may refuse even this
            coroutine.close()
            task.cancel()  # its next step finds the coroutine closed
    for task in stubborn - await _wait(stubborn, _GRACE_S):
        if not task.cancelled():
            task.exception()  # it says that its coroutine was closed: known


async def _wait(tasks: set[asyncio.Task[Any]], timeout_s: float) -> set[asyncio.Task[Any]]:
    if not tasks:
        return set()
    _, pending = await asyncio.wait(tasks, timeout=timeout_s)
    return pending
