"""Ends a run early where the target does nothing any more: the rest would only take time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final, Literal

from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.probe.turns import current
from eventhook_conformance.results import CaseResult

_MOST_EXCUSED: Final = 0.9
"""The most of the time that a lack of processors may account for."""


class CircuitBreaker:
    """Counts failed cases in a row; opens where the target is of no more use.

    A target that breaks most rules is still judged by all cases, as long as it works and is quick. Cases
    that a busy machine left undecided are counted apart.

    Args:
        check_target: returns why the target is of no more use, None if it works.
        limits: how many failures are tolerated.
        starved_s: counts the seconds without a processor, for which no target answers.
    """

    def __init__(
        self,
        check_target: Callable[[], Awaitable[str | None]],
        limits: Limits,
        starved_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.reason: str | None = None
        """Why no more cases run; None while it is closed."""
        self._check_target = check_target
        self._limits = limits
        self._starved_s = starved_s
        self._starved_before_s = 0.0
        self._failures = 0
        self._since_s = 0.0
        """When the first of the failed cases began."""
        self._starved = 0
        self._starved_since_s = 0.0
        self.blame: Literal["suite", "target"] = "target"
        """On whose account it opened: the suite answers for a machine that is too busy."""
        self._checks = 0
        self._checking = asyncio.Lock()

    async def why_open(self) -> str | None:
        """Returns why the next case may not run, None if it may; waits while the target is checked."""
        async with self._checking:
            return self.reason

    async def record(self, result: CaseResult) -> None:
        """Counts a result, and checks the target after 8, 16, 32, … failures in a row."""
        if self.reason is not None:
            return  # cases that were under way already
        if current().starved and result.outcome == "error":
            self._count_starved(result)
            return
        self._starved = 0
        if result.outcome == "passed":
            self._failures, self._checks = 0, 0
            return
        if not self._failures:
            self._since_s = perf_counter() - result.duration_s
            self._starved_before_s = self._starved_s()
        self._failures += 1
        took_s = perf_counter() - self._since_s  # they may have overlapped
        if took_s >= (limits := self._limits).hopeless_s:
            starved_s = self._starved_s() - self._starved_before_s  # of several processes together
            took_s -= min(starved_s, _MOST_EXCUSED * took_s)
        many = self._failures >= limits.hopeless_cases and took_s >= limits.hopeless_s
        slow = self._failures >= limits.slow_cases and took_s >= limits.slow_s
        if many or slow:
            self.reason = (
                f"the {self._failures} cases up to {result.id} did not pass, "
                f"and took {took_s:.0f} s"
            )
        elif self._failures >= limits.failures_before_check << self._checks:
            self._checks += 1
            async with self._checking:
                if self.reason is None:
                    trouble = await self._check_target()
                    self.reason = trouble and f"{trouble}, after {result.id} at the latest"

    def _count_starved(self, result: CaseResult) -> None:
        """Counts a case that a busy machine left undecided: it says nothing of the target."""
        if not self._starved:
            self._starved_since_s = perf_counter() - result.duration_s
        self._starved += 1
        took_s = perf_counter() - self._starved_since_s
        limits = self._limits
        if self._starved >= limits.hopeless_cases and took_s >= limits.starved_s:
            self.blame = "suite"
            self.reason = (
                f"the machine was too busy for the {self._starved} cases up to {result.id}, "
                f"which took {took_s:.0f} s"
            )
