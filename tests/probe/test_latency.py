"""Learning how long arrivals take."""

from __future__ import annotations

import pytest

from eventhook_conformance.probe.latency import Latency


def test_nothing_is_known_before_the_first_arrival() -> None:
    latency = Latency()
    assert latency.bound_s == 0
    assert latency.slowest_s == 0


def test_the_bound_comes_close_to_arrivals_that_are_alike() -> None:
    latency = Latency()
    for _ in range(100):
        latency.note(0.02)
    assert latency.bound_s == pytest.approx(0.02, rel=0.1)


def test_one_slow_arrival_is_forgotten_by_the_bound_and_not_by_the_slowest() -> None:
    latency = Latency()
    for took_s in (0.001, 0.5, *[0.001] * 100):
        latency.note(took_s)
    assert latency.bound_s < 0.01
    assert latency.slowest_s == 0.5


def test_arrivals_that_came_together_share_the_time() -> None:
    together, single = Latency(), Latency()
    together.note(1.0, arrivals=100)
    single.note(0.01)
    assert together.bound_s == pytest.approx(single.bound_s)
