"""A correct bus with threads is accused of nothing, and a run leaves no thread behind.

`tests/mutants` has all correct buses of other makes judged, in processes of their own.
"""

from __future__ import annotations

import threading

import pytest

from eventhook_conformance.engine.runner import judge
from eventhook_conformance.selftest.examine import registered_mutants


@pytest.mark.slow
def test_a_correct_bus_with_threads_is_accused_of_nothing_and_leaves_none() -> None:
    threads = threading.active_count()
    result = judge(registered_mutants()["threaded"].target())
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
