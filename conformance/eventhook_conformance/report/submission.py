"""Checks a verdict that a vendor submits: a JSON report of a whole run, and one TOML file about the bus.

It recomputes the verdict from the report's own data. It cannot tell that the run took place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from eventhook_conformance.report.text import counted
from eventhook_conformance.specification.requirements import (
    Requirement,
    requirements,
    versions,
)
from eventhook_conformance.target import Capabilities

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NARROWING: Final = ("selection", "cases", "profiles", "replay", "max_failures")
"""Settings that leave out a part of what is claimed."""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The vendor's description of the bus, in TOML."""

    name: str
    language: str
    library: str
    """Its name and version, and those of the server behind it."""
    by: str
    """The submitter, and how to reach them."""
    source: str
    """Where others get the bus and the target, so that they can judge it again."""
    notes: str = ""
    findings: dict[str, str] = {}
    """For each MUST that does not hold: how it shows with the library alone."""


class _Outcome(msgspec.Struct, frozen=True):
    id: str
    outcome: str


class _Charge(msgspec.Struct, frozen=True):
    requirement: str


class _Case(msgspec.Struct, frozen=True):
    id: str
    outcome: str
    violations: tuple[_Charge, ...]


class _Version(msgspec.Struct, frozen=True):
    version: str


class _Target(msgspec.Struct, frozen=True):
    name: str
    capabilities: dict[str, Any]


class Submitted(msgspec.Struct, frozen=True):
    """The part of one result of a JSON report that is checked."""

    specification: _Version
    settings: dict[str, Any]
    target: _Target
    verdict: str
    requirements: tuple[_Outcome, ...]
    cases: tuple[_Case, ...]


class NotReadable(ValueError):
    """A file has a wrong form; the message is one line."""


def read_about(file: Path) -> About:
    """Reads the TOML file.

    Raises:
        NotReadable: it is no TOML, or a member is missing, wrong or unknown.
    """
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), About)
    except (OSError, ValueError) as error:
        raise NotReadable(f"{file}: {error}") from error


def read_report(file: Path) -> Submitted:
    """Reads the JSON report of one target.

    Raises:
        NotReadable: it is no report, or has several targets.
    """
    try:
        report = msgspec.json.decode(file.read_bytes())
        found = msgspec.convert(report["results"], tuple[Submitted, ...])
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise NotReadable(f"{file}: expected a JSON report of `run --json`: {error}") from error
    if len(found) != 1:
        raise NotReadable(f"{file}: expected one target, got {len(found)}")
    return found[0]


def problems(report: Submitted, about: About, asked: Callable[[str], Collection[str]]) -> list[str]:
    """Returns what keeps the verdict from being taken, each in one line; nothing if it can be.

    Args:
        report: the JSON report of the run.
        about: the description beside it.
        asked: returns the IDs of the cases that a version of the specification asks.
    """
    version = report.specification.version
    if version not in versions():
        return [f"specification: expected {' or '.join(versions())}, got {version!r}"]
    return [
        *_names(report, about),
        *_whole(report, asked(version)),
        *_verdict(report),
        *_findings(report, about),
    ]


def _names(report: Submitted, about: About) -> Iterator[str]:
    if not _NAME.fullmatch(about.name):
        yield f"name: expected small letters, digits and hyphens, got {about.name!r}"
    if about.name != report.target.name:
        yield f"name: expected that of the report, {report.target.name!r}, got {about.name!r}"
    for member in ("language", "library", "by", "source"):
        if not getattr(about, member).strip():
            yield f"{member}: expected a text, got nothing"


def _whole(report: Submitted, asked: Collection[str]) -> Iterator[str]:
    """Yields the parts that the run left out."""
    for name in _NARROWING:
        if report.settings.get(name) not in (None, []):
            yield f"settings: expected a whole run, got one narrowed by {name}"
    told = {case.id for case in report.cases}
    if missing := [one for one in asked if one not in told]:
        yield f"cases: expected all {len(asked)}, got none of {_some(missing)}"
    if unknown := sorted(told - set(asked) - {"smoke::first_contact"}):
        yield f"cases: expected those of the specification, got {_some(unknown)} too"


def _some(names: list[str]) -> str:
    more = f" and {counted(len(names) - 1, 'other')}" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _verdict(report: Submitted) -> Iterator[str]:
    """Tells where the verdict does not follow from the cases."""
    known = requirements(report.specification.version)
    outcomes = {one.id: one.outcome for one in report.requirements}
    if set(outcomes) != set(known):
        yield f"requirements: expected all {len(known)} of the specification, got {len(outcomes)}"
        return
    try:
        capabilities = Capabilities.from_dict(report.target.capabilities)
    except (TypeError, ValueError) as error:
        yield f"claims: {error}"
        return
    charged = {one.requirement for case in report.cases for one in case.violations}
    for identifier, outcome in outcomes.items():
        if (identifier in charged) != (outcome == "failed"):
            what = "is charged by a case" if identifier in charged else "is charged by no case"
            yield f"{identifier}: {what}, but the report says {outcome}"
        elif outcome == "passed" and (reason := known[identifier].unmet(capabilities)):
            yield f"{identifier}: {reason}, but the report says passed"
    expected = verdict_of(outcomes, known)
    if report.verdict != expected:
        yield f"verdict: expected {expected}, got {report.verdict}"
    if expected == "inconclusive":
        yield "verdict: expected one that is decided, got inconclusive"


def verdict_of(outcomes: Mapping[str, str], known: Mapping[str, Requirement]) -> str:
    """Returns the verdict that the outcomes of the requirements come to."""
    of_must = {outcome for one, outcome in outcomes.items() if known[one].level == "MUST"}
    if "failed" in of_must:
        return "non-conformant"
    if not of_must.isdisjoint({"error", "untested"}) or "passed" not in of_must:
        return "inconclusive"
    return "conformant"


def _findings(report: Submitted, about: About) -> Iterator[str]:
    known = requirements(report.specification.version)
    failed = [one.id for one in report.requirements if one.outcome == "failed"]
    for identifier in failed:
        must = identifier in known and known[identifier].level == "MUST"
        if must and not about.findings.get(identifier, "").strip():
            yield f"findings: expected how {identifier} shows with the library alone, got nothing"
    for identifier in about.findings:
        if identifier not in failed:
            yield f"findings: expected requirements that do not hold, got {identifier}"
