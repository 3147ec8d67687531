"""Bounds each wait, and tells a wait in vain from one without a processor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final, Protocol

from eventhook_conformance.probe.stacks import note_hung
from eventhook_conformance.probe.starvation import StarvationMeter
from eventhook_conformance.probe.turns import current, lending

_VAIN_BEFORE_SHORT: Final = 4
_SHORTENED: Final = 5
_VAIN_BEFORE_SHORTEST: Final = 16
_SHORTEST: Final = 15
_LEAST: Final = 60
_SLOWEST_FACTOR: Final = 5
_TURNS_FIRST: Final = 3
_SLICES: Final = 10
_UNMEASURED_S: Final = 0.25
_MOST_FACTOR: Final = 10
_LEAST_SHARE: Final = 0.05
_GLANCE_S: Final = 0.25
_SHORT_GLANCE_S: Final = 0.02
_QUIET_S: Final = 0.1
_QUIET_BROKEN_S: Final = 0.02
_QUIET_FACTOR: Final = 2


def _nothing() -> None: ...


class Meter(Protocol):
    """Counts the seconds for which what a wait depends on had no processor."""

    def read(self) -> float:
        """Returns the seconds so far."""


class Deadline:
    """The arrival timeout of one run.

    A target that let several waits run out is judged broken already; to bring that verdict soon, the
    waits after that are cut to a fifth. They are cut further in a case in which several were in vain
    itself, and after sixteen in one that runs alone; but never below five times what the slowest arrival
    took.

    A wait that ran out while what it waits for had no processor is no evidence: that time does not
    count. Where it goes on and on, the wait ends all the same, and is counted as undecided.

    Args:
        timeout_s: seconds to wait for what must come.
        meter: counts the seconds without a processor.
    """

    def __init__(self, timeout_s: float, meter: Meter | None = None) -> None:
        self.timeout_s = timeout_s
        self.meter: Meter = meter or StarvationMeter()
        self.undecided = 0
        """How many waits ended in vain while a processor was lacking: they prove nothing."""
        self.reads_on = False
        """The run saw a reorder or a loss: cases read on for overtaken events before they leave."""
        self.disorderly = False
        """The target reorders with nothing going on beside it."""
        self.on_vain: Callable[[], None] = _nothing
        """Called when a wait was in vain, before anything is given up."""
        self._vain = 0
        self._vain_glances = 0
        self._slowest_s = 0.0

    @property
    def current_s(self) -> float:
        """Seconds to wait now."""
        if self._vain < _VAIN_BEFORE_SHORT:
            return self.timeout_s
        shortened_s = max(self.timeout_s / self._share, self._slowest_s * _SLOWEST_FACTOR)
        # Two digits: messages say how long was waited.
        return min(self.timeout_s, float(f"{shortened_s:.2g}"))

    @property
    def _share(self) -> int:
        """By how much waits are cut, once several were in vain."""
        turn = current()
        if turn.vain >= 2 * _VAIN_BEFORE_SHORT:
            return _LEAST
        alone = self._vain >= _VAIN_BEFORE_SHORTEST and not turn.crowded()
        return _SHORTEST if turn.vain >= _VAIN_BEFORE_SHORT or alone else _SHORTENED

    @property
    def in_vain(self) -> bool:
        """True if any wait was in vain."""
        return self._vain > 0

    @property
    def quiet_s(self) -> float:
        """Seconds for which a wait is left in peace: nothing took much longer yet."""
        quiet_s = _QUIET_S if self._vain < _VAIN_BEFORE_SHORT else _QUIET_BROKEN_S
        return max(quiet_s, self._slowest_s * _QUIET_FACTOR)

    @property
    def looks_long(self) -> bool:
        """True if a look for what was overtaken takes its time: several before were not in vain."""
        return self._vain_glances < _VAIN_BEFORE_SHORT

    @property
    def glance_s(self) -> float:
        """Seconds to look for what was overtaken; short once several looks were in vain."""
        if not self.looks_long:
            return _SHORT_GLANCE_S
        return min(self.current_s, max(_GLANCE_S, self._slowest_s * _SLOWEST_FACTOR))

    async def glance(self, task: asyncio.Future[Any]) -> bool:
        """Returns whether what was overtaken comes soon; in vain, that shortens later glances alone."""
        came = await self.wait(task, timeout_s=self.glance_s, glance=True)
        self._vain_glances = 0 if came else self._vain_glances + 1
        return came

    async def wait(
        self,
        task: asyncio.Future[Any],
        *,
        progress: Callable[[], int] | None = None,
        timeout_s: float | None = None,
        glance: bool = False,
    ) -> bool:
        """Returns whether the task is done in time; it is never cancelled.

        Args:
            task: what to wait for.
            progress: a count; while it rises within each timeout, waiting goes on.
            timeout_s: instead of the current arrival timeout.
            glance: this is only a first look, and in vain it says nothing of the target.
        """
        # Most calls are over in a turn or two; a timer for each would cost more than they do.
        for _ in range(_TURNS_FIRST):
            if task.done():
                return True
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while not task.done():
            limit = self.current_s if timeout_s is None else timeout_s
            before, began = progress() if progress else 0, loop.time()
            turn = current()
            beside = turn.crowded()
            # Of a target that never let a wait run out, no case meets another.
            quiet_s = min(self.quiet_s, _QUIET_S) if turn.soon else self.quiet_s
            with lending(quiet_s, progress, task.done) if self.in_vain else nullcontext():
                await self._wait_fed(task, limit, glance=glance)
            if task.done():
                if not (beside or turn.crowded()):  # else it waited for other cases too
                    self._slowest_s = max(self._slowest_s, loop.time() - began)
            elif glance or progress is None or progress() == before:
                self._vain += not glance
                turn.vain += not glance
                if not glance:
                    note_hung(task)
                    self.on_vain()
                return False
        return True

    async def _wait_fed(self, task: asyncio.Future[Any], limit_s: float, *, glance: bool) -> None:
        """Waits for so many seconds in which nothing was starved, ten times as long at most."""
        # The first part is not measured, since measuring costs more than most waits take.
        first_s = limit_s if glance else min(limit_s / 2, _UNMEASURED_S)
        await _wait_awake(task, first_s)
        left_s, waited_s = limit_s - first_s, first_s
        loop = asyncio.get_running_loop()
        before = 0.0 if task.done() or left_s <= 0 else self.meter.read()
        while left_s > 0 and not task.done():
            # Beside others a wait costs nobody time, and a processor is often lacking.
            if waited_s > _MOST_FACTOR * (self.timeout_s if current().crowded() else limit_s):
                self.undecided += 1
                current().starved = True
                return
            began = loop.time()
            await _wait_awake(task, left_s)
            passed_s = loop.time() - began
            now = self.meter.read()
            starved_s = min(passed_s, now - before)
            before, waited_s = now, waited_s + passed_s
            left_s = starved_s if starved_s > _LEAST_SHARE * limit_s else 0.0


async def _wait_awake(task: asyncio.Future[Any], limit_s: float) -> None:
    """Waits in slices: time in which this loop stood still, on a busy machine, is no time waited."""
    for _ in range(_SLICES):
        await asyncio.wait({task}, timeout=limit_s / _SLICES)
        if task.done():
            return
