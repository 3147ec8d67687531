"""Judges histories by the checker, and charges the breaches to requirements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from eventhook_conformance.checker import MISSING, Violation, check
from eventhook_conformance.engine.parking import Parked
from eventhook_conformance.history import Delivery, History, Ledger
from eventhook_conformance.probe import Deadline
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import Case
from eventhook_conformance.target import Capabilities

_ABOUT_ORDER: Final = frozenset({"PUB-06", "PUB-15", "STR-01", "STR-06", "REC-04"})

Checker: TypeAlias = Callable[[History, Capabilities, Ledger], list[Violation]]


class Oracle:
    """Judges a history as its case ends, and again when everything it will ever get is in it.

    Args:
        capabilities: the target's claims.
        ledger: every event that the run published.
        checker: judges one history.
        deadline: knows whether the target reorders with nothing going on beside it.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        ledger: Ledger,
        checker: Checker = check,
        deadline: Deadline | None = None,
    ) -> None:
        self.failure: str | None = None
        """Why the checker itself failed, if it did; the run goes on without its judgement."""
        self._capabilities = capabilities
        self._ledger = ledger
        self._deadline = deadline or Deadline(0.0)
        self._checker = checker

    def judge(self, history: History, case: Case | None = None) -> list[Violation]:
        """Returns the breaches that a history shows; those that `case` implicates charge it too."""
        return self._charged(history, case) or []

    def judge_late(self, parked: Parked, leaving: Sequence[Violation]) -> list[Violation] | None:
        """Judges a finished case again after its subscriptions left; None: nothing changed.

        An event that seemed lost and came later is charged as late or reordered, and not as lost.

        Args:
            parked: the case, and its breaches when it ended.
            leaving: the breaches that leaving showed.
        """
        now = self._charged(parked.history, parked.case)
        if now is None:
            return None
        still, known = {*now}, {*parked.charged, *parked.stated}
        stand = [one for one in parked.charged if one.kind not in MISSING or one in still]
        late = [one for one in (*now, *leaving) if one not in known]
        if not late and len(stand) == len(parked.charged):
            return None
        return [*stand, *parked.stated, *late]

    def _charged(self, history: History, case: Case | None) -> list[Violation] | None:
        try:
            found = self._checker(history, self._capabilities, self._ledger)
        except Exception as error:  # because: a checker that fails must not take the run with it
            self.failure = f"the checker failed on {history.case}: {describe(error)}"
            return None
        if self._deadline.disorderly:
            found = [violation for violation in found if not _only_overtaken(violation)]
        if case is None:
            return found
        return [
            violation.charging(self._shown_by(violation, case))
            if violation.kind in case.implicates
            else violation
            for violation in found
        ]

    def _shown_by(self, violation: Violation, case: Case) -> tuple[str, ...]:
        """Returns the case's requirements that a breach breaks.

        If the bus reorders with nothing beside it, a reorder beside something else proves nothing more.
        """
        if violation.kind == "reordered" and self._deadline.disorderly:
            return tuple(one for one in case.requirements if one in _ABOUT_ORDER)
        return case.requirements


def explained(first: Sequence[Violation], again: Sequence[Violation]) -> bool:
    """Returns whether events were only late: in the second run all came, though out of order."""
    kinds = {one.kind for one in again}
    return bool(first) and "reordered" in kinds and not kinds & MISSING


def _only_overtaken(violation: Violation) -> bool:
    """Returns whether only a later event shows a loss, which is no proof on a bus that reorders."""
    return violation.kind in MISSING and isinstance(violation.entries[-1], Delivery)
