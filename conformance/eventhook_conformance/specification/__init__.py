"""The specification as objects: requirements, and the cases that test them."""

from eventhook_conformance.specification.case import OTHER, Body, Case, Exclusive, case, needs, via
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
