"""How long each measurement may take, so that the whole takes the time that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.bench.shape import Plan, Point

_BASE_FACTOR: Final = 4
_LEAST_S: Final = 0.02
_AROUND: Final = 1.5
"""What a point takes for each second measured, as long as none was: it is also entered, warmed up, left,
and all that it delivered is accounted for."""
_OVER: Final = 1.2


class Budget:
    """Divides what is left of the time over what is still to be measured.

    A length holds for all targets at a point, so that they are measured alike. What lies around the
    measurements differs from point to point by much (subscribing 900 times is not free) and is known for
    each from the round before.

    Args:
        plan: has the seconds in all, or a fixed length.
        points: what each round measures.
        targets: how many.
        spent_s: what went before the first round.
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
        """Of a measurement with one unit, at a point of a round, both counted from 0."""
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
        """A point was measured."""
        self._left_s -= took_s
        measured_s = self._units[place] * length_s
        self._around[place] = max(0.0, took_s - measured_s)
        self._known_s += max(took_s, measured_s)
        self._measured_s += measured_s

    def another(self) -> bool:
        """Whether one more round, as short as can be, still fits, or about."""
        if self._fixed_s is not None:
            return True
        least_s = sum(self._around.values()) + _LEAST_S * sum(self._units)
        return least_s <= self._left_s + (_OVER - 1) * self._all_s


def units(point: Point) -> int:
    """How many lengths each target takes at a point: in the open loop, and in the closed one."""
    return factor(point) * (2 if point.closed else 1)


def factor(point: Point) -> int:
    """How much longer than others it is measured: all dimensions begin with the base."""
    return _BASE_FACTOR if point.dimension == "base" else 1
