"""Builds the result of a case from its findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from eventhook_conformance.checker import Violation, condense
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.probe import Client
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance, requirements

_PROVEN: Final = frozenset(
    {
        *("leaked", "phantom", "altered", "crossed", "unmatched", "refused-seen", "replayed"),
        *("after-leaving", "repeated", "reordered", "disordered", "acausal"),
    }
)
"""Breaches that delivered events prove, even if the driver failed afterwards."""


def stands(violation: Violation, fault: str | None) -> bool:
    """Returns whether a breach counts although the driver failed during the case."""
    return fault is None or violation.kind in _PROVEN


def decide(result: CaseResult, violations: Sequence[Violation], ending: Ending) -> CaseResult:
    """Returns the result with its outcome, as the violations and the body's ending decide it."""
    condensed = condense(_asked(violations, result.specification))
    if condensed:
        return replace(
            result,
            outcome="failed",
            blame="target",
            message=condensed[0].message,
            violations=tuple(condensed),
            decided=ending.decided,
        )
    if not ending.offered:
        return replace(result, outcome="not_claimed", message=ending.message)
    if ending.message is not None or not ending.decided:
        return replace(
            result,
            outcome="error",
            blame=ending.blame or "suite",
            message=ending.message or "the case ended early, and its history shows no breach",
            decided=ending.decided,
        )
    # Drops passing histories to save memory.
    return replace(result, outcome="passed", history=None, hung=())


def _asked(violations: Sequence[Violation], specification: str) -> Iterator[Violation]:
    """Yields the breaches that count under a version of the specification; newer ones do not."""
    known = requirements(specification)
    for violation in violations:
        charged = tuple(one for one in violation.requirements if one in known)
        if charged == violation.requirements:
            yield violation
        elif charged:
            yield replace(violation, requirements=charged)


def not_claimed(instance: Instance, reason: str) -> CaseResult:
    """Returns the result of a case that does not apply to the target's claims."""
    return CaseResult(
        id=instance.id,
        requirements=instance.case.requirements,
        outcome="not_claimed",
        message=reason,
        specification=instance.specification,
    )


def not_run(instance: Instance, why: str, blame: Literal["suite", "target"]) -> CaseResult:
    """Returns the result of a case that comes after the circuit breaker opened, on somebody's account."""
    return CaseResult(
        id=instance.id,
        requirements=instance.case.requirements,
        outcome="error",
        blame=blame,
        message=f"not run: {why}",
        decided=False,
        specification=instance.specification,
    )


def closing_violation(client: Client, problem: str) -> Violation:
    """Returns the breach that a client could not be closed in order."""
    return Violation(
        "failed", ("PUB-17",), f"closing {client.name} to succeed", f"it raised {problem}"
    )
