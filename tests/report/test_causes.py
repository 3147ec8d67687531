"""Failures grouped by cause: the likely root first, its most telling case in front."""

from __future__ import annotations

from checker.builder import Timeline
from eventhook_conformance.checker import Violation
from eventhook_conformance.report.causes import causes
from eventhook_conformance.results import CaseResult
from report import made


def failing(
    identifier: str, made_for: str, *charged: str, timeline: Timeline | None = None
) -> CaseResult:
    return CaseResult(
        id=identifier,
        requirements=(made_for,),
        outcome="failed",
        violations=(Violation("failed", charged or (made_for,), "x", "y"),),
        history=timeline.history if timeline else None,
    )


def history(publishes: int) -> Timeline:
    timeline = Timeline()
    timeline.publishes(publishes)
    return timeline


def test_the_requirement_that_cases_of_others_break_comes_first() -> None:
    cleanup = failing("cleanup::a", "CLN-02", "PUB-06")
    tenants = failing("tenants::a", "TEN-01", "PUB-06", "TEN-01")
    order = failing("order::a", "PUB-06")
    alone = failing("events::a", "EVT-01")
    first, second = causes([cleanup, alone, tenants, order])
    assert first.requirement is not None
    assert first.requirement.id == "PUB-06"
    assert first.telling is order
    assert first.alike == (cleanup, tenants)
    assert second.cases == (alone,)


def test_without_such_a_one_the_specification_gives_the_order() -> None:
    found = causes([failing("b", "SSE-12"), failing("c", "SSE-01"), failing("a", "PUB-02")])
    assert [one.telling.id for one in found] == ["a", "c", "b"]


def test_the_shortest_history_tells_most() -> None:
    long, short = (
        failing(name, "PUB-06", timeline=history(count)) for name, count in (("a", 9), ("b", 2))
    )
    (cause,) = causes([long, short])
    assert cause.telling is short


def test_a_should_comes_after_each_must() -> None:
    found = causes([made.advisory_failure(), failing("a", "SSE-01")])
    assert [one.telling.id for one in found] == ["a", "made::slow"]


def test_every_case_that_did_not_pass_is_in_one_group() -> None:
    cases = [
        made.passed(),
        made.failed(Timeline()),
        made.undecided(),
        made.undecided(),
        made.left_out(),
        failing("a", "PUB-01", "PUB-01", "PUB-02"),
    ]
    found = causes(cases)
    grouped = [id(case) for cause in found for case in cause.cases]
    assert sorted(grouped) == sorted(id(cases[place]) for place in (1, 2, 3, 5))
    assert found[-1].requirement is None
    assert len(found[-1].cases) == 2
