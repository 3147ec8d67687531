"""Turns of cases: a case that waits for long lends its turn to the next.

A wait is quiet at first, as if there were no other case. Only where nothing has come for longer than
the target ever took does the run go on beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import process_time
from typing import Final, Literal, TypeAlias

Pace: TypeAlias = Literal["hasty", "careful", "patient"]

_PARTS: Final = 4
_IDLE_SHARE: Final = 0.3
_LATE_FACTOR: Final = 2
_TURN: Final[ContextVar[Turn | None]] = ContextVar("turn", default=None)


def _nothing() -> None: ...


class Turn:
    """One case under way.

    Args:
        lent: called when the case has begun to wait.
        crowded: whether others are under way beside it.
        taken_back: called when it waits no more.
        soon: lend it soon, whatever was seen of the target: others run beside the case anyway.
        pace: how long it waits once the target let several waits run out: hasty where it can be judged
            again later, patient where it is judged again.
    """

    def __init__(
        self,
        lent: Callable[[], None] = _nothing,
        crowded: Callable[[], bool] = lambda: False,
        taken_back: Callable[[], None] = _nothing,
        *,
        soon: bool = False,
        pace: Pace = "careful",
    ) -> None:
        self.crowded = crowded
        self.soon = soon
        self.pace = pace
        self.hasty_s = 0.0
        """The longest of the shortened waits that were in vain, in seconds."""
        self.gave_up_s = 0.0
        """The limit of the last wait that was in vain, in seconds."""
        self.slowest_s = 0.0
        """The longest wait that was not in vain, in seconds in which the loop ran."""
        self.helped = False
        """Something came at last while another case ran, which may be what brought it."""
        self.vain = 0
        """How many waits were in vain."""
        self.disturbed = False
        """The driver failed while others were under way: which of them it failed in is not known."""
        self.starved = False
        """A wait proves nothing: the processor was lacking."""
        self._lent = lent
        self._taken_back = taken_back
        self._waits = 0

    @property
    def waits(self) -> bool:
        """True if the case does nothing but wait."""
        return self._waits > 0

    def lend(self) -> None:
        """Notes that the case waits."""
        self._waits += 1
        if self._waits == 1:
            self._lent()

    def take_back(self) -> None:
        """Notes that a wait is over."""
        self._waits -= 1
        if not self._waits:
            self._taken_back()

    def take(self) -> None:
        """Makes this the turn of the current task, and of those that it starts."""
        _TURN.set(self)


@contextmanager
def lending(
    after_s: float,
    progress: Callable[[], int] | None = None,
    came: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Lends the turn of the current case while the body waits; does nothing if the case has none.

    Args:
        after_s: the time without an event before it is lent; 0: at once.
        progress: a count; as long as it rises, something comes.
        came: whether the awaited event came.
    """
    turn = _TURN.get()
    if turn is None:
        yield
        return
    loop = asyncio.get_running_loop()
    part_s = after_s / _PARTS
    seen, used_s, since_s = progress() if progress else 0, process_time(), loop.time()
    silent, lent = 0, False
    timer: asyncio.Handle

    def look() -> None:
        # In parts: one is no silence if this process did something, or had no processor.
        nonlocal seen, used_s, since_s, silent, timer
        before = seen, used_s, since_s
        seen, used_s, since_s = progress() if progress else 0, process_time(), loop.time()
        in_time = since_s - before[2] < part_s * _LATE_FACTOR
        idle = seen == before[0] and used_s - before[1] < part_s * _IDLE_SHARE and in_time
        silent = silent + 1 if idle else 0
        if silent < _PARTS:
            timer = loop.call_later(part_s, look)
        else:
            lend()

    def lend() -> None:
        nonlocal lent
        lent = True
        turn.lend()

    timer = loop.call_later(part_s, look) if after_s else loop.call_soon(lend)
    try:
        yield
    finally:
        timer.cancel()
        if lent:
            turn.take_back()
            turn.helped |= came()


def taken() -> Turn:
    """Returns the turn of the current case; takes one if it has none, so that what it notes stays."""
    if (turn := _TURN.get()) is None:
        turn = Turn()
        turn.take()
    return turn


def current() -> Turn:
    """Returns the turn of the current case; one of nobody's where there is none."""
    return _TURN.get() or Turn()
