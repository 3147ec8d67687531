"""Bounds each wait, and tells waits that ran out from those without a processor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from eventhook_conformance.probe.latency import Latency
from eventhook_conformance.probe.stacks import note_hung
from eventhook_conformance.probe.starvation import StarvationMeter
from eventhook_conformance.probe.turns import current, lending

_VAIN_BEFORE_SHORT: Final = 4
_SHORTENED: Final = 5
_VAIN_BEFORE_SHORTEST: Final = 16
_SHORTEST: Final = 15
_LEAST: Final = 60
_VAIN_BEFORE_HASTY: Final = 2
_HASTY: Final = 30
_HASTY_LEAST_S: Final = 0.05
_SLOWEST_FACTOR: Final = 5
_BOUND_FACTOR: Final = 4
_TURNS_FIRST: Final = 3
_SLICES: Final = 10
_FINE_SLICES: Final = 60
_UNMEASURED_S: Final = 0.25
_MOST_FACTORS: Final = {"hasty": 10, "careful": 10, "patient": 40}
_LEAST_SHARE: Final = 0.05
_GLANCE_S: Final = 0.25
_SHORT_GLANCE_S: Final = 0.005
_PEACEFUL_SHARE: Final = 0.25
_QUIET_S: Final = 0.1
_QUIET_BROKEN_S: Final = 0.005
_QUIET_FACTOR: Final = 2


def _nothing() -> None: ...


class Meter(Protocol):
    """Its reading counts the seconds for which what a wait depends on had no processor."""

    def read(self) -> float: ...


class Deadline:
    """The arrival timeout of one run.

    A target that let several waits run out is judged broken already; to bring that verdict soon, the
    waits after that are cut to a fifth. They are cut further in a case in which several were in vain
    itself, and after sixteen in one that runs alone; but never below five times what the slowest arrival
    took. In a case that can be confirmed later, with full waits, they are cut to four times what
    arrivals were learned to take, or a thirtieth. A target that takes calls one after another has the
    time of a full queue in each of them.

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
        self.moves = 0
        """The number of waits that ended well, or saw progress: it rises while the target works."""
        self.reads_on = False
        """The run saw a reorder or a loss: cases read on for overtaken events before they leave."""
        self.disorderly = False
        """The target reorders with nothing going on beside it."""
        self.queue_s = 0.0
        """How long a full queue of calls takes that the target does in turn: no wait is shorter."""
        self.on_vain: Callable[[], None] = _nothing
        """Called when a wait was in vain, before anything is given up."""
        self._latency = Latency()
        self._looks = 0
        """How many waits and looks were in vain."""
        self._vain = 0
        self._vain_glances = 0

    @property
    def current_s(self) -> float:
        """Seconds to wait now."""
        turn = current()
        # One full wait in vain confirms a case: nothing more is learned from others in it.
        before = _VAIN_BEFORE_SHORT if turn.pace == "careful" else _VAIN_BEFORE_HASTY
        full_s = max(self.timeout_s, self.queue_s)
        if self._vain < before or (turn.pace == "patient" and not turn.vain):
            return full_s
        shortened_s = self._careful_s if turn.pace == "careful" else self._hasty_s
        # Two digits: messages say how long was waited.
        return min(full_s, float(f"{max(shortened_s, self.queue_s):.2g}"))

    @property
    def _hasty_s(self) -> float:
        share = _LEAST if current().vain >= _VAIN_BEFORE_SHORT else _HASTY
        least_s = min(_HASTY_LEAST_S, self.timeout_s / _SHORTENED)
        return max(self.timeout_s / share, least_s, self._latency.bound_s * _BOUND_FACTOR)

    @property
    def _careful_s(self) -> float:
        return max(self.timeout_s / self._share, self._latency.slowest_s * _SLOWEST_FACTOR)

    @property
    def _share(self) -> int:
        """The factor by which waits are shortened, once several were in vain."""
        turn = current()
        if turn.vain >= 2 * _VAIN_BEFORE_SHORT:
            return _LEAST
        alone = self.is_often_in_vain and not turn.crowded()
        return _SHORTEST if turn.vain >= _VAIN_BEFORE_SHORT or alone else _SHORTENED

    @property
    def in_vain(self) -> bool:
        """True if any wait, or any look for overtaken events, was in vain."""
        return self._vain + self._vain_glances > 0

    @property
    def is_often_in_vain(self) -> bool:
        """True if so many waits were in vain that the target is judged broken, whatever comes."""
        return self._vain >= _VAIN_BEFORE_SHORTEST

    @property
    def quiet_s(self) -> float:
        """Seconds for which a wait runs with no other case beside it: hardly any arrival takes longer.

        They are many for a target that never let a wait run out: few of its cases meet another.
        """
        if not self.in_vain:
            return max(self.timeout_s * _PEACEFUL_SHARE, self._latency.slowest_s * _QUIET_FACTOR)
        if self._vain < _VAIN_BEFORE_HASTY:
            return max(_QUIET_S, self._latency.slowest_s * _QUIET_FACTOR)
        return max(_QUIET_BROKEN_S, self._latency.bound_s * _QUIET_FACTOR)

    @property
    def looks_long(self) -> bool:
        """True if a look for overtaken events lasts its full time: the last ones were not in vain."""
        return self._vain_glances < _VAIN_BEFORE_SHORT

    @property
    def glance_s(self) -> float:
        """Seconds to look for overtaken events; few once several looks were in vain."""
        if not self.looks_long:
            return max(_SHORT_GLANCE_S, self._latency.bound_s * _QUIET_FACTOR)
        return min(self.current_s, max(_GLANCE_S, self._latency.slowest_s * _SLOWEST_FACTOR))

    def note_glance(self, *, came: bool) -> None:
        """Learns from one look for overtaken events; a look in vain shortens only later looks."""
        self._vain_glances = 0 if came else self._vain_glances + 1

    async def glance(self, task: asyncio.Future[Any]) -> bool:
        """Returns whether overtaken events come soon; a look in vain shortens only later looks."""
        came = await self.wait(task, timeout_s=self.glance_s, glance=True)
        self.note_glance(came=came)
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
                self.moves += 1
                return True
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while not task.done():
            limit = self.current_s if timeout_s is None else timeout_s
            before, began = progress() if progress else 0, loop.time()
            in_vain = self._looks
            turn = current()
            beside = turn.crowded()
            shrinks = timeout_s is None and not glance and turn.pace == "hasty"
            quiet_s = min(self.quiet_s, _QUIET_S) if turn.soon else self.quiet_s
            with lending(quiet_s, progress, task.done):
                awake_s = await self._wait_fed(task, limit, glance=glance, shrinks=shrinks)
            if task.done() or (progress is not None and progress() != before):
                self.moves += 1
            if task.done():
                if self._looks != in_vain:
                    return True  # the task that it waited for had waited in vain
                turn.slowest_s = max(turn.slowest_s, awake_s)
                calls = timeout_s is None or glance  # not for a task of many calls
                if calls and not (beside or turn.crowded()):  # others may have taken time
                    self._latency.note(loop.time() - began, progress() - before if progress else 1)
            elif glance or progress is None or progress() == before:
                self._looks += 1
                if not glance:
                    self._note_vain(task, min(limit, self.current_s) if shrinks else limit)
                return False
        return True

    async def wait_for_tool(self, task: asyncio.Future[Any], limit_s: float) -> bool:
        """Returns whether a tool of the suite ends within so many seconds with a processor.

        Args:
            task: its end; it is never cancelled.
            limit_s: the seconds.
        """
        await self._wait_fed(task, limit_s, glance=False, shrinks=False)
        return task.done()

    def _note_vain(self, task: asyncio.Future[Any], limit_s: float) -> None:
        turn = current()
        self._vain += 1
        turn.vain += 1
        turn.gave_up_s = limit_s
        self.note_limit(limit_s)
        note_hung(task)
        self.on_vain()

    def note_limit(self, limit_s: float) -> None:
        """Notes that the current case gave up after so many seconds."""
        if limit_s < self.timeout_s:
            turn = current()
            turn.hasty_s = max(turn.hasty_s, limit_s)

    async def _wait_fed(
        self, task: asyncio.Future[Any], limit_s: float, *, glance: bool, shrinks: bool
    ) -> float:
        """Waits for so many seconds in which nothing was starved, ten times as long at most.

        A case that is judged again waits up to forty times as long.

        Args:
            task: what to wait for.
            limit_s: how long.
            glance: this is only a first look.
            shrinks: the wait ends early once waits in vain elsewhere have shortened all.

        Returns:
            The seconds that it waited while this loop ran, without those that other code took.
        """
        slices = _FINE_SLICES if current().pace == "patient" else _SLICES
        # The first part is not measured, since measuring costs more than most waits take.
        first_s = limit_s if glance else min(limit_s / 2, _UNMEASURED_S)

        def enough(waited_s: float) -> bool:
            return shrinks and waited_s >= self.current_s < limit_s

        awake_s = await _wait_awake(task, first_s, slices, enough)
        left_s, waited_s, loop = limit_s - first_s, first_s, asyncio.get_running_loop()
        factor = _MOST_FACTORS[current().pace]
        before = 0.0 if task.done() or left_s <= 0 else self.meter.read()
        while left_s > 0 and not task.done():
            # Beside others a wait costs nobody time, and a processor is often lacking.
            if waited_s > factor * (self.timeout_s if current().crowded() else limit_s):
                self.undecided += 1
                current().starved = True
                break
            began = loop.time()
            awake_s += await _wait_awake(task, left_s, slices, enough, awake_s)
            passed_s = loop.time() - began
            now = self.meter.read()
            # Beside others a slice can last long; what was not starved of it counts in full.
            left_s -= passed_s - min(passed_s, now - before)
            before, waited_s = now, waited_s + passed_s
            if left_s <= _LEAST_SHARE * limit_s or enough(awake_s):
                break
        return awake_s


async def _wait_awake(
    task: asyncio.Future[Any],
    limit_s: float,
    slices: int,
    enough: Callable[[float], bool],
    before_s: float = 0.0,
) -> float:
    """Waits in slices: time in which this loop stood still, on a busy machine, does not count.

    Returns:
        The seconds in slices that passed.
    """
    for passed in range(slices):
        waited_s = passed * limit_s / slices
        if enough(before_s + waited_s):
            return waited_s
        await asyncio.wait({task}, timeout=limit_s / slices)
        if task.done():
            return waited_s
    return limit_s
