"""The numbers in words, the table, the JSON and the page, of results made by hand."""

from __future__ import annotations

import io
import json
import math
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from rich.console import Console

import eventhook_fixtures
from bench import made_bench as made
from eventhook_conformance.bench import numbers
from eventhook_conformance.bench.console import report
from eventhook_conformance.bench.page import page
from eventhook_conformance.bench.plot import Line, Value, lay_out, ticks
from eventhook_conformance.bench.result import BenchResult
from report.test_html import read


def printed(bench: BenchResult) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=200, highlight=False)
    for one in report(bench):
        console.print(one)
    return stream.getvalue()


def test_a_target_that_delivers_all_says_so_and_exits_0() -> None:
    bench = made.bench(made.target("one"), made.target("other"))
    assert bench.exit_code == 0
    text = printed(bench)
    assert "one 10,000 deliveries, all as owed" in text
    assert "LOSES" not in text
    assert "100 k ±5%" in text


def test_a_fast_target_that_loses_is_reported_as_losing() -> None:
    losing = made.target("fast", speed=1e6, lost=12)
    bench = made.bench(made.target("sound"), losing)
    assert bench.exit_code == 1
    assert losing.verdict == "loses"
    text = printed(bench)
    assert "LOSES" in text
    assert "fast loses: 12 of 10,000 owed never came (PUB-01)" in text
    assert "bad" in page(bench)


def test_one_that_reorders_is_not_told_as_losing() -> None:
    """The fence of a measurement may have overtaken what did not come before it."""
    swaps = made.target("swaps", speed=1e6, lost=12)
    swaps.account.violations = [made.violation("order", "PUB-06")]
    assert made.bench(swaps).exit_code == 1
    assert swaps.verdict == "breaks"
    assert "never came" not in swaps.reason


def test_a_breach_that_is_no_loss_fails_too() -> None:
    broken = made.target("broken")
    broken.account.violations = [made.violation("repeated", "PUB-02")]
    assert made.bench(broken).exit_code == 1
    assert broken.reason.startswith("breaks PUB-02: expected")
    failing = made.target("failing")
    failing.failure = "a call of publish did not return within 6 s"
    assert (failing.verdict, made.bench(failing).exit_code) == ("fails", 1)


def test_overflow_that_was_claimed_is_shown_and_no_loss() -> None:
    overflowing = made.target("full")
    overflowing.account.missing = 7
    assert overflowing.verdict == "delivers"
    assert "7 more overflowed as it claims" in overflowing.reason


def test_what_never_came_has_no_finite_latency() -> None:
    losing = made.target("fast", lost=10)
    assert losing.base is not None
    assert losing.base.latency_us(0.5) == pytest.approx(150, rel=0.05)
    assert losing.base.latency_us(0.99) == math.inf
    assert numbers.latency(losing.base, 0.99) == "never"
    content = json.loads(json.dumps(made.bench(losing).to_dict(), allow_nan=False))
    jsonschema.Draft202012Validator(eventhook_fixtures.schema("bench")).validate(content)
    assert content["targets"][0]["measures"][0]["latency_us"]["p99"] == "never"


def test_growth_is_fitted_over_the_medians() -> None:
    found = made.target("one", grows=0.7).growth("subscribers", made.PLAN)
    assert found is not None
    assert found.exponent == pytest.approx(0.7)
    assert made.target("one").growth("filter", made.PLAN) is None
    assert numbers.exponent(found) == "n^0.70"


def test_the_json_has_every_number() -> None:
    content = made.bench(made.target("one")).to_dict()
    (target,) = content["targets"]
    assert target["verdict"] == "delivers"
    assert target["memory"]["python_bytes"] == 1880
    assert target["growth"]["subscribers"]["exponent"] == pytest.approx(1.0)
    base = target["measures"][0]
    assert base["events_per_s"]["rounds"] == pytest.approx([95_000, 100_000, 105_000])
    assert base["latency_us"]["p99.9"] > base["latency_us"]["p99"] > base["latency_us"]["p50"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.234, "1.23"), (12.34, "12.3"), (999.7, "1.00 k"), (153_000, "153 k"), (2e6, "2.00 M")],
)  # fmt: skip
def test_counts_have_three_digits(value: float, text: str) -> None:
    assert numbers.count(value) == text


def test_durations_have_a_unit() -> None:
    shown = [numbers.duration(one) for one in (13.6, 4070.0, 2.5e6, math.inf, None)]
    assert shown == ["13.6 µs", "4.07 ms", "2.50 s", "never", "–"]


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (1, 1000, [1, 10, 100, 1000]),
        (3, 80, [2, 5, 10, 20, 50, 100]),
        (5, 5, [5, 10]),
        (0.03, 0.9, [0.02, 0.05, 0.1, 0.2, 0.5, 1]),
    ],
)
def test_ticks_are_round_and_enclose(least: float, most: float, expected: list[float]) -> None:
    assert ticks(least, most) == pytest.approx(expected)


def test_equal_factors_are_equally_far_apart() -> None:
    values = tuple(Value(10.0**one, 10.0**one, 10.0**one, 10.0**one, "") for one in range(4))
    plot = lay_out("t", "x", [Line("one", 0, values)])
    assert plot is not None
    marks = plot.lines[0].marks
    steps = [later.x - earlier.x for earlier, later in pairwise(marks)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)
    assert marks[0].y == plot.bottom
    assert marks[-1].y == plot.top
    assert lay_out("t", "x", [Line("one", 0, ())]) is None


def test_the_page_is_well_formed_and_needs_nothing() -> None:
    hostile: Any = made.target("<script>alert(1)</script>\x00")
    text = page(made.bench(made.target("one"), hostile))
    reader = read(text)
    assert reader.tags["script"] == 0
    assert reader.handlers == []
    assert "\x00" not in text
    assert reader.tags["figure"] >= 12
    assert "default-src 'none'" in reader.policy


def test_one_round_of_one_point_is_a_page_too() -> None:
    bare = made.target("bare")
    bare.measures = {
        point: one for point, one in bare.measures.items() if point.dimension == "base"
    }
    bare.memory = None
    bench = made.bench(bare)
    read(page(bench))
    assert "bare" in printed(bench)


def test_rounds_that_the_time_was_not_enough_for_are_said() -> None:
    bench = made.bench(made.target("slow"))
    assert "time was up" not in printed(bench) + page(bench)
    bench.rounds = 1
    assert "1 round (of 3: the time was up)" in printed(bench)
    assert "1 round of 3 (the time was up)" in page(bench)
    assert bench.to_dict()["rounds"] == 1
