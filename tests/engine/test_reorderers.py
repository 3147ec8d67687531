"""A bus that only reorders is charged with its order, and never with a loss."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.oracle import explained
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.settings import Settings

ABOUT_ORDER = {"PUB-06", "PUB-15", "STR-01", "STR-06"}
TELLING = (
    "back_to_back",
    "cancelling",
    "cleanup",
    "closing",
    "full",
    "lifetime",
    "order",
    "overflow_streams",
    "pattern::whole",
    "stream_life",
)
"""The cases that leave soon after their fence, or read unread events."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", ["hands-over-backwards", "swaps-neighbours", "takes-its-time-with-each"]
)
def test_reordering_is_all_that_is_charged(name: str) -> None:
    cases = [one for one in catalog().values() if one.id.startswith(TELLING)]
    result = judge(registered_mutants()[name].target(), Settings(arrival_timeout_s=1.0), cases)
    charged = [
        (violation.kind, requirement, case.id, violation.message)
        for case in result.cases
        for violation in case.violations
        for requirement in violation.requirements
    ]
    assert [one for one in charged if one[0] != "reordered"] == []
    assert {requirement for _, requirement, _, _ in charged} <= ABOUT_ORDER
    assert {"PUB-06", "STR-01", "STR-06"} <= {requirement for _, requirement, _, _ in charged}
    assert [case.id for case in result.cases if case.outcome == "error"] == []


def violation(kind: str) -> Violation:
    return Violation(kind, ("PUB-01",), "this", "that")  # type: ignore[arg-type]


def test_only_what_came_in_the_end_explains_a_loss() -> None:
    lost, reordered = violation("lost"), violation("reordered")
    assert explained([lost], [reordered])
    assert explained([reordered], [reordered])
    assert not explained([lost], [])  # it may lose now and then
    assert not explained([lost], [lost, reordered])
    assert not explained([], [reordered])
