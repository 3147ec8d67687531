"""Divides the given time over the measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.bench.shape import Plan, Point

_BASE_FACTOR: Final = 4
_LEAST_S: Final = 0.02
_AROUND: Final = 1.5
"""A guess before the first measurement: the time a point takes beside each second measured, for entering,
warming up, leaving and checking."""
_OVER: Final = 1.2


class Budget:
    """Divides the time that is left over the measurements that are left.

    All targets have the same length at a point. The time around a measurement differs much between points
    (subscribing 900 times takes long); it is known for each point from the round before.

    Args:
        plan: the seconds in all, or a fixed length.
        points: the points of a round.
        targets: the number of targets.
        spent_s: the seconds spent before the first round.
    """

    def __init__(
        self, plan: Plan, points: Sequence[Point], targets: int, spent_s: float = 0.0
    ) -> None:
        self._fixed_s = plan.duration_s
        self._rounds = plan.rounds
        self._left_s = self._all_s = plan.seconds_for(targets)
        self._left_s -= spent_s
        self._units = [targets * units(one) for one in points]
        self._around: dict[int, float] = {}
        self._known_s = 0.0
        self._measured_s = 0.0

    def length_s(self, number: int, place: int) -> float:
        """Returns the length of a measurement of one unit, at a point of a round, both counted from 0."""
        if self._fixed_s is not None:
            return self._fixed_s
        later = self._rounds - number - 1
        around = self._known_s / self._measured_s if self._measured_s else _AROUND
        fixed_s = weight = 0.0
        for at, size in enumerate(self._units):
            times = later + (at >= place)
            known = self._around.get(at)
            fixed_s += times * (known or 0.0)
            weight += times * size * (around if known is None else 1.0)
        return max(_LEAST_S, (self._left_s - fixed_s) / weight)

    def spent(self, place: int, length_s: float, took_s: float) -> None:
        """Notes that a point was measured."""
        self._left_s -= took_s
        measured_s = self._units[place] * length_s
        self._around[place] = max(0.0, took_s - measured_s)
        self._known_s += max(took_s, measured_s)
        self._measured_s += measured_s

    def another(self) -> bool:
        """Returns whether one more round, as short as possible, still fits roughly."""
        if self._fixed_s is not None:
            return True
        least_s = sum(self._around.values()) + _LEAST_S * sum(self._units)
        return least_s <= self._left_s + (_OVER - 1) * self._all_s


def units(point: Point) -> int:
    """Returns how many lengths each target takes at a point: one for the open loop, one for the closed."""
    return factor(point) * (2 if point.closed else 1)


def factor(point: Point) -> int:
    """Returns how much longer a point is measured; the base counts for all dimensions."""
    return _BASE_FACTOR if point.dimension == "base" else 1
