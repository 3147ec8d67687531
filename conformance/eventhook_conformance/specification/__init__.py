"""The specification as objects: requirements, and the cases that test them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventhook_conformance.specification.case import Body, Case, Exclusive, case
from eventhook_conformance.specification.catalog import Instance, collect
from eventhook_conformance.specification.requirements import (
    Requirement,
    asked_in,
    groups,
    requirements,
    specification_version,
    unmet_need,
    versions,
)

if TYPE_CHECKING:
    from eventhook_conformance.specification.marks import OTHER, needs, via

__all__ = [
    "OTHER",
    "Body",
    "Case",
    "Exclusive",
    "Instance",
    "Requirement",
    "asked_in",
    "case",
    "collect",
    "groups",
    "needs",
    "requirements",
    "specification_version",
    "unmet_need",
    "versions",
    "via",
]


def __getattr__(name: str) -> Any:
    """Imports the marks when they are asked for: pytest takes longer than all that a report needs."""
    if name not in ("OTHER", "needs", "via"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.marks"), name)
