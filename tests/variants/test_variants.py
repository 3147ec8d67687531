"""Correct buses of other makes are accused of nothing, by any case.

Three of them, in this process; `tests/mutants` has all of them judged.
"""

from __future__ import annotations

import threading

import pytest

from eventhook_conformance.engine.runner import judge
from eventhook_conformance.selftest.examine import registered_mutants


@pytest.mark.slow
@pytest.mark.parametrize("name", ["batches", "threaded", "wire"])
def test_correct_bus_of_another_make_is_accused_of_nothing(name: str) -> None:
    threads = threading.active_count()
    result = judge(registered_mutants()[name].target())
    accused = [
        f"{case.id}: {violation.requirements} {violation.message}"
        for case in result.cases
        for violation in case.violations
    ]
    assert accused == []
    undecided = {case.id: case.message for case in result.cases if case.outcome == "error"}
    assert undecided == {}
    assert result.unusable is None
    assert result.suite_failure is None
    assert result.summary["passed"] > 0
    assert threading.active_count() == threads
