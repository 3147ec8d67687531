"""Cases as pytest collects them: modules of cases, and the case of a test function."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from eventhook_conformance.cases import instances_of
from eventhook_conformance.pytest_frontend.judged import JUDGED, JudgedTarget
from eventhook_conformance.specification import Case, Instance


class CaseModule(pytest.Module):
    """A module of cases, whose functions are cases under any name."""

    def _getobj(self) -> Any:
        return importlib.import_module(f"eventhook_conformance.cases.{self.path.stem}")

    def istestfunction(self, obj: object, name: str) -> bool:
        return hasattr(obj, "__case__")

    def istestclass(self, obj: object, name: str) -> bool:
        return False


class EmptyModule(pytest.Module):
    """Empty collector that suppresses pytest's own, where a vendor's settings call every file a test."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def instance_of(item: pytest.Item) -> Instance | None:
    """Returns the case of a test function, as its version of the specification asks it.

    None if the function is no case, or that version does not ask it.
    """
    if not is_case(item):
        return None
    case: Case = item.function.__case__  # type: ignore[attr-defined]  # because: just looked for
    parameters = dict(item.callspec.params)  # type: ignore[attr-defined]  # because: parametrised by us
    del parameters["conformance_run"]
    instance = next(one for one in instances_of(case) if one.parameters == parameters)
    return instance.under(judged_by(item).settings.specification)


def is_case(item: pytest.Item) -> bool:
    """Returns whether a test function is a case."""
    return hasattr(getattr(item, "function", None), "__case__")


def judged_by(item: pytest.Item) -> JudgedTarget:
    """Returns the target that a case's test function judges."""
    name = item.callspec.params["conformance_run"]  # type: ignore[attr-defined]  # because: as above
    return item.config.stash[JUDGED][name]
