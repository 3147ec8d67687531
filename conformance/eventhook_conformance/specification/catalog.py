"""Finds cases and expands their parameters, without pytest."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from eventhook_conformance.specification.case import Body, Case
from eventhook_conformance.specification.released import released_cases
from eventhook_conformance.specification.requirements import (
    asked_in,
    requirements,
    specification_version,
    unmet_need,
)
from eventhook_conformance.target import Capabilities


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One case with one set of parameters: what runs, and has a result."""

    id: str
    case: Case
    body: Body
    parameters: Mapping[str, Any]
    needs: Mapping[str, tuple[Any, ...]]
    specification: str = specification_version()
    """The version of the specification that asks it."""

    def under(self, version: str) -> Instance | None:
        """Returns the case as a version of the specification asks it, by the requirements that it has.

        None if it has none of them, or asks for more than that version did: a released version has
        the cases that it was released with.
        """
        known: Container[str] = requirements(version)
        released = released_cases(version)
        if released is not None:
            known = released.get(self.id, ())
        asked = tuple(one for one in self.case.requirements if one in known)
        if not asked or not asked_in(self.case.since, version):
            return None
        return replace(self, case=replace(self.case, requirements=asked), specification=version)

    @property
    def asks_for(self) -> frozenset[str]:
        """The capabilities that it, or one of its requirements, needs."""
        needed = [requirements()[one].needs for one in self.case.requirements]
        return frozenset(self.needs).union(*needed)

    def unmet(self, capabilities: Capabilities) -> str | None:
        """Returns why it does not apply to those claims; None if it does."""
        for identifier in self.case.requirements:
            if reason := requirements()[identifier].unmet(capabilities):
                return reason
        profile = self.case.profile
        if profile is not None and profile not in capabilities.profiles:
            return f"profile {profile} is not claimed"
        return unmet_need(self.needs, capabilities)


def collect(package_name: str) -> dict[str, Instance]:
    """Collects every case in the public modules of a package, by its ID."""
    package = importlib.import_module(package_name)
    found: dict[str, Instance] = {}
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package_name}.{info.name}")
        for value in vars(module).values():
            if hasattr(value, "__case__") and value.__module__ == module.__name__:
                found |= {instance.id: instance for instance in _instances(value)}
    return found


def _instances(function: Any) -> Iterator[Instance]:
    case: Case = function.__case__
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in product(*([(mark, value) for value in mark.args[1]] for mark in marks)):
        parameters: dict[str, Any] = {}
        needs = dict(case.needs)
        ids: list[str] = []
        for mark, value in chosen:
            given = mark.args[0]
            names = given.replace(" ", "").split(",") if isinstance(given, str) else list(given)
            # A bare value is its own ID; `pytest.param` brings an ID and marks.
            values = getattr(value, "values", (value,))
            parameters |= zip(names, values, strict=True)
            ids.append(getattr(value, "id", None) or "-".join(str(one) for one in values))
            for extra in getattr(value, "marks", ()):
                needs |= extra.kwargs if extra.name == "needs" else {}
        yield Instance(
            id=f"{case.name}[{'-'.join(ids)}]" if ids else case.name,
            case=case,
            body=function.__wrapped__,
            parameters=parameters,
            needs=needs,
        )
