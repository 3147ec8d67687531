"""The shape of a measurement, and that the closed loop leaves no room for a lawful loss."""

from __future__ import annotations

import pytest

from eventhook_conformance.bench.shape import Plan, Shape, block, quick_plan
from eventhook_conformance.target import Capabilities


def test_the_base_comes_first_and_is_not_measured_twice() -> None:
    points = Plan().points(["events", "streams"], 1000)
    assert points[0].dimension == "base"
    shapes = [one.shape for one in points if one.closed]
    assert len(set(map(repr, shapes))) == len(shapes)
    assert {one.dimension for one in points} == {"base", *Plan().sweeps}


def test_no_target_is_asked_for_more_than_it_claims() -> None:
    for most in (1, 50, 1000):
        points = Plan().points(["events", "streams"], most)
        assert max(one.shape.subscriptions for one in points) <= most
    assert all(one.shape.side == "events" for one in Plan().points(["events"], 1000))


def test_a_bus_of_streams_alone_is_measured_by_its_streams() -> None:
    points = Plan().points(["streams"], 1000)
    assert {one.shape.side for one in points} == {"streams"}
    assert {"publishers", "subscribers", "payload"} <= {one.dimension for one in points}
    assert not {"filter", "idle"} & {one.dimension for one in points}


def test_a_quick_plan_takes_what_it_is_told() -> None:
    plan = quick_plan(duration_s=0.5)
    assert (plan.rounds, plan.duration_s) == (1, 0.5)
    assert len(plan.points(["events"], 1000)) < len(Plan().points(["events"], 1000)) / 2


@pytest.mark.parametrize("capacity", [1, 8, 64, 1024, 100_000])
@pytest.mark.parametrize("tenants", [1, 10, 100])
@pytest.mark.parametrize("scope", ["subscription", "tenant"])
def test_four_blocks_fit_into_the_claimed_capacity(capacity: int, tenants: int, scope: str) -> None:
    claimed = Capabilities(event_capacity=capacity, overflow_scope=scope)  # type: ignore[arg-type]
    size = block(claimed, Shape(tenants=tenants))
    each = size // tenants
    assert size % tenants == 0
    assert each == 1 or 4 * each <= capacity
