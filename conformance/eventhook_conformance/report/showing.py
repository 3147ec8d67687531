"""Takes from a case what reports show of its history: from its evidence, or from the history itself."""

from __future__ import annotations

from eventhook_conformance.checker import Violation
from eventhook_conformance.evidence import BreachEvidence, Diagram, Evidence
from eventhook_conformance.report.excerpt import excerpt
from eventhook_conformance.report.sequence import lay_out
from eventhook_conformance.report.steps import all_entries
from eventhook_conformance.results import CaseResult


def evidence_of(case: CaseResult, *, drawn: bool = True) -> Evidence | None:
    """Returns what reports show of a case's history, with or without diagrams; None if it has none."""
    if case.evidence is not None or case.history is None:
        return case.evidence
    return Evidence(
        length=length_of(case),
        lines=tuple(lines_of(case)),
        breaches=tuple(
            BreachEvidence(tuple(breach_lines(case, one)), diagram_of(case, one) if drawn else None)
            for one in case.violations
        ),
    )


def length_of(case: CaseResult) -> int:
    """Returns how much happened in a case, as far as it is known."""
    if case.evidence is not None:
        return case.evidence.length
    history = case.history
    if history is None:
        return 0
    return len(history.publishes) + sum(
        1 + len(one.deliveries) + len(one.waited) for one in history.subscriptions
    )


def lines_of(case: CaseResult) -> list[str]:
    """Returns the lines that show all breaches of a case."""
    if case.evidence is not None:
        return list(case.evidence.lines)
    if case.history is None or not case.violations:
        return []
    entries = [entry for violation in case.violations for entry in violation.entries]
    return excerpt(case.history, entries or all_entries(case.history))


def breach_lines(case: CaseResult, violation: Violation) -> list[str]:
    """Returns the lines that show one breach of a case."""
    if case.evidence is not None:
        return list(_kept(case.evidence, case, violation).lines)
    if case.history is None:
        return []
    return excerpt(case.history, violation.entries or all_entries(case.history))


def diagram_of(case: CaseResult, violation: Violation) -> Diagram | None:
    """Returns the drawing of one breach of a case; None if there is nothing to draw."""
    if case.evidence is not None:
        return _kept(case.evidence, case, violation).diagram
    return None if case.history is None else lay_out(case.history, violation)


def _kept(evidence: Evidence, case: CaseResult, violation: Violation) -> BreachEvidence:
    places = {id(one): place for place, one in enumerate(case.violations)}
    return evidence.breaches[places[id(violation)]]
