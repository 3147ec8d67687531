"""Groups failed cases by cause: one broken requirement fails many cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from eventhook_conformance.report.showing import length_of
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification.requirements import Requirement, requirements


@dataclass(frozen=True)
class Cause:
    """Cases that failed or stayed undecided in the same way."""

    requirement: Requirement | None
    """The requirement that all of them break; None for undecided cases."""
    telling: CaseResult
    """The case to read first."""
    alike: tuple[CaseResult, ...]
    """The other cases of the cause."""

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """Returns the cases of the cause, the most telling first."""
        return (self.telling, *self.alike)


def causes(cases: Iterable[CaseResult]) -> list[Cause]:
    """Groups the failed cases by the requirement they break, then the undecided ones by message.

    The requirement that most cases of other requirements break comes first: it is the likely cause
    of the rest. A case belongs to the first requirement it breaks in this order.
    """
    troubled = [case for case in cases if case.outcome in ("failed", "error")]
    failed = [case for case in troubled if case.charged]
    breaking: dict[str, list[CaseResult]] = defaultdict(list)
    for case in failed:
        for identifier in case.charged:
            breaking[identifier].append(case)
    found: list[Cause] = []
    taken: set[int] = set()
    for identifier in sorted(breaking, key=lambda one: _rank(one, breaking[one])):
        open_cases = [case for case in breaking[identifier] if id(case) not in taken]
        if not open_cases:
            continue
        taken |= {id(case) for case in open_cases}
        open_cases.sort(key=partial(_distance, identifier))
        telling, *alike = open_cases
        found.append(Cause(requirements()[identifier], telling, tuple(alike)))
    by_message: dict[str | None, list[CaseResult]] = defaultdict(list)
    for case in troubled:
        if not case.charged:
            by_message[case.message].append(case)
    return found + [Cause(None, first, tuple(alike)) for first, *alike in by_message.values()]


def _rank(identifier: str, cases: Sequence[CaseResult]) -> tuple[bool, int, int]:
    """Returns a sort key: a MUST comes first, then a requirement that many cases of others charge."""
    elsewhere = sum(identifier not in case.requirements for case in cases)
    order = list(requirements()).index(identifier)
    return requirements()[identifier].level == "SHOULD", -elsewhere, order


def _distance(identifier: str, case: CaseResult) -> tuple[int, int, int]:
    """Returns a sort key: a case made for the requirement comes first, then the shortest history."""
    made_for = case.requirements.index(identifier) if identifier in case.requirements else 99
    return made_for, length_of(case), len(case.violations)
