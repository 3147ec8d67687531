"""Every SSE and lifecycle requirement has broken servers of several kinds that it must catch."""

from __future__ import annotations

import re

import pytest

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification.requirements import requirements

# One flaw at many publish sites is one kind: `site-FLAW-EVENT-TYPE`.
SITE = re.compile(r"site-(?:no-twin|twin-\w+|\w+)(?=-)")


def kind_of(name: str) -> str:
    site = SITE.match(name)
    return site[0] if site else name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("site-tenant-workflow-started", "site-tenant"),
        ("site-twin-time-task-created", "site-twin-time"),
        ("site-no-twin-timer-fired", "site-no-twin"),
        ("takes-late-reports", "takes-late-reports"),
    ],
)
def test_sites_of_one_flaw_are_one_kind(name: str, kind: str) -> None:
    assert name in registered_mutants()
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    "identifier", [one.id for one in requirements().values() if one.group in ("SSE", "LIF")]
)
def test_each_requirement_has_three_kinds_of_mutants(identifier: str) -> None:
    kinds = {kind_of(m.name) for m in registered_mutants().values() if identifier in m.caught_by}
    assert len(kinds) >= 3, f"expected 3 kinds of mutants that break {identifier}, got {kinds}"
