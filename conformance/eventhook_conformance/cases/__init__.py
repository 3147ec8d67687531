"""The cases, one module per requirement group.

A case is a coroutine function that takes a `Probe`, decorated with the requirements that it tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from eventhook_conformance.specification import Case, Instance, collect

__all__ = ["catalog", "catalog_of", "instances_of"]


@cache
def catalog() -> Mapping[str, Instance]:
    """Returns every case by its ID, in the order of modules and of the functions in them."""
    return MappingProxyType(collect(__name__))


@cache
def catalog_of(version: str) -> Mapping[str, Instance]:
    """Returns the cases that a version of the specification asks, each for the requirements that it has."""
    asked = ((name, instance.under(version)) for name, instance in catalog().items())
    return MappingProxyType({name: instance for name, instance in asked if instance is not None})


@cache
def instances_of(case: Case) -> tuple[Instance, ...]:
    """Returns one case with each of its sets of parameters."""
    return tuple(instance for instance in catalog().values() if instance.case is case)
