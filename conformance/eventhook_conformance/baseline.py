"""What is known of a target, held against what a run found: only what got worse is news.

Pure logic over the JSON report, so that a run, a report of last week and a baseline file compare alike.
`baseline_file` reads and writes the file.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from eventhook_conformance.requirements import requirements
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


@dataclass(kw_only=True)
class Comparison:
    """What is new; each entry a line for people."""

    worse: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    better: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    known: int = 0
    """How many known failures were seen again."""

    @property
    def exit_code(self) -> int:
        """1 if anything got worse or the baseline is out of date, 3 if something is undecided, else 0."""
        if self.worse or self.expired or self.stale or self.unknown:
            return 1
        return 3 if self.undecided else 0

    def lines(self) -> Iterator[str]:
        """All of it, the worst first."""
        for word in ("worse", "expired", "stale", "unknown", "undecided", "better", "flaky"):
            for text in getattr(self, word):
                yield f"{word:<9}  {text}"
        for text in self.notes:
            yield f"{'note':<9}  {text}"
        yield f"{'known':<9}  {self.known} failures as recorded"


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
        if not any(_covers(entry, charge, _how(one, charge)) for entry in old):
            open_[charge[0], _how(one, charge)].append(charge[1])
    for entry in old:
        left = tuple(
            identifier
            for identifier in entry.requirements
            if entry.flaky or not _passes(one, entry, identifier)
        )
        if left == entry.requirements:
            yield entry
        elif left:
            yield replace(entry, requirements=left, text=None)
    for (case, how), identifiers in open_.items():
        yield Entry(
            target=one.name, case=case, requirements=tuple(sorted(identifiers)), outcome=how
        )


def compare(
    baseline: Baseline,
    seen: Mapping[str, Observed],
    *,
    cases: Collection[str],
    today: datetime.date,
) -> Comparison:
    """Holds what was seen against what is known.

    Args:
        baseline: what is known.
        seen: what was seen, by target.
        cases: all cases there are, so that a misspelt one is noticed.
        today: for the days on which entries expire.
    """
    news = Comparison()
    if baseline.kept:
        news.unknown += _unknown(baseline, cases)
    for name, one in seen.items():
        if one.trouble is not None:
            news.undecided.append(f"{name}: {one.trouble}")
        if name in baseline.targets:
            _compare_claims(news, baseline.targets[name].claims, one)
        else:
            news.notes.append(f"{name} is new to the baseline")
        entries = [entry for entry in baseline.entries if entry.target == name]
        _compare_facts(news, entries, one, today)
        _compare_entries(news, entries, one, kept=baseline.kept)
        if one.specification != baseline.specification:
            news.notes.append(
                f"the baseline is of specification {baseline.specification}, "
                f"{name} was judged by {one.specification}"
            )
    news.notes += [f"{name} was not run" for name in baseline.targets if name not in seen]
    return news


def _unknown(baseline: Baseline, cases: Collection[str]) -> Iterator[str]:
    for entry in baseline.entries:
        if entry.target not in baseline.targets:
            yield f"{entry.where}: there is no [[target]] called {entry.target!r}"
        if entry.case is not None and entry.case not in cases:
            yield f"{entry.where}: there is no such case"
        for identifier in entry.requirements:
            if identifier not in requirements():
                yield f"{entry.where}: there is no requirement {identifier}"


def _compare_claims(news: Comparison, before: Capabilities, one: Observed) -> None:
    """What is no longer claimed can no longer fail: that is worse, whatever the cases say."""
    if one.profiles:
        narrowed = set(one.profiles) & set(before.profiles)
        before = replace(before, profiles=frozenset(narrowed))
    for requirement in requirements().values():
        was, now = requirement.unmet(before), requirement.unmet(one.claims)
        what = f"{one.name} {requirement.id} ({requirement.title})"
        if was is None and now is not None and requirement.level == "MUST":
            news.worse.append(f"{what} is no longer claimed: {now}")
        elif was is not None and now is None and one.outcomes.get(requirement.id) == "passed":
            news.better.append(f"{what} is claimed now, and holds")


def _compare_facts(
    news: Comparison, entries: Sequence[Entry], one: Observed, today: datetime.date
) -> None:
    facts = {**one.undecided, **one.charges}
    for charge, message in facts.items():
        case, identifier = charge
        how = _how(one, charge)
        what = f"{one.name} {case or ''}{' ' if case else ''}{identifier}"
        covering = [entry for entry in entries if _covers(entry, charge, how)]
        if _should(identifier):
            if how == "failed" and not covering:
                news.notes.append(f"{what} (SHOULD): {message}")
        elif not covering:
            (news.worse if how == "failed" else news.undecided).append(f"{what}: {message}")
        elif all(entry.expires is not None and entry.expires < today for entry in covering):
            entry = covering[0]
            news.expired.append(
                f"{what} was accepted until {entry.expires} ({entry.where}; {entry.reason})"
            )
        elif all(entry.flaky for entry in covering):
            news.flaky.append(f"{what} failed this time ({covering[0].reason})")
        else:
            news.known += 1


def _compare_entries(
    news: Comparison, entries: Sequence[Entry], one: Observed, *, kept: bool
) -> None:
    for entry in entries:
        if entry.flaky:
            continue
        for identifier in entry.requirements:
            if identifier not in requirements() or not _passes(one, entry, identifier):
                continue
            what = f"{one.name} {entry.case or 'in all cases'} {identifier}"
            if one.outcomes.get(identifier) == "passed":
                title = requirements()[identifier].title
                text = f"{one.name} {identifier} ({title}) holds now"
                if text not in news.better:
                    news.better.append(text)
            elif not kept:
                news.better.append(f"{what} passes now")
            if kept:
                place = f" (line {entry.line})" if entry.line else ""
                news.stale.append(f"{what} passes now: take it out{place}")


def _passes(one: Observed, entry: Entry, identifier: str) -> bool:
    """Whether what an entry says was looked at, and is so no longer."""
    if entry.case is None:
        return one.outcomes.get(identifier) == "passed"
    return entry.case in one.decided and (entry.case, identifier) not in one.charges


def _covers(entry: Entry, charge: Charge, how: How) -> bool:
    case, identifier = charge
    if identifier not in entry.requirements or entry.case not in (None, case):
        return False
    # A known failure that could not be decided this time is no news; the other way round it is.
    return entry.outcome in (how, "failed") or entry.flaky


def _how(one: Observed, charge: Charge) -> How:
    if charge in one.charges:
        return "failed"
    return "untested" if charge[0] is None else "undecided"


def _binding(facts: Mapping[Charge, str]) -> dict[Charge, str]:
    """Those of a MUST: a SHOULD changes nothing, so nobody needs to accept it."""
    return {one: text for one, text in facts.items() if not _should(one[1])}


def _should(identifier: str) -> bool:
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
