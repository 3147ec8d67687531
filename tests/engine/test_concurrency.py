"""The number of cases that run beside each other."""

from __future__ import annotations

import pytest

from eventhook_conformance.engine.concurrency import choose_concurrency
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.target import Capabilities


@pytest.mark.parametrize(
    ("claims", "round_trip_s", "asked", "expected"),
    [
        (Capabilities(), 0.0001, None, 1),
        (Capabilities(), 0.05, None, 96),
        (Capabilities(), 0.0001, 4, 4),
        (Capabilities(overflow="block"), 0.05, None, 1),
    ],
)
def test_how_many_run_at_once(
    claims: Capabilities, round_trip_s: float, asked: int | None, expected: int
) -> None:
    assert choose_concurrency(claims, round_trip_s, asked, Limits()) == expected


def test_cases_run_alone_where_calls_are_done_one_after_another() -> None:
    assert choose_concurrency(Capabilities(), 0.05, None, Limits(), in_turn=True) == 1
    assert choose_concurrency(Capabilities(), 0.05, 4, Limits(), in_turn=True) == 4
