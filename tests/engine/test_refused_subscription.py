"""A bus that refuses subscriptions for want of room is charged with that, and not with order."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.settings import Settings


@pytest.mark.slow
def test_a_refusal_is_charged_to_one_requirement() -> None:
    cases = [
        one
        for one in catalog().values()
        if one.id.startswith(("order::", "lifetime::", "publish::", "stream_life::", "fanout::"))
    ]
    target = registered_mutants()["takes-forty-consumers"].target()
    result = judge(target, Settings(arrival_timeout_s=1.0), cases)
    refusals = [
        (violation.requirements, case.id)
        for case in result.cases
        for violation in case.violations
        if "maximum consumers reached" in violation.message
    ]
    assert ("PUB-09",) in {charged for charged, _ in refusals}
    charged = {one for case in result.cases for v in case.violations for one in v.requirements}
    assert charged <= {"PUB-09", "STR-06"}
