"""Writes numbers: three significant digits and a unit."""

from __future__ import annotations

import math
from typing import Final

from eventhook_conformance.bench.result import Measure, Memory
from eventhook_conformance.bench.statistics import Growth, Spread

NOTHING: Final = "–"


def count(value: float) -> str:
    """Writes a rate or a size, such as `153 k`."""
    for factor, unit in ((1e6, " M"), (1e3, " k")):
        if value >= 0.9995 * factor:
            return digits(value / factor) + unit
    return digits(value)


def duration(microseconds: float | None) -> str:
    """Writes a latency, such as `4.07 ms`."""
    if microseconds is None:
        return NOTHING
    if math.isinf(microseconds):
        return "never"
    for factor, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= 0.9995 * factor:
            return f"{digits(microseconds / factor)} {unit}"
    return f"{digits(microseconds)} µs"


def digits(value: float) -> str:
    """Writes three significant digits, without an exponent."""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(value: Spread | None) -> str:
    """Writes a median and the spread of the rounds, such as `153 k ±4%`."""
    if value is None:
        return NOTHING
    return f"{count(value.median)} ±{value.percent:.0f}%" if value.percent else count(value.median)


def latency(measure: Measure, q: float) -> str:
    """Writes a quantile of a measure."""
    return duration(measure.latency_us(q)) if measure.opens else NOTHING


def exponent(found: Growth | None) -> str:
    """Writes the growth of a cost, such as `n^0.46 (0.35 to 0.61)`."""
    if found is None:
        return NOTHING
    apart = (
        ""
        if f"{found.least:.2f}" == f"{found.most:.2f}"
        else f" ({found.least:.2f} to {found.most:.2f})"
    )
    return f"n^{found.exponent:.2f}{apart}"


def memory(found: Memory | None) -> str:
    """Writes the memory of a subscription, and how it was measured."""
    if found is None:
        return NOTHING
    parts = []
    if found.python_bytes is not None:
        parts.append(f"{count(found.python_bytes)}B (tracemalloc)")
    if found.children_bytes is not None:
        parts.append(f"{count(found.children_bytes)}B (RSS of its processes)")
    return " + ".join(parts) or "cannot be measured from here"
