"""Prints a bench for a person at a terminal: targets side by side, then every dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from eventhook_conformance.bench.numbers import (
    NOTHING,
    duration,
    exponent,
    latency,
    memory,
    spread,
)
from eventhook_conformance.bench.result import QUANTILES, BenchResult, Measure, TargetResult
from eventhook_conformance.bench.shape import TITLES, Dimension
from eventhook_conformance.report.text import printable

_STYLES: Final = {
    "delivers": "green",
    "loses": "bold red",
    "breaks": "bold red",
    "fails": "bold red",
}
_WORDS: Final = {"delivers": "as owed", "loses": "LOSES", "breaks": "BREAKS", "fails": "FAILS"}


def report(bench: BenchResult) -> Iterator[RenderableType]:
    """Yields everything in the order in which it is printed."""
    rounds = f"medians of {bench.rounds} rounds, targets in turn" if bench.rounds > 1 else "1 round"
    if bench.rounds < bench.plan.rounds:
        rounds += f" (of {bench.plan.rounds}: the time was up)"
    yield Text(f"{rounds}; {bench.machine}; {bench.duration_s:.0f} s in all", style="dim")
    yield _summary(bench)
    if bench.dimensions:
        yield _dimensions(bench)
        yield Text(
            "events/s: closed loop, what all readers have read (± half the range of the rounds). "
            "Latency: open loop, from the moment an event was due, at the rate offered "
            "(* the schedule could not be kept).",
            style="dim",
        )
    for one in bench.results:
        yield Text(printable(f"{one.name} {one.reason}"), style=_STYLES[one.verdict])


def _summary(bench: BenchResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=f"base: {bench.base}", title_justify="left")
    table.add_column("")
    for one in bench.results:
        table.add_column(printable(one.name), justify="right")
    rows: list[tuple[str, list[str | Text]]] = [
        ("delivers", [_verdict(one) for one in bench.results]),
        ("deliveries checked", [f"{one.account.deliveries:,}" for one in bench.results]),
        ("owed and lost", [f"{one.account.lost:,}" for one in bench.results]),
        ("overflowed as claimed", [_overflowed(one) for one in bench.results]),
        ("events/s", [_at_base(one, "speed") for one in bench.results]),
    ]
    for name, _ in QUANTILES:
        rows.append((f"latency {name}", [_at_base(one, name) for one in bench.results]))
    rows.append(("memory a subscription", [memory(one.memory) for one in bench.results]))
    for dimension in bench.dimensions:
        found = [one.growth(dimension, bench.plan) for one in bench.results]
        if any(found):
            rows.append((f"cost over {TITLES[dimension]}", [exponent(one) for one in found]))
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


def _verdict(result: TargetResult) -> Text:
    return Text(_WORDS[result.verdict], style=_STYLES[result.verdict])


def _overflowed(result: TargetResult) -> str:
    return f"{max(0, result.account.missing - result.account.lost):,}"


def _at_base(result: TargetResult, what: str) -> str:
    measure = result.base
    if measure is None:
        return NOTHING
    if what == "speed":
        return spread(measure.throughput)
    return latency(measure, dict(QUANTILES)[what])


def _dimensions(bench: BenchResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("varied")
    table.add_column("", justify="right")
    table.add_column("offered", justify="right")
    for one in bench.results:
        table.add_column(f"{printable(one.name)}\nevents/s", justify="right")
        table.add_column("\np50", justify="right")
        table.add_column("\np99", justify="right")
    for dimension in bench.dimensions:
        series = [dict(one.series(dimension, bench.plan)) for one in bench.results]
        values = bench.values(dimension)
        for place, value in enumerate(values):
            measures = [one.get(value) for one in series]
            rate = next((one.rate for one in measures if one and one.rate), None)
            table.add_row(
                "" if place else TITLES[dimension],
                str(value),
                NOTHING if rate is None else f"{rate:,.0f}/s",
                *(cell for one in measures for cell in _cells(one, dimension)),
                end_section=place == len(values) - 1,
            )
    return table


def _cells(measure: Measure | None, dimension: Dimension) -> list[str]:
    if measure is None:
        return [NOTHING] * 3
    speed = NOTHING if dimension == "rate" else spread(measure.throughput)
    p50 = latency(measure, 0.5)
    p99 = measure.latency_us(0.99) if measure.opens else None
    return [speed, p50, duration(p99) + ("*" if measure.behind else "")]
