"""The budget: the time given is the time taken, with any overhead; no clock is read here."""

from __future__ import annotations

import pytest

from eventhook_conformance.bench.budget import Budget, factor, units
from eventhook_conformance.bench.shape import Plan, Point, quick_plan

BOTH = ["events", "streams"]


def play(plan: Plan, targets: int, *, per_second: float = 0.3, each: float = 0.0) -> list[float]:
    """Returns the seconds of each round, if a point costs so much more: by measure, and in any case."""
    points = plan.points(BOTH, 1000)
    budget = Budget(plan, points, targets)
    rounds: list[float] = []
    while len(rounds) < plan.rounds and (not rounds or budget.another()):
        rounds.append(0.0)
        for place, point in enumerate(points):
            length_s = budget.length_s(len(rounds) - 1, place)
            around = each * targets * (20 if point.value == 900 else 1)
            took_s = targets * units(point) * length_s * (1 + per_second) + around
            budget.spent(place, length_s, took_s)
            rounds[-1] += took_s
    return rounds


@pytest.mark.parametrize("targets", [1, 2, 5])
@pytest.mark.parametrize("per_second", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("each", [0.0, 0.02])
def test_the_whole_takes_the_time_given(targets: int, per_second: float, each: float) -> None:
    rounds = play(Plan(), targets, per_second=per_second, each=each)
    assert len(rounds) == 3
    assert sum(rounds) == pytest.approx(15 * targets, rel=0.15)


def test_seconds_are_those_of_all_targets_together() -> None:
    assert sum(play(Plan(seconds=60), 3)) == pytest.approx(60, rel=0.1)
    assert sum(play(quick_plan(), 2)) == pytest.approx(8, rel=0.15)


def test_a_slow_target_gets_fewer_rounds_and_never_none() -> None:
    slow = play(Plan(seconds=20), 1, each=0.2)
    assert len(slow) == 2
    assert sum(slow) < 20 * 1.3
    assert len(play(Plan(seconds=1), 1, each=1.0)) == 1


def test_the_rounds_are_alike() -> None:
    first, *others = play(Plan(), 2)
    assert all(one == pytest.approx(first, rel=0.2) for one in others)


def test_a_length_that_is_given_holds_whatever_the_whole_takes() -> None:
    plan = Plan(duration_s=3.0)
    budget = Budget(plan, plan.points(BOTH, 1000), 2)
    budget.spent(0, 3.0, 1e6)
    assert budget.length_s(0, 1) == 3.0
    assert budget.another()


def test_the_base_is_measured_longer_and_what_is_only_offered_once() -> None:
    points = {one.dimension: one for one in Plan().points(BOTH, 1000)}
    base: Point = points["base"]
    assert factor(base) > factor(points["filter"]) == 1
    assert units(points["rate"]) == 1
    assert units(points["filter"]) == 2
