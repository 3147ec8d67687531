"""The round trips that a case may make on a far target."""

from __future__ import annotations

import pytest

from eventhook_conformance.probe.distance import Distance


def at(round_trip_s: float) -> Distance:
    """Returns a target that far away."""
    distance = Distance()
    distance.round_trip_s = round_trip_s
    return distance


def test_near_target_is_asked_for_all_one_after_another() -> None:
    for near in (Distance(), at(0.0005)):
        assert not near.is_far
        assert near.fit(4400) == 4400
        assert near.side_by_side(8) == 1


@pytest.mark.parametrize(("round_trip_s", "fits"), [(0.05, 60), (0.1, 30), (0.2, 15)])
def test_far_target_is_asked_for_less_and_side_by_side(round_trip_s: float, fits: int) -> None:
    far = at(round_trip_s)
    assert far.is_far
    assert far.fit(4400) == fits
    assert far.fit(4400, trips=3) == fits // 3
    assert far.fit(7) == 7
    assert far.side_by_side(8) == 8


def test_the_least_is_done_however_far_the_target_is() -> None:
    assert at(10.0).fit(140) == 1
    assert at(10.0).fit(140, least=4) == 4
    assert at(10.0).fit(3, least=4) == 3


def test_a_target_that_publishes_in_turn_saves_no_time_by_calls_together() -> None:
    far = at(0.03)
    assert far.fit(4400, trips=2, together=100) == 50
    far.in_turn = True
    assert far.fit(4400, trips=2, together=10) == 9
    assert far.fit(4400, trips=2, together=100, least=10) == 10
