"""Words about a result that all reports share."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eventhook_conformance.report.text import counted
from eventhook_conformance.results import (
    CaseResult,
    RequirementOutcome,
    RequirementResult,
    RunResult,
    Verdict,
)
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
_KIT_PARTS: Final = {"PAT": "filtering", "OVF": "buffer"}
"""The part of the kit that meets a group of requirements if the target uses it."""
VERDICTS: Final[tuple[Verdict, ...]] = ("conformant", "non-conformant", "inconclusive")


class LooseEnd(NamedTuple):
    """A reason for having no verdict that no case shows."""

    name: str
    message: str


def loose_ends(result: RunResult) -> Iterator[LooseEnd]:
    """Lists what prevents a verdict although no case failed."""
    if result.unusable:
        yield LooseEnd("the target can be used", result.unusable)
        return
    if result.suite_failure:
        yield LooseEnd("the suite came to its end", result.suite_failure)
    if not (result.summary["passed"] or result.summary["failed"]):
        yield LooseEnd("something was tested", "no case passed or failed")
    for one in result.requirement_results():
        if one.outcome == "untested" and one.requirement.level == "MUST":
            yield LooseEnd(f"{one.requirement.id} is tested", f"untested: {one.requirement.title}")


def advisory(case: CaseResult) -> bool:
    """Returns whether a case breaks SHOULD requirements only, which changes no verdict."""
    broken = case.charged
    return bool(broken) and all(requirements()[one].level == "SHOULD" for one in broken)


def troubled(result: RunResult) -> list[CaseResult]:
    """Returns the cases that failed or stayed undecided, in the order in which they ran."""
    return [case for case in result.cases if case.outcome in ("failed", "error")]


def partial(result: RunResult) -> str | None:
    """Returns the options that left out a part of the claim; None if the run was whole."""
    settings = result.settings
    options = [f"--profile {one}" for one in settings.profiles]
    if settings.cases is not None:
        options.append("--last-failed")
    if settings.replay is not None:
        options.append("--replay")
    elif settings.selection:
        options.append(f"-k {shlex.quote(settings.selection)}")
    return " ".join(options) or None


def word(one: RequirementResult, result: RunResult) -> str:
    """Returns the outcome of a requirement in words."""
    if by_kit(one, result):
        return "holds, by the kit"
    if not_selected(one):
        return "not selected"
    return WORDS[one.outcome]


def not_selected(one: RequirementResult) -> bool:
    """Returns whether the requirement is claimed, but no case of it was selected."""
    return one.outcome == "not_claimed" and (one.reason or "").startswith("not selected")


def by_kit(one: RequirementResult, result: RunResult) -> bool:
    """Returns whether the suite's own kit meets the requirement: that says nothing about the bus."""
    return one.outcome == "passed" and _KIT_PARTS.get(one.requirement.group) in result.kit


def holding(result: RunResult) -> str:
    """Says how many requirements hold and how many do not, a SHOULD apart from a MUST."""
    every = result.requirement_results()
    outcomes = Counter(one.outcome for one in every)
    kit = sum(by_kit(one, result) for one in every)
    parts = [f"{counted(outcomes['passed'] - kit, 'requirement holds', 'requirements hold')}"]
    if kit:
        parts.append(f"{kit} by the kit")
    levels = Counter(one.requirement.level for one in every if one.outcome == "failed")
    if levels["MUST"]:
        parts.append(counted(levels["MUST"], "does not", "do not"))
    if levels["SHOULD"]:
        parts.append(f"{levels['SHOULD']} failed (SHOULD)")
    if undecided := outcomes["error"] + outcomes["untested"]:
        parts.append(f"{undecided} undecided")
    unselected = sum(not_selected(one) for one in every)
    if unselected:
        parts.append(f"{unselected} not selected")
    if unclaimed := outcomes["not_claimed"] - unselected:
        parts.append(f"{unclaimed} not claimed")
    return ", ".join(parts)


def standing(result: RunResult, members: Sequence[RequirementResult]) -> str:
    """Says how many requirements of a group hold."""
    outcomes = Counter(one.outcome for one in members)
    claimed = len(members) - outcomes["not_claimed"]
    if not claimed:
        return "not selected" if any(map(not_selected, members)) else "not claimed"
    should = sum(one.outcome == "failed" and one.requirement.level == "SHOULD" for one in members)
    note = f", {should} failed (SHOULD)" if should else ""
    note += ", by the kit" if any(by_kit(one, result) for one in members) else ""
    return f"{outcomes['passed']} of {claimed} hold{note}"
