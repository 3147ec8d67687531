"""Writes one HTML page with plots. It needs no network, no script and no other file."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eventhook_conformance import __version__
from eventhook_conformance.bench import numbers
from eventhook_conformance.bench.plot import Line, Plot, Value, lay_out
from eventhook_conformance.bench.result import QUANTILES, BenchResult, Measure
from eventhook_conformance.bench.shape import TITLES, Dimension
from eventhook_conformance.report.text import printable

_FILES: Final = Path(__file__).parent / "page_files"


def page(bench: BenchResult) -> str:
    """Returns the page for all targets."""
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    source = (_FILES / "bench.css").read_text(encoding="utf-8")
    style = Markup(source)  # noqa: S704  # a file of ours, not from outside
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = environment.get_template("bench.html.j2").render(
        bench=bench,
        numbers=numbers,
        quantiles=QUANTILES,
        titles=TITLES,
        sections=[(dimension, list(_plots(bench, dimension))) for dimension in bench.dimensions],
        style=style,
        style_hash=f"sha256-{digest}",
        suite=__version__,
    )
    return text + "\n"


def _plots(bench: BenchResult, dimension: Dimension) -> Iterator[Plot]:
    values = bench.values(dimension)
    words = None if all(isinstance(one, int) for one in values) else [str(one) for one in values]
    # Zero has no logarithm: its values are in the table only.
    places = {
        value: float(value) if words is None else float(place)
        for place, value in enumerate(values)
        if words is not None or value
    }
    drawn = [
        lay_out(
            "events/s", TITLES[dimension], list(_speeds(bench, dimension, places)), names=words
        ),
        lay_out(
            "latency in ms: p50, and p99 (hollow)",
            TITLES[dimension],
            list(_latencies(bench, dimension, places)),
            names=words,
        ),
    ]
    yield from (one for one in drawn if one is not None)


def _speeds(
    bench: BenchResult, dimension: Dimension, places: dict[int | str, float]
) -> Iterator[Line]:
    if dimension == "rate":
        return
    for number, result in enumerate(bench.results):
        found = [
            Value(
                places[value],
                measure.throughput.median,
                measure.throughput.least,
                measure.throughput.most,
                f"{numbers.spread(measure.throughput)} events/s at {value}",
            )
            for value, measure in result.series(dimension, bench.plan)
            if measure.throughput is not None and value in places
        ]
        yield Line(result.name, number, tuple(found))


def _latencies(
    bench: BenchResult, dimension: Dimension, places: dict[int | str, float]
) -> Iterator[Line]:
    for number, result in enumerate(bench.results):
        for name, q in QUANTILES[:2]:
            found = [
                one
                for value, measure in result.series(dimension, bench.plan)
                if value in places
                and (one := _latency(measure, places[value], q, f"{name} at {value}")) is not None
            ]
            yield Line(result.name, number, tuple(found), dashed=name != "p50")


def _latency(measure: Measure, x: float, q: float, where: str) -> Value | None:
    whole = measure.latency_us(q) if measure.opens else None
    if whole is None or not math.isfinite(whole) or whole <= 0:
        return None
    rounds = [
        one
        for one in measure.latency_rounds(q)
        if one is not None and math.isfinite(one) and one > 0
    ]
    least, most = min([whole, *rounds]), max([whole, *rounds])
    return Value(x, whole / 1e3, least / 1e3, most / 1e3, f"{numbers.duration(whole)}, {where}")
