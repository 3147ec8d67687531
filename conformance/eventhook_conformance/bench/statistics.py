"""Computes quantiles, medians, spreads and growth from lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import Final

_ENOUGH_BEYOND: Final = 1
"""The samples that must lie beyond a quantile for it to mean more than the largest sample."""


@dataclass(frozen=True)
class Spread:
    """One number measured in several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns the spread of at least one value."""
        return cls(median(values), min(values), max(values))

    @property
    def percent(self) -> float:
        """Returns half the range, in percent of the median."""
        return 50 * (self.most - self.least) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Growth:
    """The growth of a cost: the size to the power of `exponent`."""

    exponent: float
    least: float
    """The smallest exponent that a single round shows."""
    most: float


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Returns the smallest value that a share `q` of all does not exceed; None if there are too few.

    It is the nearest rank, never interpolated: a latency that did occur.

    Args:
        ordered: the values, rising.
    """
    if not ordered or len(ordered) * (1 - q) < _ENOUGH_BEYOND - 1e-9:
        return None
    return ordered[max(0, math.ceil(q * len(ordered) - 1e-9) - 1)]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """Returns the slope of costs over sizes in log-log, by least squares; None below three points."""
    pairs = [
        (math.log(size), math.log(cost))
        for size, cost in zip(sizes, costs, strict=True)
        if size > 0 and cost > 0
    ]
    if len({x for x, _ in pairs}) < 3:
        return None
    return linear_regression([x for x, _ in pairs], [y for _, y in pairs]).slope


def growth(sizes: Sequence[float], rounds: Sequence[Sequence[float]]) -> Growth | None:
    """Returns the growth by the medians, and by the single rounds.

    Args:
        sizes: one for each point.
        rounds: for each point, its cost in each round.
    """
    whole = exponent(sizes, [median(costs) for costs in rounds])
    if whole is None:
        return None
    number = min(len(costs) for costs in rounds)
    single = [exponent(sizes, [costs[one] for costs in rounds]) for one in range(number)]
    known = [one for one in single if one is not None] or [whole]
    return Growth(whole, min(known), max(known))
