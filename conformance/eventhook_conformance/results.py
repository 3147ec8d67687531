"""The results of a run: the one model that every report is written from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from eventhook_conformance.checker import Violation
from eventhook_conformance.evidence import Evidence
from eventhook_conformance.history import History
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import (
    Requirement,
    requirements,
    specification_version,
)
from eventhook_conformance.target import Capabilities

CaseOutcome: TypeAlias = Literal["passed", "failed", "not_claimed", "error"]
RequirementOutcome: TypeAlias = Literal["passed", "failed", "not_claimed", "error", "untested"]
Verdict: TypeAlias = Literal["conformant", "non-conformant", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """The result of one case; it never changes, and an audit that finds more makes another."""

    id: str
    """Stable, without the target: `module::name[parameters]`."""
    requirements: tuple[str, ...]
    outcome: CaseOutcome
    duration_s: float = 0.0
    blame: Literal["target", "driver", "suite"] | None = None
    message: str | None = None
    violations: tuple[Violation, ...] = ()
    history: History | None = None
    evidence: Evidence | None = None
    """The part of the history that reports show, where the history stayed behind in another process."""
    program: Any = None
    """The random program that showed the breach, as JSON values; it can be played again."""
    saved: str | None = None
    """The file that the program was saved in."""
    hung: tuple[str, ...] = ()
    """Where calls of the target stood that had not returned in time: frames, the innermost last."""
    died: tuple[str, ...] = ()
    """The tasks of the target that had ended with an exception by then."""
    decided: bool = True
    """It ran to its end, so that its requirements count as tested."""
    specification: str = specification_version()
    """The version of the specification that it was judged by."""
    repeat_options: str = ""
    """The command-line options that repeat the case with the same seed and depth."""

    @property
    def charged(self) -> tuple[str, ...]:
        """The requirements that it breaks, each once."""
        found = (one for violation in self.violations for one in violation.requirements)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class RequirementResult:
    """The result of one requirement, over all cases."""

    requirement: Requirement
    outcome: RequirementOutcome
    cases: tuple[str, ...]
    reason: str | None = None
    """Why it is not claimed."""


@dataclass(kw_only=True)
class RunResult:
    """The result of one target."""

    target: str
    capabilities: Capabilities
    settings: Settings
    invoked_as: str = ""
    """The target as the user named it on the command line."""
    kit: tuple[str, ...] = ()
    """The parts of the kit that the target is built on."""
    about: str = ""
    """The target's description of itself, in one line."""
    cases: list[CaseResult] = field(default_factory=list)
    unusable: str | None = None
    """Why the target could not be opened or used at all, in one line."""
    silent: bool = False
    """Nothing was delivered at all, so the cases were not run."""
    suite_failure: str | None = None
    """The failure of the suite itself, in one line."""
    selectable: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The IDs of the cases for each requirement, selected or not."""
    selected: frozenset[str] = frozenset()
    """The IDs of the cases to run; if the run ended early, it did not run all of them."""
    duration_s: float = 0.0
    unaudited: list[str] = field(default_factory=list)
    """The cases whose late arrivals could not be read, since a driver failed."""
    leaked: list[str] = field(default_factory=list)
    """Tasks, threads, processes and descriptors that the target left behind; they change no verdict."""

    def requirement_results(self) -> list[RequirementResult]:
        """Returns all requirements of the specification that was asked, in its order."""
        charged = {requirement for case in self.cases for requirement in case.charged}
        cases: dict[str, list[CaseResult]] = defaultdict(list)
        for case in self.cases:
            for identifier in case.requirements:
                cases[identifier].append(case)
        not_run = self.selected.difference(case.id for case in self.cases)
        return [
            self._judge(requirement, charged, cases[requirement.id], not_run)
            for requirement in requirements(self.settings.specification).values()
        ]

    def _judge(
        self,
        requirement: Requirement,
        charged: set[str],
        cases: Sequence[CaseResult],
        not_run: frozenset[str],
    ) -> RequirementResult:
        reason = requirement.unmet(self.capabilities)
        run = [case for case in cases if case.outcome != "not_claimed"]
        outcome: RequirementOutcome
        if requirement.id in charged:
            outcome, reason = "failed", None
        elif reason is not None:
            outcome = "not_claimed"
        elif any(case.outcome == "error" or not case.decided for case in run):
            outcome = "error"
        elif run:
            outcome = "passed"
        elif not_offered := [case for case in cases if case.history or case.evidence]:
            outcome, reason = "not_claimed", not_offered[0].message
        elif (unselected := self._unselected(requirement, not_run)) is not None:
            outcome, reason = "not_claimed", unselected
        else:
            outcome = "untested"
        return RequirementResult(
            requirement=requirement,
            outcome=outcome,
            cases=tuple(case.id for case in cases),
            reason=reason,
        )

    def _unselected(self, requirement: Requirement, not_run: frozenset[str]) -> str | None:
        """Says which option left out the cases of a requirement; None if the run ended before them."""
        cases = self.selectable.get(requirement.id, ())
        if not cases or not not_run.isdisjoint(cases):
            return None
        if self.settings.selection is not None:
            return f"not selected by -k {self.settings.selection!r}"
        return None if self.settings.cases is None else "not selected by --last-failed"

    @property
    def summary(self) -> Counter[CaseOutcome]:
        """Counts the cases by outcome."""
        return Counter(case.outcome for case in self.cases)

    @property
    def verdict(self) -> Verdict:
        """`conformant` only if something was tested, every claimed MUST was tested, and each holds."""
        outcomes = Counter(
            result.outcome
            for result in self.requirement_results()
            if result.requirement.level == "MUST"
        )
        if outcomes["failed"]:
            return "non-conformant"
        nothing = not (self.summary["passed"] or self.summary["failed"])
        if (
            self.unusable
            or self.suite_failure
            or nothing
            or outcomes["error"]
            or outcomes["untested"]
        ):
            return "inconclusive"
        return "conformant"


def specification_of(results: Sequence[RunResult]) -> str:
    """Returns the version of the specification that all were judged by; the newest where there is none."""
    return results[0].settings.specification if results else specification_version()


def exit_code(results: Sequence[RunResult]) -> int:
    """Returns 2 unusable, 1 not conformant, 3 no verdict, 0 conformant: the first that applies to any."""
    if any(result.unusable for result in results):
        return 2
    verdicts = {result.verdict for result in results}
    if "non-conformant" in verdicts:
        return 1
    return 0 if verdicts == {"conformant"} else 3
