"""Runs a coroutine in an event loop that always closes, even if tasks resist.

`asyncio.run` waits for ever for a task that swallows its cancellation. Targets hold such tasks, so every
loop of the suite is made and closed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

CLOSE_LIMIT_S: Final = 5.0
_monotonic: Final = time.monotonic
_CODE: Final[Any] = SystemExit.__dict__["code"]
_reasons: Final[weakref.WeakKeyDictionary[asyncio.Task[Any], str | None]] = (
    weakref.WeakKeyDictionary()
)
"""The coroutines that were cancelled from outside: by SIGINT (None), or as the loop was stopped."""


@contextlib.contextmanager
def event_loop(close_limit_s: float = CLOSE_LIMIT_S) -> Iterator[asyncio.AbstractEventLoop]:
    """Makes an event loop, and closes it with everything that still runs in it.

    Args:
        close_limit_s: how long tasks, generators and threads may resist, in seconds each.
    """
    loop = asyncio.new_event_loop()
    loop.time = _monotonic  # type: ignore[method-assign]  # because: a target may replace what `time` has
    try:
        asyncio.set_event_loop(loop)
        yield loop
    finally:
        try:
            _close(loop, close_limit_s)
        finally:
            asyncio.set_event_loop(None)


def run_in_loop(main: Coroutine[Any, Any, T], *, close_limit_s: float = CLOSE_LIMIT_S) -> T:
    """Runs a coroutine to its end and returns its result, as `asyncio.run` does, but never hangs.

    Raises:
        KeyboardInterrupt: it was interrupted; the coroutine was cancelled and ended first.
    """
    with event_loop(close_limit_s) as loop:
        return complete(loop, main)


def complete(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in a loop. SIGINT cancels it, so that it can clean up; a second one raises.

    If somebody else stops the loop (`SystemExit` in a callback, or `stop`), it is cancelled too.

    Raises:
        KeyboardInterrupt: it was interrupted.
        SystemExit, RuntimeError: the loop was stopped so; the coroutine was cancelled and ended first.
    """
    task = loop.create_task(main)

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        if task in _reasons:
            raise KeyboardInterrupt
        _reasons[task] = None
        loop.call_soon_threadsafe(task.cancel)

    with _on_interrupt(cancel):
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if task in _reasons:
                raise KeyboardInterrupt from None
            raise
        except (KeyboardInterrupt, SystemExit, RuntimeError) as error:
            if not task.done() and task not in _reasons:
                _reasons[task] = _how_stopped(error)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, RuntimeError):
                    loop.run_until_complete(task)
            raise


def _how_stopped(error: KeyboardInterrupt | SystemExit | RuntimeError) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted its process in a callback or a task"
    if isinstance(error, SystemExit):
        told = _CODE.__get__(error)  # a class of the target's may compute another one, and raise
        code = f"({told!r:.80})" if type(told) in (int, str, type(None)) else ""
        return f"raised SystemExit{code} in a callback or a task"
    return "stopped the event loop"


def was_interrupted() -> bool:
    """Returns whether SIGINT cancelled the coroutine that `complete` runs; asked from within it."""
    task = asyncio.current_task()
    return task is not None and task in _reasons and _reasons[task] is None


def how_stopped() -> str | None:
    """Returns how somebody stopped the loop and so cancelled what `complete` runs, as of within it."""
    task = asyncio.current_task()
    return _reasons.get(task) if task is not None else None


@contextlib.contextmanager
def _on_interrupt(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles SIGINT for the time of the context, where Python's own handler would."""
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _close(loop: asyncio.AbstractEventLoop, limit_s: float) -> None:
    try:
        for _ in range(2):  # tasks may start others as they end
            if tasks := asyncio.all_tasks(loop):
                loop.run_until_complete(_end(tasks, limit_s))
        for shutdown in (loop.shutdown_asyncgens(), loop.shutdown_default_executor()):
            with contextlib.suppress(TimeoutError):
                loop.run_until_complete(asyncio.wait_for(shutdown, limit_s))
    finally:
        loop.close()


async def _end(tasks: set[asyncio.Task[Any]], limit_s: float) -> None:
    for task in tasks:
        task.cancel()
    _, stubborn = await asyncio.wait(tasks, timeout=limit_s)
    for task in stubborn:
        # Closing the coroutine ends what cancelling could not.
        coroutine: Any = task.get_coro()
        with contextlib.suppress(Exception):  # because: it may refuse even this
            coroutine.close()
            task.cancel()
    if stubborn:
        await asyncio.wait(stubborn, timeout=limit_s)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not print it at exit
