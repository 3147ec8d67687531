"""Confirms, with full waits, the failures that rest on shortened ones.

A target that let several waits run out is broken, and the rest is judged with short waits. What fails only
by those is judged once more at the end, side by side: no target is charged with being slow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from eventhook_conformance.engine.auditor import Revision
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance

RunAgain: TypeAlias = Callable[[Iterable[Instance]], Awaitable[Sequence[tuple[CaseResult, float]]]]
"""Judges cases once more; returns for each its result, and its longest wait that was not in vain."""


class Hasty(NamedTuple):
    """A case that failed after a shortened wait."""

    instance: Instance
    waited_s: float
    """The longest of its shortened waits that were in vain."""


def choose(hasty: Mapping[str, Hasty], results: Iterable[CaseResult]) -> list[str]:
    """Returns few cases that together charge each requirement that only hasty cases charge.

    Takes cases that wait for a client of their own or for a cleanup last, since they take long.
    """
    failed = [one for one in results if one.outcome == "failed"]
    covered = {what for one in failed if one.id not in hasty for what in one.charged}
    chosen: list[str] = []
    for waits in (False, True):
        left = [one for one in failed if one.id in hasty and _waits(hasty[one.id]) is waits]
        while left:
            best = max(left, key=lambda one: len(set(one.charged) - covered))
            if covered.issuperset(best.charged):
                break
            covered.update(best.charged)
            chosen.append(best.id)
            left.remove(best)
    return chosen


def _waits(hasty: Hasty) -> bool:
    case = hasty.instance.case
    return bool(case.clients) or case.exclusive is not None


async def confirm(
    hasty: Mapping[str, Hasty], results: Sequence[CaseResult], run_again: RunAgain
) -> list[Revision]:
    """Judges a few cases again that represent all; the rest too, if one shows that the target is slow.

    The rest is judged too if one cannot be decided any more. If a case now passes without a long wait,
    its failure was intermittent, and stands.

    Args:
        hasty: the cases that failed after a shortened wait, by ID.
        results: those of all cases.
        run_again: judges cases with full waits.

    Returns:
        The results that full waits change.
    """
    before = {one.id: one for one in results}
    chosen = choose(hasty, results)
    again = await run_again(hasty[one].instance for one in chosen)
    if not any(
        (after.outcome == "passed" and took_s > hasty[after.id].waited_s)
        or after.outcome == "error"
        for after, took_s in again
    ):
        return []
    rest = [one for one in hasty if one not in chosen]
    found = [*again, *await run_again(hasty[one].instance for one in rest)]
    return [
        Revision(before[after.id], after)
        for after, _ in found
        if after.outcome in {"passed", "failed", "error"} and after.id in before
    ]


def undecided(hasty: Mapping[str, Hasty], results: Iterable[CaseResult]) -> list[Revision]:
    """Returns the results of a run that ended before it could confirm: they prove nothing.

    Args:
        hasty: the cases that failed after a shortened wait, by ID.
        results: those of all cases.
    """
    return [
        Revision(
            one,
            replace(
                one,
                outcome="error",
                blame="suite",
                violations=(),
                message=f"the run ended before a full wait confirmed what it saw within "
                f"{hasty[one.id].waited_s:g} s: {one.message}",
            ),
        )
        for one in results
        if one.id in hasty and one.outcome == "failed"
    ]
