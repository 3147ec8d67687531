"""Breaks a target that blocks the event loop.

A blocked loop runs no timeout, so an alarm of the operating system stands guard. While a case runs, the
loop pushes the alarm back again and again. If it fires, it interrupts the code that blocks. It is set only
in the main thread of a POSIX process, and not while a debugger traces. An alarm that somebody else had set
(pytest-timeout's, say) is set again afterwards, with the time it had left.

Time in which the process waits for a processor does not count, where the system tells how long that was.
Nor does the time in which the suite makes what it publishes: a large claimed capacity takes many events.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from eventhook_conformance.probe import maker, world
from eventhook_conformance.probe.containment import Interruption

_SCHEDULED: Final = Path("/proc/thread-self/schedstat")
_LEAST_S: Final = 0.05
_MAKING: Final = frozenset({maker.__file__, world.__file__})
"""The code that makes events; it calls nothing of a target."""


class LoopBlocked(Interruption):
    """Raised into the code that blocks the loop; no target should catch it as one of its own."""


class Watchdog:
    """Interrupts code that blocks the running loop.

    Args:
        limit_s: how long the loop may be blocked, in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._watched = 0
        self._disarm: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop that is watched now."""
        self._starved_s = 0.0
        self.blocked: str | None = None
        """Where the loop was blocked last; `take` resets it."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches the loop for the time of the context; does nothing where there are no alarms.

        Contexts may overlap, as concurrent cases do; watching ends with the last one.
        """
        if threading.current_thread() is not threading.main_thread() or not hasattr(
            signal, "setitimer"
        ):
            yield
            return
        self._watched += 1
        if self._disarm is None:
            self._disarm = self._arm()
        try:
            yield
        finally:
            self._watched -= 1
            if not self._watched:
                self.stop()

    def stop(self) -> None:
        """Stops watching, even within a context: a case may have been abandoned in one."""
        disarm, self._disarm = self._disarm, None
        if disarm is not None:
            disarm()

    def _arm(self) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        before = signal.signal(signal.SIGALRM, self._on_alarm)
        others, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        began = time.monotonic()
        beat: asyncio.TimerHandle

        def push_back() -> None:
            nonlocal beat
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)
            self._starved_s = starved_s()
            beat = loop.call_later(self._limit_s / 8, push_back)

        def disarm() -> None:
            self._loop = None
            beat.cancel()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if others:
                left = max(others - (time.monotonic() - began), 0.001)
                signal.setitimer(signal.ITIMER_REAL, left, interval)

        push_back()
        self._loop = loop
        return disarm

    def take(self) -> str | None:
        """Returns where the loop was blocked since the last call; None if it was not."""
        blocked, self.blocked = self.blocked, None
        return blocked

    def _on_alarm(self, _signal: int, frame: FrameType | Any) -> None:
        if self._loop is None or self._loop is not _running_loop():
            return  # a foreign alarm, or one of a run that is over
        before, self._starved_s = self._starved_s, starved_s()
        if (starved := self._starved_s - before) > _LEAST_S:
            signal.setitimer(signal.ITIMER_REAL, starved)
            return
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)
        if sys.gettrace() is not None or frame is None or _makes(frame):
            return
        code = frame.f_code
        self.blocked = (
            f"{code.co_qualname} ({code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno})"
        )
        raise LoopBlocked(f"the event loop was blocked for {self._limit_s:g} s in {self.blocked}")


def _makes(frame: FrameType) -> bool:
    """Returns whether the suite makes events, there or in a call around it."""
    around: FrameType | None = frame
    while around is not None:
        if around.f_code.co_filename in _MAKING:
            return True
        around = around.f_back
    return False


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None


def starved_s() -> float:
    """Returns how long this thread was ready and had no processor, in seconds; 0 where unknown."""
    with suppress(OSError, ValueError, IndexError):
        return int(_SCHEDULED.read_text(encoding="ascii").split()[1]) / 1e9
    return 0.0
