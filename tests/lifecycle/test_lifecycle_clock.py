"""The clock that tests and timers move."""

from __future__ import annotations

import time

import pytest

from eventhook_reference.lifecycle.clock import MovableClock


def test_it_is_the_systems_time_in_milliseconds() -> None:
    assert abs(MovableClock().now_ms() - time.time() * 1000) < 5000


def test_it_moves_forward_and_goes_on_from_there() -> None:
    times = [1000]
    clock = MovableClock(lambda: times[0])
    clock.advance(500)
    assert clock.now_ms() == 1500
    clock.move_to(2000)
    assert clock.now_ms() == 2000
    times[0] += 7
    assert clock.now_ms() == 2007
    clock.move_to(100)
    assert clock.now_ms() == 2007


def test_it_never_runs_backwards() -> None:
    times = iter([1000, 900, 1001])
    clock = MovableClock(lambda: next(times))
    assert [clock.now_ms() for _ in range(3)] == [1000, 1000, 1001]
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(-1)
