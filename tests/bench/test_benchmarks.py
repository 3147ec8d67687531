"""The pure parts of `benchmarks/`: goals, ratios, the page of numbers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import measuring
import performance
from measuring import Goal, Measured
from shared_log import Cursor, SharedLog


def goal(bound: float, *rounds: float, kind: str = "at most", name: str = "a goal") -> Goal:
    return Goal(name, bound, kind, "×", rounds)  # type: ignore[arg-type]  # because: tests name it freely


def test_the_median_of_the_rounds_decides_a_goal() -> None:
    assert goal(2, 1, 2, 9).met
    assert not goal(2, 1, 3, 9).met
    assert goal(2, 1, 2, 9, kind="at least").met
    assert not goal(2, 1, 1.9, 9, kind="at least").met


def test_contenders_take_turns_and_each_begins_once() -> None:
    order: list[str] = []

    def contender(name: str, value: float) -> float:
        order.append(name)
        return value

    async def slow() -> float:
        return contender("b", 2.0)

    rows = asyncio.run(measuring.in_turn({"a": lambda: contender("a", 1.0), "b": slow}, 3))
    assert rows == {"a": [1.0] * 3, "b": [2.0] * 3}
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_a_ratio_is_taken_within_its_round() -> None:
    rows = {"one": [2.0, 20.0], "other": [1.0, 10.0]}
    assert measuring.ratios(rows, "one", "other") == (2.0, 2.0)


def test_what_was_measured_survives_its_file() -> None:
    measured = Measured("x.py", "X", "here", goals=[goal(2, 1, 2, 9)], notes=["n"])
    measured.enter({"one": [1.0]}, "µs")
    assert Measured.from_json(measured.to_json()) == measured
    assert "MISSED" not in measuring.text(measured)
    measured.goals.append(goal(1, 3.0))
    assert "goal: at most 1 ×: MISSED" in measuring.text(measured)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, "s", "0.5 s"),
        (2.0, "×", "2 ×"),
        (153_000, "events/s", "153 k events/s"),
        (31_500, "B", "31.5 kB"),
    ],
)
def test_values_are_shown_with_three_digits(value: float, unit: str, text: str) -> None:
    assert measuring.shown(value, unit) == text


def test_misses_are_named_with_their_cause() -> None:
    found = Measured("x.py", "Some title", "here")
    found.goals = [goal(2, 1.0, name="kept"), goal(2, 3.0, name="broken"), goal(2, 4.0, name="odd")]
    found.enter({"one": [1.0, 2.0]}, "µs")
    causes = {"missed": {"broken": "it is slow."}, "gains": {"encoding": "py-spy: 40% in json"}}
    text = performance.document([found], causes)
    assert "1 of 3 goals are met." in text
    assert "- **broken**: 3 ×, goal at most 2 ×. Cause: it is slow." in text
    assert "- **odd**: 4 ×, goal at most 2 ×. Cause: not yet known." in text
    assert "| kept: at most 2 × | 1 × | 1 × to 1 × | met |" in text
    assert "- **encoding**: py-spy: 40% in json" in text
    assert "## Missed" not in performance.document([Measured("x.py", "X")], {})


def test_a_page_of_half_the_numbers_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(Measured("verdict.py", "V").to_json())
    with pytest.raises(SystemExit, match=r"lacks broken_buses\.json, drivers\.json, far\.json"):
        performance.read_all(tmp_path)


def test_the_yardstick_delivers_everything_in_order() -> None:
    async def reading() -> list[list[int]]:
        log = SharedLog()
        log.publish(-1)

        async def read() -> list[int]:
            cursor = Cursor(log)
            return [await anext(cursor) for _ in range(4)]

        tasks = [asyncio.create_task(read()) for _ in range(3)]
        for number in range(4):
            await asyncio.sleep(0)
            log.publish(number)
        return await asyncio.gather(*tasks)

    assert asyncio.run(reading()) == [[0, 1, 2, 3]] * 3
