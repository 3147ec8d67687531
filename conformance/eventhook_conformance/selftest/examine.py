"""Tests the suite by mutants: each must be caught, at the requirements named for it.

A mutant that names no requirement is a *variant*: a correct implementation of another make, which must
not be accused of anything.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Final, Literal, TypeAlias

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.garbage_collection import collect_between_runs, collect_seldom
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.engine.termination import (
    end_in_order_on_sigterm,
    end_with_parent,
    end_workers,
)
from eventhook_conformance.probe.containment import Interruption
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Mutant

GROUP: Final = "eventhook_conformance.mutants"

HASTY_SETTINGS: Final = Settings(arrival_timeout_s=0.3)
"""For the first run: most mutants let waits run out, so short waits save most of the time."""

SETTINGS: Final = Settings(arrival_timeout_s=1.0)
"""For a second run of a mutant that the first run misjudged: longer than any bus here takes."""

VARIANT_SETTINGS: Final = Settings(arrival_timeout_s=10.0)
"""A correct variant never lets a wait run out, so long limits cost nothing on a busy machine."""

MutantOutcome: TypeAlias = Literal[
    "killed", "survived", "misplaced", "passed", "accused", "undecided"
]


class BrokenZoo(Exception):
    """The registered mutants cannot be loaded; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The suite's outcome for one mutant."""

    mutant: str
    bug: str
    expected: tuple[str, ...]
    charged: tuple[str, ...]
    """The requirements charged, those expected first."""
    judgement: MutantOutcome
    message: str
    """The message by which it was caught, or what went wrong."""
    message_found: bool
    """True if a requirement named for it was charged with the message named for it."""
    duration_s: float

    @property
    def good(self) -> bool:
        """True if the suite did what it should."""
        return self.judgement in ("killed", "passed")


def registered_mutants() -> dict[str, Mutant]:
    """Returns all mutants that installed packages register, by name.

    Raises:
        BrokenZoo: an entry point cannot be loaded, holds something else, or a name comes twice.
    """
    found: dict[str, Mutant] = {}
    for point in entry_points(group=GROUP):
        try:
            zoo = list(point.load())
        except Exception as error:  # because: somebody's module may raise anything
            raise BrokenZoo(f"mutants {point.value}: {type(error).__name__}: {error}") from error
        for mutant in zoo:
            if not isinstance(mutant, Mutant):
                raise BrokenZoo(f"mutants {point.value}: {mutant!r} is no Mutant")
            if mutant.name in found:
                raise BrokenZoo(f"mutants {point.value}: {mutant.name!r} is registered twice")
            found[mutant.name] = mutant
    return found


def examine(mutant: Mutant, *, full: bool = False) -> Examination:
    """Runs the suite against one mutant: the cases of its requirements until they caught it, or all."""
    began = time.perf_counter()
    if full or not mutant.caught_by:
        settings = SETTINGS if mutant.caught_by else VARIANT_SETTINGS
        finding = outcome_for(mutant, judge(mutant.target(), settings, catalog().values()))
    else:
        finding = _catch(mutant, HASTY_SETTINGS)
        if not finding.good:
            finding = _catch(mutant, SETTINGS)
    return replace(finding, duration_s=time.perf_counter() - began)


def _catch(mutant: Mutant, settings: Settings) -> Examination:
    """Runs the cases of a mutant's requirements until they caught it."""

    def caught(result: RunResult) -> bool:
        return (
            result.cases[-1].outcome == "failed"
            and outcome_for(mutant, result).judgement == "killed"
        )

    instances = cases_for(mutant.caught_by)
    return outcome_for(mutant, judge(mutant.target(), settings, instances, enough=caught))


def outcome_for(mutant: Mutant, result: RunResult) -> Examination:
    """Returns the outcome for one mutant of a run that judged it."""
    messages: dict[str, list[str]] = {}
    for case in result.cases:
        for violation in case.violations:
            for requirement in violation.requirements:
                messages.setdefault(requirement, []).append(violation.message)
    expected = [requirement for requirement in mutant.caught_by if requirement in messages]
    charged = (*expected, *sorted(set(messages) - set(expected)))
    said = [text for requirement in expected for text in messages[requirement]]
    told = [text for text in said if mutant.seen in text]
    judgement, message = _outcome(mutant, result, messages, told)
    return Examination(
        mutant=mutant.name,
        bug=mutant.bug,
        expected=mutant.caught_by,
        charged=charged,
        judgement=judgement,
        message=message,
        message_found=bool(told),
        duration_s=0.0,
    )


def _outcome(
    mutant: Mutant, result: RunResult, messages: Mapping[str, list[str]], told: Sequence[str]
) -> tuple[MutantOutcome, str]:
    first = next((said[0] for said in messages.values()), "")
    if result.unusable or result.suite_failure:
        return "undecided", result.unusable or result.suite_failure or ""
    if not mutant.caught_by:
        if messages:
            return "accused", first
        undecided = [case.id for case in result.cases if case.outcome == "error"]
        return ("undecided", ", ".join(undecided)) if undecided else ("passed", "")
    if not messages:
        return "survived", "nothing was charged"
    if not set(mutant.caught_by) <= set(messages):
        return "misplaced", first
    if not told:
        said = messages[mutant.caught_by[0]][0]
        return "misplaced", f"no message says {mutant.seen!r}, but: {said}"
    return "killed", told[0]


def examine_all(
    names: Sequence[str],
    *,
    full: bool = False,
    examiner: Callable[[Mutant], Examination] | None = None,
    workers: int | None = None,
) -> Iterator[Examination]:
    """Examines mutants by name in several processes; gives each finding as it comes.

    A mutant that was not judged as it should be is examined once more, when the others are through.

    Args:
        names: of registered mutants.
        full: all cases against each, not only those of its requirements.
        examiner: examines one instead, whose finding stands as it is; a function of a module.
        workers: how many processes; by default four for each processor, since most of the time
            of a broken bus is spent in waiting for what it lost.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers or 4 * (os.cpu_count() or 1),
        mp_context=context,
        initializer=_begin_worker,
    ) as pool:
        futures = {
            pool.submit(_examine_by_name, name, full, examiner): name for name in mixed(names)
        }
        doubtful: list[str] = []
        try:
            for future in as_completed(futures):
                # One that raised is asked again, too: a failure must not take all findings with it.
                failed = isinstance(future.exception(), Exception | Interruption)
                if not failed and (future.result().good or examiner is not None):
                    yield future.result()
                else:
                    doubtful.append(futures[future])
            for name in doubtful:
                # Asked again by itself: side by side, so many starve each other of processor.
                yield pool.submit(_examine_by_name, name, full, examiner).result()
        except BaseException:
            end_workers()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def mixed(names: Sequence[str]) -> list[str]:
    """Returns a variant after each few mutants, and all of them in the first half.

    Variants meet all cases and keep a processor busy, where mutants mostly wait: side by side they would
    starve each other, and at the end there would be nothing to run beside them.
    """
    mutants = registered_mutants()
    variants = [name for name in names if not mutants[name].caught_by]
    others = [name for name in names if mutants[name].caught_by]
    between = max(0, len(names) // 2 - len(variants)) // (len(variants) or 1)
    mixed: list[str] = []
    for place, variant in enumerate(variants):
        mixed += [variant, *others[place * between : (place + 1) * between]]
    return mixed + others[len(variants) * between :]


def _begin_worker() -> None:
    end_with_parent()
    end_in_order_on_sigterm()
    catalog()
    registered_mutants()
    # After the imports: each of a thousand mutants would have the collector look through them again.
    collect_seldom()


def _examine_by_name(
    name: str, full: bool, examiner: Callable[[Mutant], Examination] | None
) -> Examination:
    mutant = registered_mutants()[name]
    try:
        return examine(mutant, full=full) if examiner is None else examiner(mutant)
    finally:
        collect_between_runs()
