"""The specification, loaded: every requirement by its ID, as each released version asks it."""

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
    since: str = "1.0"
    """The version of the specification that asked it first."""

    def unmet(self, capabilities: Capabilities) -> str | None:
        """Returns why the requirement does not apply to those claims; None if it does."""
        held_to_it = self.drivers and capabilities.driver
        if self.profile not in capabilities.profiles and not held_to_it:
            return f"profile {self.profile} is not claimed"
        return unmet_need(self.needs, capabilities)


def unmet_need(needs: Mapping[str, tuple[Any, ...]], capabilities: Capabilities) -> str | None:
    """Returns the first need that the claims do not meet, in words; None if they meet all."""
    for name, values in needs.items():
        claimed = getattr(capabilities, name)
        several = isinstance(claimed, frozenset)
        if not (any(value in claimed for value in values) if several else claimed in values):
            wanted = " or ".join(str(value) for value in values if value is not None)
            shown = (" and ".join(sorted(claimed)) or "none") if several else claimed
            return f"needs {name}={wanted}, claimed is {shown}"
    return None


@cache
def versions() -> tuple[str, ...]:
    """Returns the released versions of the specification, oldest first."""
    return tuple(eventhook_fixtures.load("requirements")["versions"])


@cache
def specification_version() -> str:
    """Returns the newest released version."""
    version: str = eventhook_fixtures.load("requirements")["specification"]
    return version


def asked_in(since: str, version: str) -> bool:
    """Returns whether a requirement since one version is asked in another.

    Raises:
        LookupError: there is no such version.
    """
    known = versions()
    for one in (since, version):
        if one not in known:
            raise LookupError(f"specification: expected {' or '.join(known)}, got {one!r}")
    return known.index(since) <= known.index(version)


@cache
def requirements(version: str | None = None) -> Mapping[str, Requirement]:
    """Returns the requirements of a version by ID, in the order of the specification.

    Args:
        version: a released version; None for the newest.

    Raises:
        LookupError: there is no such version.
    """
    asked = version or specification_version()
    return {
        entry["id"]: _requirement(entry, asked)
        for entry in eventhook_fixtures.load("requirements")["requirements"]
        if asked_in(entry.get("since", versions()[0]), asked)
    }


def _requirement(entry: Mapping[str, Any], version: str) -> Requirement:
    members = {name: value for name, value in entry.items() if name != "texts"}
    needs = {name: tuple(values) for name, values in entry["needs"].items()}
    return Requirement(**{**members, "text": _text(entry, version), "needs": needs})


def _text(entry: Mapping[str, Any], version: str) -> str:
    """Returns the text in a version: `texts` has each earlier wording by the last version that had it."""
    earlier: Mapping[str, str] = entry.get("texts", {})
    text: str = next(
        (earlier[one] for one in versions() if one in earlier and asked_in(version, one)),
        entry["text"],
    )
    return text


@cache
def groups() -> Mapping[str, str]:
    """Returns the titles of the groups by their letters, in order."""
    return {
        entry["id"]: entry["title"] for entry in eventhook_fixtures.load("requirements")["groups"]
    }


@cache
def words() -> Mapping[str, str]:
    """Returns the special terms of the requirements, with their meanings."""
    return {
        entry["word"]: entry["meaning"]
        for entry in eventhook_fixtures.load("requirements")["words"]
    }
