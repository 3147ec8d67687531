"""What a case finds itself, beside what the checker finds in its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eventhook_conformance.checker import Violation
from eventhook_conformance.history import Entry, History
from eventhook_conformance.probe.failure import CaseAborted


class Findings:
    """Collects breaches.

    Args:
        requirements: those that the case is made for; its own findings are charged to them.
        history: where all it does is recorded.
    """

    def __init__(self, requirements: Sequence[str], history: History) -> None:
        self.requirements = tuple(requirements)
        self.history = history
        self.violations: list[Violation] = []
        self.adopted: tuple[Any, History] | None = None

    def adopt(self, program: Any, history: History, violations: Iterable[Violation]) -> None:
        """Takes over what was found apart: it is what this case shows, and how it can be repeated."""
        self.adopted = (program, history)
        self.violations.extend(violations)

    def found(self, expected: str, seen: str, *entries: Entry, charge: Sequence[str] = ()) -> None:
        """Records a breach of the case's own requirements (or those named), and goes on."""
        requirements = tuple(charge) or self.requirements
        self.violations.append(Violation("failed", requirements, expected, seen, entries))

    def expect(self, ok: bool, expected: str, seen: str, *entries: Entry) -> None:
        """Records a breach unless `ok`."""
        if not ok:
            self.found(expected, seen, *entries)

    def aborted(self, expected: str, seen: str, *entries: Entry) -> CaseAborted:
        """A breach after which the case cannot go on, to be raised."""
        return CaseAborted(Violation("failed", self.requirements, expected, seen, entries))
