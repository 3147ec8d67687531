"""The cases, one module per requirement group.

A case is a coroutine function that takes a `Probe`, decorated with the requirements that it tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from eventhook_conformance.specification import Case, Instance, collect

__all__ = ["catalog", "instances_of"]


@cache
def catalog() -> Mapping[str, Instance]:
    """Every case by its ID, in the order of modules and of the functions in them."""
    return collect(__name__)


@cache
def instances_of(case: Case) -> tuple[Instance, ...]:
    """One case with each of its sets of parameters."""
    return tuple(instance for instance in catalog().values() if instance.case is case)
