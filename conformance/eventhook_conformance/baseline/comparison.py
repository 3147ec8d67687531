"""Compares results with a baseline: only new failures fail."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eventhook_conformance.baseline.known import Baseline, Charge, Entry, How, Observed, advisory
from eventhook_conformance.report.text import counted
from eventhook_conformance.specification.requirements import requirements, versions
from eventhook_conformance.target import Capabilities


@dataclass(kw_only=True)
class Comparison:
    """The differences from a baseline; each item is a line for people."""

    worse: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    better: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    known: set[tuple[str, Charge]] = field(default_factory=set)
    """The known failures that were seen again, by target."""

    @property
    def exit_code(self) -> int:
        """Returns 1 for a new failure or a wrong entry, 3 for a new undecided case, else 0."""
        if self.worse or self.expired or self.stale or self.unknown:
            return 1
        return 3 if self.undecided else 0

    def lines(self) -> Iterator[str]:
        """Lists all differences, the worst first."""
        for word in ("worse", "expired", "stale", "unknown", "undecided", "better", "flaky"):
            for text in getattr(self, word):
                yield f"{word:<9}  {text}"
        for text in self.notes:
            yield f"{'note':<9}  {text}"
        yield f"{'known':<9}  {counted_known(self.known)}"


def counted_known(known: Collection[tuple[str, Charge]]) -> str:
    """Says how many known failures there are, in how many cases."""
    cases = {(target, case) for target, (case, _) in known}
    text = counted(len(known), "known failure")
    return f"{text} in {counted(len(cases), 'case')}" if known else text


def compare(
    baseline: Baseline,
    seen: Mapping[str, Observed],
    *,
    cases: Collection[str],
    today: datetime.date,
) -> Comparison:
    """Compares results with a baseline.

    Args:
        baseline: the known failures.
        seen: the results, by target.
        cases: the IDs of all cases, to find misspelled ones.
        today: the day by which entries expire.
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
            news.notes.append(f"{name} is not in the baseline yet")
        entries = [entry for entry in baseline.entries if entry.target == name]
        _compare_facts(news, entries, one, today)
        _compare_entries(news, entries, one, kept=baseline.kept)
        if one.specification != baseline.specification:
            news.notes.append(
                f"the baseline was recorded with specification {baseline.specification}, "
                f"{name} was judged with {one.specification}"
            )
    news.notes += [f"{name} was not run" for name in baseline.targets if name not in seen]
    return news


def accepts(
    baseline: Baseline, target: str, charges: Collection[Charge], how: How, today: datetime.date
) -> bool:
    """Returns whether a baseline accepts all charges of a case that bind; a SHOULD does not."""
    valid = [
        entry
        for entry in baseline.entries
        if entry.target == target and (entry.expires is None or entry.expires >= today)
    ]
    binding = [charge for charge in charges if not advisory(charge[1])]
    return bool(binding) and all(
        any(entry.covers(charge, how) for entry in valid) for charge in binding
    )


def _unknown(baseline: Baseline, cases: Collection[str]) -> Iterator[str]:
    for entry in baseline.entries:
        if entry.target not in baseline.targets:
            yield f"{entry.where}: there is no [[target]] named {entry.target!r}"
        if entry.case is not None and entry.case not in cases:
            yield f"{entry.where}: there is no such case"
        for identifier in entry.requirements:
            if identifier not in requirements():
                yield f"{entry.where}: there is no requirement {identifier}"


def _compare_claims(news: Comparison, before: Capabilities, one: Observed) -> None:
    """Compares the claims: a withdrawn one is worse, since nothing of it can fail any more."""
    if one.profiles:
        narrowed = set(one.profiles) & set(before.profiles)
        before = replace(before, profiles=frozenset(narrowed))
    asked = one.specification if one.specification in versions() else None
    for requirement in requirements(asked).values():
        was, now = requirement.unmet(before), requirement.unmet(one.claims)
        what = f"{one.name} {requirement.id} ({requirement.title})"
        if was is None and now is not None and requirement.level == "MUST":
            news.worse.append(f"{what} is no longer claimed: {now}")
        elif was is not None and now is None and one.outcomes.get(requirement.id) == "passed":
            news.better.append(f"{what} is claimed now and holds")


def _compare_facts(
    news: Comparison, entries: Sequence[Entry], one: Observed, today: datetime.date
) -> None:
    facts = {**one.undecided, **one.charges}
    for charge, message in facts.items():
        case, identifier = charge
        how = one.how(charge)
        what = f"{one.name} {case or ''}{' ' if case else ''}{identifier}"
        covering = [entry for entry in entries if entry.covers(charge, how)]
        if advisory(identifier):
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
            news.known.add((one.name, charge))


def _compare_entries(
    news: Comparison, entries: Sequence[Entry], one: Observed, *, kept: bool
) -> None:
    for entry in entries:
        if entry.flaky:
            continue
        for identifier in entry.requirements:
            if identifier not in requirements() or not one.passes(entry, identifier):
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
                news.stale.append(f"{what} passes now: remove the entry{place}")
