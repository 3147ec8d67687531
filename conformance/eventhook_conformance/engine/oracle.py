"""Has the checker judge histories, and charges the breaches to requirements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from eventhook_conformance.checker import MISSING, Violation, check
from eventhook_conformance.engine.parking import Parked
from eventhook_conformance.history import History, Ledger
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import Case
from eventhook_conformance.target import Capabilities

Checker: TypeAlias = Callable[[History, Capabilities, Ledger], list[Violation]]


class Oracle:
    """Judges a history as its case ends, and again when everything it will ever get is in it.

    Args:
        capabilities: the target's claims.
        ledger: every event that the run published.
        checker: judges one history.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        ledger: Ledger,
        checker: Checker = check,
    ) -> None:
        self.failure: str | None = None
        """Why the checker itself failed, if it did; the run goes on without its judgement."""
        self._capabilities = capabilities
        self._ledger = ledger
        self._checker = checker

    def judge(self, history: History, case: Case | None = None) -> list[Violation]:
        """Returns the breaches that a history shows; those that `case` implicates charge it too."""
        return self._charged(history, case) or []

    def judge_late(self, parked: Parked, leaving: Sequence[Violation]) -> list[Violation] | None:
        """Judges a finished case again after its subscriptions left; None: nothing changed.

        An event taken for lost that came after all is charged as late or reordered, not as lost too.

        Args:
            parked: the case, and its breaches when it ended.
            leaving: the breaches that leaving showed.
        """
        now = self._charged(parked.history, parked.case)
        if now is None:
            return None
        stand = [one for one in parked.charged if one.kind not in MISSING or one in now]
        known = {*parked.charged, *parked.stated}
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
        if case is None:
            return found
        return [
            violation.charging(case.requirements)
            if violation.kind in case.implicates
            else violation
            for violation in found
        ]
