"""Every SSE requirement has a broken server that it must catch."""

from __future__ import annotations

import pytest

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification.requirements import requirements


@pytest.mark.parametrize(
    "identifier", [one.id for one in requirements().values() if one.group == "SSE"]
)
def test_each_sse_requirement_has_a_broken_server(identifier: str) -> None:
    named = [one.name for one in registered_mutants().values() if identifier in one.caught_by]
    assert named, f"nothing shows that {identifier} can fail"
