"""What several reports have to say of a result in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from eventhook_conformance.results import CaseResult, RequirementOutcome, RunResult, Verdict
from eventhook_conformance.specification.requirements import requirements

SIGNS: Final[dict[RequirementOutcome, str]] = {
    "passed": "✓",
    "failed": "✗",
    "error": "?",
    "untested": "○",
    "not_claimed": "–",
}
WORDS: Final[dict[RequirementOutcome, str]] = {
    "passed": "holds",
    "failed": "does not hold",
    "error": "undecided",
    "untested": "untested",
    "not_claimed": "not claimed",
}
VERDICTS: Final[tuple[Verdict, ...]] = ("conformant", "non-conformant", "inconclusive")


class LooseEnd(NamedTuple):
    """Why there is no verdict, apart from what a case says."""

    name: str
    message: str


def loose_ends(result: RunResult) -> Iterator[LooseEnd]:
    """What keeps a target from a verdict though no case failed: a green list must not hide it."""
    if result.unusable:
        yield LooseEnd("the target can be used", result.unusable)
        return
    if result.suite_failure:
        yield LooseEnd("the suite came to its end", result.suite_failure)
    if not (result.summary["passed"] or result.summary["failed"]):
        yield LooseEnd("something was tested", "no case came to a result")
    for one in result.requirement_results():
        if one.outcome == "untested" and one.requirement.level == "MUST":
            yield LooseEnd(f"{one.requirement.id} is tested", f"untested: {one.requirement.title}")


def advisory(case: CaseResult) -> bool:
    """Whether a case failed for a SHOULD alone, which is shown and changes no verdict."""
    charged = {one for violation in case.violations for one in violation.requirements}
    return bool(charged) and all(requirements()[one].level == "SHOULD" for one in charged)


def troubled(result: RunResult) -> list[CaseResult]:
    """The cases that failed or could not be decided, in the order in which they ran."""
    return [case for case in result.cases if case.outcome in ("failed", "error")]
