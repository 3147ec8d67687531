"""What is known of a target: what a run found, as far as it matters, and what of it is accepted.

Pure data, made from the JSON report, so that a run and a report of last week are alike. `comparison`
tells what is new, `baseline_file` reads and writes the file.
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
"""A case (none: whichever) and a requirement."""

NO_REASON = "not looked into yet"


class BrokenBaseline(ValueError):
    """The file or report cannot be taken for one; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something known not to hold, and why that is accepted for now."""

    target: str
    requirements: tuple[str, ...]
    case: str | None = None
    """None: in whichever case it shows."""
    outcome: How = "failed"
    reason: str = NO_REASON
    link: str | None = None
    expires: datetime.date | None = None
    """The last day on which it is accepted."""
    flaky: bool = False
    """It comes and goes: neither its failing nor its passing is news."""
    line: int | None = None
    """Where it stands in its file."""
    text: str | None = None
    """How it stands there, comments included."""

    def covers(self, charge: Charge, how: How) -> bool:
        """Whether it accepts what came of that case and requirement."""
        case, identifier = charge
        if identifier not in self.requirements or self.case not in (None, case):
            return False
        # A known failure that could not be decided this time is no news; the other way round it is.
        return self.outcome in (how, "failed") or self.flaky

    @property
    def where(self) -> str:
        """How messages call it."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.target} {self.case or 'any case'} {' '.join(self.requirements)}"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a baseline holds of one target."""

    name: str
    claims: Capabilities
    run: str | None = None
    """What it is called on the command line, if not by its name."""
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """All of a file, or of an earlier report."""

    specification: str
    targets: Mapping[str, Known]
    entries: tuple[Entry, ...]
    kept: bool = False
    """A person keeps it, so that what is out of date in it is a mistake."""
    head: str | None = None
    """The comments above the first entry."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What one target came to, as far as a comparison needs it."""

    name: str
    claims: Capabilities
    specification: str
    charges: Mapping[Charge, str]
    """What failed: by case and requirement, with the message."""
    undecided: Mapping[Charge, str]
    decided: Collection[str]
    """The cases that came to a result."""
    outcomes: Mapping[str, str]
    """Of the requirements."""
    profiles: tuple[str, ...] = ()
    """Those that the run was narrowed to."""
    trouble: str | None = None
    """Why there is no full result, in one line."""

    def how(self, charge: Charge) -> How:
        """What came of a case and requirement that did not pass."""
        if charge in self.charges:
            return "failed"
        return "untested" if charge[0] is None else "undecided"

    def passes(self, entry: Entry, identifier: str) -> bool:
        """Whether what an entry says of a requirement was looked at, and is so no longer."""
        if entry.case is None:
            return self.outcomes.get(identifier) == "passed"
        return entry.case in self.decided and (entry.case, identifier) not in self.charges


def observed(report: Mapping[str, Any]) -> dict[str, Observed]:
    """What a JSON report says of each target.

    Raises:
        BrokenBaseline: it is no report, or names a target twice.
    """
    found: dict[str, Observed] = {}
    try:
        for result in report["results"]:
            one = _observed(result)
            if one.name in found:
                raise BrokenBaseline(f"two results are for a target called {one.name!r}")
            found[one.name] = one
    except (KeyError, TypeError, AttributeError) as error:
        raise BrokenBaseline(f"this is no JSON report of a run: {error!r} is amiss") from error
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
    """A baseline of what was seen; what an earlier one says of it, and of all else, is kept."""
    specification = next(iter(seen.values())).specification if seen else ""
    old = before.entries if before else ()
    targets = dict(before.targets) if before else {}
    entries: list[Entry] = [one for one in old if one.target not in seen]
    for name, one in seen.items():
        if name not in targets or not one.profiles:
            known = targets.get(name) or Known(name=name, claims=one.claims)
            text = known.text if known.claims == one.claims else None
            targets[name] = replace(known, claims=one.claims, text=text)
        entries += _entries(one, [entry for entry in old if entry.target == name])
    head = before.head if before else None
    return Baseline(
        specification=specification, targets=targets, entries=tuple(entries), kept=True, head=head
    )


def _entries(one: Observed, old: Sequence[Entry]) -> Iterator[Entry]:
    open_: dict[tuple[str | None, How], list[str]] = defaultdict(list)
    facts = {**_binding(one.undecided), **_binding(one.charges)}
    for charge in facts:
        if not any(entry.covers(charge, one.how(charge)) for entry in old):
            open_[charge[0], one.how(charge)].append(charge[1])
    for entry in old:
        left = tuple(
            identifier
            for identifier in entry.requirements
            if entry.flaky or not one.passes(entry, identifier)
        )
        if left == entry.requirements:
            yield entry
        elif left:
            yield replace(entry, requirements=left, text=None)
    for (case, how), identifiers in open_.items():
        yield Entry(
            target=one.name, case=case, requirements=tuple(sorted(identifiers)), outcome=how
        )


def _binding(facts: Mapping[Charge, str]) -> dict[Charge, str]:
    """Those of a MUST: a SHOULD changes nothing, so nobody needs to accept it."""
    return {one: text for one, text in facts.items() if not advisory(one[1])}


def advisory(identifier: str) -> bool:
    """Whether a requirement is a SHOULD, which changes no verdict."""
    requirement = requirements().get(identifier)  # a report of a newer suite may know more
    return requirement is not None and requirement.level == "SHOULD"


def as_observed(baseline: Baseline, cases: Collection[str]) -> dict[str, Observed]:
    """What a baseline says as if it had just been seen: what it does not name passes."""
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
