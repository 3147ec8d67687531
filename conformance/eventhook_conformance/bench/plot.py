"""Lays out plots with logarithmic axes as numbers. The template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 360
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 34


@dataclass(frozen=True)
class Value:
    """One measured point of a line: the median, the least and the most of the rounds."""

    x: float
    y: float
    least: float
    most: float
    text: str
    """The text that a reader sees on pointing at it."""


@dataclass(frozen=True)
class Line:
    """The values of one target."""

    name: str
    series: int
    """Selects its colour and mark."""
    values: tuple[Value, ...]
    dashed: bool = False


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """One value, in the plot's own coordinates."""

    x: float
    y: float
    least: float
    most: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """One line, in the plot's own coordinates."""

    name: str
    series: int
    dashed: bool
    path: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Plot:
    """A whole plot."""

    title: str
    x_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Drawn, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def ticks(least: float, most: float) -> list[float]:
    """Returns round numbers, from the greatest below `least` to the smallest above `most`."""
    first, last = math.floor(math.log10(least) + 1e-9), math.ceil(math.log10(most) - 1e-9)
    last = max(last, first + 1)
    decades = [10.0**power for power in range(first, last + 1)]
    if most / least >= 100:
        return decades
    fine = [factor * decade for decade in decades for factor in (1, 2, 5)]
    low = max((one for one in fine if one <= least * (1 + 1e-9)), default=fine[0])
    high = min((one for one in fine if one >= most * (1 - 1e-9) and one > low), default=fine[-1])
    return [one for one in fine if low <= one <= high]


def lay_out(
    title: str,
    x_title: str,
    lines: Sequence[Line],
    *,
    names: Sequence[str] | None = None,
) -> Plot | None:
    """Lays out a plot of these lines; None if there is nothing to draw.

    Args:
        names: the words of an axis; None for a logarithmic axis.
    """
    values = [value for line in lines for value in line.values]
    if not values:
        return None
    y_at = ticks(min(one.least for one in values), max(one.most for one in values))
    y = _Log(y_at[0], y_at[-1], HEIGHT - _BOTTOM, _TOP)
    if names is not None:
        room = (WIDTH - _LEFT - _RIGHT) / len(names)
        x_ticks = [Tick(_LEFT + room * (place + 0.5), name) for place, name in enumerate(names)]
        xs = {float(place): tick.at for place, tick in enumerate(x_ticks)}
    else:
        at = sorted({one.x for one in values})
        x = _Log(at[0], at[-1], _LEFT + 14, WIDTH - _RIGHT - 14)
        x_ticks = [Tick(x.at(one), f"{one:,.0f}") for one in at]
        xs = {one: x.at(one) for one in at}
    return Plot(
        title=title,
        x_title=x_title,
        x_ticks=tuple(x_ticks),
        y_ticks=tuple(Tick(y.at(one), short(one)) for one in y_at),
        lines=tuple(_draw(line, xs, y, joined=names is None) for line in lines if line.values),
    )


def _draw(line: Line, xs: dict[float, float], y: _Log, *, joined: bool) -> Drawn:
    # Lines that share a place are drawn a little apart, so that no mark hides another.
    apart = (line.series % 6 - 1) * 5.0
    marks = tuple(
        Mark(
            round(xs[one.x] + apart, 1),
            y.at(one.y),
            y.at(one.least),
            y.at(one.most),
            f"{line.name}: {one.text}",
        )
        for one in line.values
    )
    steps = " L".join(f"{mark.x:g} {mark.y:g}" for mark in marks)
    return Drawn(line.name, line.series % 6, line.dashed, f"M{steps}" if joined else "", marks)


@dataclass(frozen=True)
class _Log:
    least: float
    most: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Returns the place of a value."""
        if self.most <= self.least:
            return (self.begin + self.end) / 2
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return round(self.begin + share * (self.end - self.begin), 1)


def short(value: float) -> str:
    """Writes a number on an axis."""
    for factor, unit in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"
