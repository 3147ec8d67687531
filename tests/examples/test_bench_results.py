"""The page of bench results: shows the measurements, and is written from the file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.scripts import EXAMPLES, script

measuring = script("verdicts_measuring")
pages = script("bench_results_page")
results = script("bench_results")


def report(**changes: Any) -> dict[str, Any]:
    """Returns a report of `bench` on one target."""
    speed = {"median": 223_000.0}
    measures = [
        {"dimension": "base", "value": "", "events_per_s": speed, "offered_per_s": 2000.0,
         "latency_us": {"p50": 13.7, "p99": None}},
        {"dimension": "publishers", "value": 64, "events_per_s": None, "offered_per_s": 2000.0,
         "latency_us": {}},
        {"dimension": "subscribers", "value": 100, "events_per_s": {"median": 34_600.0},
         "offered_per_s": 2000.0, "latency_us": {}},
    ]  # fmt: skip
    target = {
        "verdict": "delivers",
        "reason": "568 deliveries, all as owed",
        "memory": {"python_bytes": 2536.0, "children_bytes": None},
        "measures": measures,
    }
    return {"machine": "CPython 3.11, load 0.1 before", "targets": [target | changes]}


def test_a_row_holds_what_was_measured_and_a_dash_where_nothing_was() -> None:
    text = pages.page({"toy": pages.bench_from(report(), 14.6)}, {"toy": "a list"})
    row = next(line for line in text.splitlines() if line.startswith("| toy"))
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "a list", "–", "223 k/s", "–", "34.6 k/s", "2.00 k/s", "13.7 µs", "–", "2.54 kB", "15 s",
    ]  # fmt: skip
    assert "Measured with CPython 3.11.\n" in text
    assert "All delivered what they owed." in text


def test_what_never_came_has_no_latency() -> None:
    late = report()
    late["targets"][0]["measures"][0]["latency_us"] = {"p50": 13.7, "p99": "inf"}
    text = pages.page({"toy": pages.bench_from(late, 14.6)}, {})
    assert "| 13.7 µs | never |" in text


def test_one_that_ended_early_is_not_told_as_losing() -> None:
    early = report(verdict="fails", reason="fails: publish did not return", measures=[])
    text = pages.page({"toy": pages.bench_from(early, 9.0)}, {})
    assert "Not measured to the end" in text
    assert "loses" not in text


def test_a_bus_that_loses_is_named_with_its_reason() -> None:
    lost = report(
        verdict="loses", reason="loses: 78 of 78,004 owed never came (PUB-01)", measures=[]
    )
    text = pages.page({"toy": pages.bench_from(lost, 9.0)}, {})
    assert "- **toy** loses: 78 of 78,004 owed never came (PUB-01)" in text
    assert "All delivered" not in text


def test_one_that_cannot_be_measured_is_told_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "DOCS", tmp_path)

    def measure(entry: Any) -> Any:
        if entry.bus.name == "nats":
            raise results.Unmeasured("there is no nats-server on this machine")
        return pages.bench_from(report(), 14.6)

    monkeypatch.setattr(results, "measure", measure)
    entries = measuring.read_entries(EXAMPLES)[:2]
    assert results.renew(entries, entries) == 3
    assert "NOT MEASURED: nats: there is no nats-server on this machine" in capsys.readouterr().err
    assert list(json.loads((tmp_path / "bench-results.json").read_text())["buses"]) == ["memory"]
    assert "| memory |" in (tmp_path / "bench-results.md").read_text()


def test_the_page_is_the_one_made_of_what_was_measured(tmp_path: Path) -> None:
    docs = EXAMPLES.parent / "docs"
    entries = measuring.read_entries(EXAMPLES)
    results.write(entries, results.read_measured(docs / "bench-results.json"), tmp_path)
    for name in ("bench-results.md", "bench-results.json"):
        assert (tmp_path / name).read_text() == (docs / name).read_text()
