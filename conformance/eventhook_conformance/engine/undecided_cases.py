"""Says which cases are judged again, since a busy machine left them undecided."""

from __future__ import annotations

from collections import Counter
from typing import Final

from eventhook_conformance.probe.turns import current
from eventhook_conformance.results import CaseResult

_MOST_REPEATS: Final = 2
"""How often a case is judged again."""
_MOST_IN_VAIN: Final = 3
"""After so many repeats in a row that decided nothing, the machine is too busy for all."""


class UndecidedCases:
    """Remembers the cases that had no processor when they ran last."""

    def __init__(self) -> None:
        self._undecided: set[str] = set()
        self._repeats: Counter[str] = Counter()
        self._in_vain = 0

    def note(self, result: CaseResult) -> CaseResult:
        """Notes how the current case ended, and returns its result."""
        if current().starved and result.outcome == "error":
            self._undecided.add(result.id)
        else:
            self._undecided.discard(result.id)
        return result

    def repeats(self, case: str) -> bool:
        """Returns whether a case is judged again; it counts as judged again then."""
        before = self._repeats[case]
        if case not in self._undecided:
            self._in_vain = 0 if before else self._in_vain
            return False
        self._undecided.discard(case)
        self._in_vain += before > 0
        if before >= _MOST_REPEATS or self._in_vain >= _MOST_IN_VAIN:
            return False
        self._repeats[case] += 1
        return True
