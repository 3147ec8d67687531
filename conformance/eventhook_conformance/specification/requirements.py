"""The specification, loaded: every requirement by its ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import eventhook_fixtures
from eventhook_conformance.target import Capabilities


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One testable sentence with a stable ID."""

    id: str
    group: str
    level: Literal["MUST", "SHOULD"]
    title: str
    text: str
    why: str
    source: str
    profile: str
    needs: Mapping[str, tuple[Any, ...]]
    """Capabilities, each with the claims for which the requirement applies."""
    drivers: bool = False
    """It applies to every target behind the driver protocol too, whatever its profiles."""

    def unmet(self, capabilities: Capabilities) -> str | None:
        """Why the requirement does not apply to those claims; None if it does."""
        held_to_it = self.drivers and capabilities.driver
        if self.profile not in capabilities.profiles and not held_to_it:
            return f"profile {self.profile} is not claimed"
        return unmet_need(self.needs, capabilities)


def unmet_need(needs: Mapping[str, tuple[Any, ...]], capabilities: Capabilities) -> str | None:
    """The first need that the claims do not meet, in words; None if they meet all."""
    for name, values in needs.items():
        claimed = getattr(capabilities, name)
        if claimed not in values:
            wanted = " or ".join(str(value) for value in values)
            return f"needs {name}={wanted}, claimed is {claimed}"
    return None


@cache
def specification_version() -> str:
    """The version that the requirement set is frozen for."""
    version: str = eventhook_fixtures.load("requirements")["specification"]
    return version


@cache
def requirements() -> Mapping[str, Requirement]:
    """All requirements by ID, in the order of the specification."""
    return {
        entry["id"]: Requirement(
            **{**entry, "needs": {name: tuple(values) for name, values in entry["needs"].items()}}
        )
        for entry in eventhook_fixtures.load("requirements")["requirements"]
    }


@cache
def groups() -> Mapping[str, str]:
    """The titles of the groups by their letters, in order."""
    return {
        entry["id"]: entry["title"] for entry in eventhook_fixtures.load("requirements")["groups"]
    }
