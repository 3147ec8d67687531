"""Learns how long arrivals take, as TCP learns its timeout."""

from __future__ import annotations

from typing import Final

_MEAN_SHARE: Final = 1 / 8
_DEVIATION_SHARE: Final = 1 / 4
_DEVIATIONS: Final = 4


class Latency:
    """The arrivals so far: the slowest, and a bound that hardly any exceeds (RFC 6298)."""

    def __init__(self) -> None:
        self.slowest_s = 0.0
        self._mean_s = 0.0
        self._deviation_s = 0.0

    @property
    def bound_s(self) -> float:
        """The bound in seconds that nearly all arrivals keep; 0 before the first arrival."""
        return self._mean_s + _DEVIATIONS * self._deviation_s

    def note(self, took_s: float, arrivals: int = 1) -> None:
        """Learns from arrivals that together took `took_s` seconds."""
        each_s = took_s / max(1, arrivals)
        if not self.slowest_s:
            self._mean_s, self._deviation_s = each_s, each_s / 2
        else:
            off_s = each_s - self._mean_s
            self._deviation_s += _DEVIATION_SHARE * (abs(off_s) - self._deviation_s)
            self._mean_s += _MEAN_SHARE * off_s
        self.slowest_s = max(self.slowest_s, each_s)
