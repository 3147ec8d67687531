"""Holds the known failures of a target, and the results of a run, as plain data.

Both are made from the JSON report, so that a run can be compared with an older report. `comparison`
finds what is new; `file` reads and writes the baseline file.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities

How: TypeAlias = Literal["failed", "undecided", "untested"]
Charge: TypeAlias = tuple[str | None, str]
"""A case (None: any case) and a requirement."""

NO_REASON = "not looked into yet"


class BrokenBaseline(ValueError):
    """The file is not a valid baseline or report; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A known failure, and why it is accepted for now."""

    target: str
    requirements: tuple[str, ...]
    case: str | None = None
    """None: in any case."""
    outcome: How = "failed"
    reason: str = NO_REASON
    link: str | None = None
    expires: datetime.date | None = None
    """The last day on which the failure is accepted."""
    flaky: bool = False
    """It comes and goes: it may fail and may pass."""
    line: int | None = None
    """The line of its header in the file."""
    text: str | None = None
    """Its text in the file, with comments. A changed entry is written into this text."""

    def covers(self, charge: Charge, how: How) -> bool:
        """Returns whether it accepts that outcome of that case and requirement."""
        case, identifier = charge
        if identifier not in self.requirements or self.case not in (None, case):
            return False
        # A known failure may be undecided this time. A known undecided case may not fail.
        return self.outcome in (how, "failed") or self.flaky

    @property
    def where(self) -> str:
        """Names the entry in messages."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.target} {self.case or 'any case'} {' '.join(self.requirements)}"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A target in a baseline."""

    name: str
    claims: Capabilities
    run: str | None = None
    """Its name on the command line, if that is another."""
    line: int | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The content of a baseline file, or of an earlier report."""

    specification: str
    targets: Mapping[str, Known]
    entries: tuple[Entry, ...]
    kept: bool = False
    """Whether people keep the file: an entry that is out of date is then an error."""
    head: str | None = None
    """The text above the first table."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The result of one target, as far as a comparison needs it."""

    name: str
    claims: Capabilities
    specification: str
    charges: Mapping[Charge, str]
    """The failures by case and requirement, with their messages."""
    undecided: Mapping[Charge, str]
    decided: Collection[str]
    """The cases that passed or failed."""
    outcomes: Mapping[str, str]
    """The outcome of each requirement."""
    profiles: tuple[str, ...] = ()
    """The profiles to which the run was narrowed."""
    trouble: str | None = None
    """Why the result is not complete, in one line."""

    def how(self, charge: Charge) -> How:
        """Returns the outcome of a case and requirement that did not pass."""
        if charge in self.charges:
            return "failed"
        return "untested" if charge[0] is None else "undecided"

    def passes(self, entry: Entry, identifier: str) -> bool:
        """Returns whether a requirement of an entry was tested and passes now."""
        if entry.case is None:
            return self.outcomes.get(identifier) == "passed"
        return entry.case in self.decided and (entry.case, identifier) not in self.charges


def observed(report: Mapping[str, Any]) -> dict[str, Observed]:
    """Reads the result of each target from a JSON report.

    Raises:
        BrokenBaseline: it is not a report, or names a target twice.
    """
    found: dict[str, Observed] = {}
    try:
        for result in report["results"]:
            one = _observed(result)
            if one.name in found:
                raise BrokenBaseline(f"two results have the target name {one.name!r}")
            found[one.name] = one
    except (KeyError, TypeError, AttributeError) as error:
        raise BrokenBaseline(
            f"expected a JSON report of a run: {error!r} is missing or wrong"
        ) from error
    return found


def _observed(result: Mapping[str, Any]) -> Observed:
    charges: dict[Charge, str] = {}
    undecided: dict[Charge, str] = {}
    decided: set[str] = set()
    for case in result["cases"]:
        for violation in case["violations"]:
            charges.setdefault((case["id"], violation["requirement"]), violation["message"])
        if case["outcome"] == "error":
            for identifier in case["requirements"]:
                undecided[case["id"], identifier] = case["message"] or ""
        elif case["outcome"] != "not_claimed":
            decided.add(case["id"])
    outcomes = {one["id"]: one["outcome"] for one in result["requirements"]}
    untested: dict[Charge, str] = {
        (None, one): "untested" for one, how in outcomes.items() if how == "untested"
    }
    tested = result["summary"]["passed"] + result["summary"]["failed"]
    return Observed(
        name=result["target"]["name"],
        claims=Capabilities.from_dict(result["target"]["capabilities"]),
        specification=result["specification"]["version"],
        charges=charges,
        undecided={**undecided, **untested},
        decided=decided,
        outcomes=outcomes,
        profiles=tuple(result["settings"].get("profiles", ())),
        trouble=result.get("message") or (None if tested else "nothing was tested"),
    )


def record(seen: Mapping[str, Observed], before: Baseline | None = None) -> Baseline:
    """Records the observed failures; keeps entries of an earlier baseline that are still true."""
    specification = next(iter(seen.values())).specification if seen else ""
    old = before.entries if before else ()
    targets = dict(before.targets) if before else {}
    entries: list[Entry] = []
    for entry in old:
        one = seen.get(entry.target)
        left = entry.requirements if one is None or entry.flaky else _still_open(entry, one)
        if left:
            entries.append(replace(entry, requirements=left))
    for name, one in seen.items():
        if name not in targets or not one.profiles:
            known = targets.get(name) or Known(name=name, claims=one.claims)
            targets[name] = replace(known, claims=one.claims)
        entries += _new_entries(one, [entry for entry in old if entry.target == name])
    head = before.head if before else None
    return Baseline(
        specification=specification, targets=targets, entries=tuple(entries), kept=True, head=head
    )


def _still_open(entry: Entry, one: Observed) -> tuple[str, ...]:
    return tuple(each for each in entry.requirements if not one.passes(entry, each))


def _new_entries(one: Observed, old: Sequence[Entry]) -> Iterator[Entry]:
    found: dict[tuple[str | None, How], list[str]] = defaultdict(list)
    for charge in {**_binding(one.undecided), **_binding(one.charges)}:
        if not any(entry.covers(charge, one.how(charge)) for entry in old):
            found[charge[0], one.how(charge)].append(charge[1])
    for (case, how), identifiers in found.items():
        yield Entry(
            target=one.name, case=case, requirements=tuple(sorted(identifiers)), outcome=how
        )


def _binding(facts: Mapping[Charge, str]) -> dict[Charge, str]:
    """Leaves out each SHOULD: it changes no verdict and needs no entry."""
    return {one: text for one, text in facts.items() if not advisory(one[1])}


def advisory(identifier: str) -> bool:
    """Returns whether a requirement is a SHOULD, which changes no verdict."""
    requirement = requirements().get(identifier)  # a report of a newer suite may know more
    return requirement is not None and requirement.level == "SHOULD"


def as_observed(baseline: Baseline, cases: Collection[str]) -> dict[str, Observed]:
    """Turns a baseline into a result: cases that it does not name pass."""
    found: dict[str, Observed] = {}
    for name, known in baseline.targets.items():
        charges: dict[Charge, str] = {}
        undecided: dict[Charge, str] = {}
        for entry in baseline.entries:
            if entry.target == name and not entry.flaky:
                kind = charges if entry.outcome == "failed" else undecided
                for identifier in entry.requirements:
                    if identifier in requirements():
                        kind[entry.case, identifier] = entry.reason
        broken = {identifier for _, identifier in (*charges, *undecided)}
        found[name] = Observed(
            name=name,
            claims=known.claims,
            specification=baseline.specification,
            charges=charges,
            undecided=undecided,
            decided=set(cases) - {case for case, _ in undecided if case},
            outcomes={one: "failed" if one in broken else "passed" for one in requirements()},
        )
    return found
