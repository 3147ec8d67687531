"""The engine's clock."""

from __future__ import annotations

from collections.abc import Callable

from eventhook_conformance.contract.events import now_ms


class MovableClock:
    """The system's time, which tests and fired timers may move forward; it never runs backwards.

    Args:
        read: gives the time that this one starts from, in milliseconds since the epoch.
    """

    def __init__(self, read: Callable[[], int] = now_ms) -> None:
        self._read = read
        self._ahead_ms = 0
        self._latest_ms = 0

    def now_ms(self) -> int:
        """Returns milliseconds since the epoch, never fewer than before (LIF-05)."""
        self._latest_ms = max(self._latest_ms, self._read() + self._ahead_ms)
        return self._latest_ms

    def advance(self, duration_ms: int) -> None:
        """Moves it forward.

        Raises:
            ValueError: the duration is negative.
        """
        if duration_ms < 0:
            raise ValueError(f"the duration is {duration_ms} ms; a clock only moves forward")
        self._ahead_ms += duration_ms

    def move_to(self, time_ms: int) -> None:
        """Moves it forward to a time, if that is not over yet."""
        self.advance(max(0, time_ms - self.now_ms()))
