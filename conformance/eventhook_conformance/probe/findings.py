"""Breaches that a case finds itself, beside those that the checker finds in its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eventhook_conformance.checker import Violation
from eventhook_conformance.history import Entry, History
from eventhook_conformance.probe.failure import CaseAborted


class Findings:
    """Collects the breaches that one case states.

    Args:
        requirements: those that the case is made for; its findings are charged to them.
    """

    def __init__(self, requirements: Sequence[str]) -> None:
        self.requirements = tuple(requirements)
        self.violations: list[Violation] = []
        self.adopted: tuple[Any, History] | None = None
        """A random program and its history, which replace the case's own in its result."""

    def adopt(self, program: Any, history: History, violations: Iterable[Violation]) -> None:
        """Adds a breach that a separate trial showed, with the program that repeats it."""
        self.adopted = (program, history)
        self.violations.extend(violations)

    def add(self, expected: str, seen: str, *entries: Entry, charge: Sequence[str] = ()) -> None:
        """Records a breach of the case's requirements, or of those in `charge`; the case goes on."""
        requirements = tuple(charge) or self.requirements
        self.violations.append(Violation("failed", requirements, expected, seen, entries))

    def expect(self, ok: bool, expected: str, seen: str, *entries: Entry) -> None:
        """Records a breach unless `ok`."""
        if not ok:
            self.add(expected, seen, *entries)

    def aborted(self, expected: str, seen: str, *entries: Entry) -> CaseAborted:
        """Returns a breach to raise: the case cannot go on after it."""
        return CaseAborted(Violation("failed", self.requirements, expected, seen, entries))
