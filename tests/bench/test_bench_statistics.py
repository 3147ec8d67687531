"""Quantiles, spreads and exponents, against numbers known beforehand."""

from __future__ import annotations

import pytest

from eventhook_conformance.bench.statistics import Spread, exponent, growth, quantile


def test_a_quantile_is_a_value_that_somebody_had() -> None:
    values = [float(one) for one in range(1, 1001)]
    assert quantile(values, 0.5) == 500
    assert quantile(values, 0.99) == 990
    assert quantile(values, 0.999) == 999


def test_too_few_samples_say_nothing_of_the_tail() -> None:
    assert quantile([1.0] * 999, 0.999) is None
    assert quantile([1.0] * 99, 0.99) is None
    assert quantile([1.0, 2.0], 0.5) == 1.0
    assert quantile([], 0.5) is None


def test_a_spread_is_half_the_range_over_the_median() -> None:
    assert Spread.of([90.0, 100.0, 120.0]) == Spread(100.0, 90.0, 120.0)
    assert Spread.of([90.0, 100.0, 120.0]).percent == pytest.approx(15)
    assert Spread.of([5.0]).percent == 0


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_that_power(power: float) -> None:
    sizes = [1.0, 10.0, 100.0, 1000.0]
    assert exponent(sizes, [3e-6 * size**power for size in sizes]) == pytest.approx(power)


def test_two_points_have_no_exponent() -> None:
    assert exponent([1, 10], [1, 10]) is None
    assert exponent([1, 10, 10], [1, 10, 11]) is None
    assert exponent([0, 1, 10], [1, 1, 10]) is None, "nothing has no logarithm"


def test_growth_has_the_medians_and_what_each_round_says() -> None:
    found = growth([1, 10, 100], [[1, 1, 1], [10, 10, 1], [100, 100, 1]])
    assert found is not None
    assert (found.exponent, found.least, found.most) == pytest.approx((1.0, 0.0, 1.0))
    assert growth([1, 10], [[1], [1]]) is None
