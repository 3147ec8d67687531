"""The option `--baseline`: reads its file, refuses one of another version, and compares a run with it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import click

from eventhook_conformance.baseline.comparison import Comparison, accepts, compare
from eventhook_conformance.baseline.file import read_baseline
from eventhook_conformance.baseline.known import Baseline, BrokenBaseline, How, observed
from eventhook_conformance.cases import catalog
from eventhook_conformance.report.json_report import to_json
from eventhook_conformance.results import CaseResult, RunResult


def known_cases() -> frozenset[str]:
    """Returns the IDs that an entry may name."""
    return frozenset({*catalog(), "smoke::something_arrives"})


def today() -> datetime.date:
    """Returns the day by which entries expire, in UTC, so that all machines agree."""
    return datetime.datetime.now(datetime.UTC).date()


def load(file: Path, specification: str) -> Baseline:
    """Reads the baseline for a run.

    Raises:
        click.BadParameter: it cannot be used, or was made under another specification.
    """
    try:
        known = read_baseline(file)
    except BrokenBaseline as error:
        raise click.BadParameter(str(error), param_hint="--baseline") from error
    if known.specification != specification:
        raise click.BadParameter(
            other_version(file, known.specification, specification), param_hint="--baseline"
        )
    return known


def other_version(file: Path, made_under: str, specification: str) -> str:
    """Says that a baseline was made under another version, and how to renew it."""
    return (
        f"{file}: expected specification {specification}, got {made_under}; renew it: "
        f"eventhook-conformance baseline save {file} --specification {specification}"
    )


def accepted_by(known: Baseline | None, target: str) -> Callable[[CaseResult], bool]:
    """Returns a function that tells whether the baseline has recorded how a case came out."""

    def is_known(case: CaseResult) -> bool:
        if known is None:
            return False
        identifiers = case.charged or case.requirements
        charges = [(case.id, identifier) for identifier in identifiers]
        how: How = "failed" if case.charged else "undecided"
        return accepts(known, target, charges, how, today())

    return is_known


def against(known: Baseline, results: list[RunResult]) -> Comparison:
    """Compares the results of a run with a baseline."""
    return compare(known, observed(to_json(results)), cases=known_cases(), today=today())
