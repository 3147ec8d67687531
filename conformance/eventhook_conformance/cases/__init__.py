"""The cases, one module per requirement group.

A case is a coroutine function that takes a `Probe`, decorated with the requirements that it tests.
pytest collects and runs it as a test function; what it does and sees is judged by the run.
"""

from eventhook_conformance.cases._case import OTHER, Alone, Body, Case, case, needs, via
from eventhook_conformance.cases._catalog import Instance, catalog, instances_of

__all__ = [
    "OTHER",
    "Alone",
    "Body",
    "Case",
    "Instance",
    "case",
    "catalog",
    "instances_of",
    "needs",
    "via",
]
