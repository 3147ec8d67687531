"""Every SSE requirement has broken servers of several kinds that it must catch."""

from __future__ import annotations

import pytest

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification.requirements import requirements


@pytest.mark.parametrize(
    "identifier", [one.id for one in requirements().values() if one.group == "SSE"]
)
def test_each_sse_requirement_has_three_broken_servers(identifier: str) -> None:
    named = [one.name for one in registered_mutants().values() if identifier in one.caught_by]
    assert len(named) >= 3, f"expected 3 servers that break {identifier}, got {named}"
