"""Charges a breach, beside its own requirement, only to those that the case's text names."""

from __future__ import annotations

import pytest

from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.settings import Settings

QUICK = Settings(arrival_timeout_s=0.5, settle_s=0.0)


@pytest.mark.parametrize(
    ("mutant", "charged"),
    [("reorders-above-a-batch", {"PUB-06"}), ("drops-when-busy", {"PUB-01", "PUB-04", "PUB-18"})],
)
def test_a_burst_that_comes_in_another_order_is_not_lost(mutant: str, charged: set[str]) -> None:
    result = judge(registered_mutants()[mutant].target(), QUICK, cases_for(["PUB-18"]))
    found = [violation for case in result.cases for violation in case.violations]
    assert {one for violation in found for one in violation.requirements} == charged
