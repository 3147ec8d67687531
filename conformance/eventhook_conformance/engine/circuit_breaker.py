"""When a run goes no further: where a target does nothing any more, the rest would only take time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from eventhook_conformance.results import CaseResult

_SUSPICIOUS: Final = 8
"""So many cases in a row that did not pass ask for a look at whether the target works at all."""
_HOPELESS: Final = 24
_HOPELESS_S: Final = 60.0
"""So many in a row, in so many seconds: it may work anew each time, and for no case to the end."""


class CircuitBreaker:
    """Counts the cases in a row that did not pass.

    A target that breaks most rules goes on to be judged by all cases, as long as it works and is quick.
    """

    def __init__(self) -> None:
        self.still_works: Callable[[], Awaitable[str | None]] | None = None
        """Why the target is of no more use, if it is."""
        self.why: str | None = None
        """Why no more cases are run, if so."""
        self._in_a_row = 0
        self._took_s = 0.0
        self._looks = 0

    async def note(self, result: CaseResult) -> None:
        """Takes a case's result into account, and looks at the target where it is time to."""
        if result.outcome == "passed":
            self._in_a_row, self._took_s, self._looks = 0, 0.0, 0
            return
        self._in_a_row += 1
        self._took_s += result.duration_s
        if self._in_a_row >= _HOPELESS and self._took_s >= _HOPELESS_S:
            self.why = (
                f"the {self._in_a_row} cases up to {result.id} did not pass, "
                f"and took {self._took_s:.0f} s"
            )
        elif self._in_a_row >= _SUSPICIOUS << self._looks and self.still_works is not None:
            self._looks += 1
            trouble = await self.still_works()
            self.why = trouble and f"{trouble}, after {result.id} at the latest"
