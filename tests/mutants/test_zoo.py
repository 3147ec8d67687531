"""Every registered mutant is caught at the requirements named for it, and no variant is accused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from eventhook_conformance.selftest.examine import Examination, examine_all, registered_mutants
from eventhook_conformance.specification.requirements import requirements

MUTANTS = registered_mutants()

# The recovery, lifecycle and SSE groups have test modules of their own.
GROUPS = ("EVT", "PUB", "PAT", "TEN", "CLN", "OVF", "STR", "NAT", "RPL")

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="session")
def findings() -> Mapping[str, Examination]:
    return {finding.mutant: finding for finding in examine_all(list(MUTANTS))}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_must_be_caught_is_caught(name: str, findings: Mapping[str, Examination]) -> None:
    finding = findings[name]
    assert finding.good, f"{finding.judgement}: charged {finding.charged}; {finding.message}"


@pytest.mark.parametrize(
    "identifier", [one.id for one in requirements().values() if one.group in GROUPS]
)
def test_each_requirement_has_a_mutant_that_only_it_need_catch(identifier: str) -> None:
    named = [mutant.name for mutant in MUTANTS.values() if identifier in mutant.caught_by]
    assert named, f"nothing shows that {identifier} can fail"
