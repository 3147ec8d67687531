"""Tests which mutants random programs find alone: nobody wrote these for a mutant."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.results import RunResult
from eventhook_conformance.selftest.examine import Examination, outcome_for
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Mutant

LIMIT_S: Final = 30.0
"""A mutant is found if it is charged within so many seconds."""

SETTINGS: Final = Settings(arrival_timeout_s=0.5, examples=100_000, search_s=8.0, shrink_s=0.0)
"""Seconds for each search. A breach is enough; a short program that shows it is for people to read."""

GROUPS: Final = (
    "interleavings",
    "lifecycle_composed::composed_runs_tell_exactly_their_own",
    "random_histories",
)
"""Pairs of operations, composed lifecycles, and random histories; in this order, the quickest first."""


def examine_unaided(mutant: Mutant) -> Examination:
    """Returns whether programs alone find a mutant within the limit, whatever they charge."""
    began = time.perf_counter()
    anything = replace(mutant, caught_by=(), seen="")
    for group in GROUPS:
        result = judge(mutant.target(), SETTINGS, _instances(group), enough=_is_found)
        finding = outcome_for(anything, result)
        spent = time.perf_counter() - began
        if finding.judgement != "passed" or spent > LIMIT_S:
            break
    judgement = finding.judgement
    if mutant.caught_by and judgement in ("accused", "passed"):
        judgement = "killed" if judgement == "accused" and spent <= LIMIT_S else "survived"
    return replace(finding, judgement=judgement, duration_s=spent)


def _instances(group: str) -> list[Instance]:
    return [one for name, one in catalog().items() if name.startswith(group)]


def _is_found(result: RunResult) -> bool:
    return result.cases[-1].outcome == "failed"


def unaided_line(finding: Examination) -> str:
    """Writes one mutant, with the requirements at which it was found."""
    shown = ", ".join(finding.charged) or "-"
    line = f"{finding.judgement:<9} {finding.mutant:<36} {shown:<22} {finding.duration_s:5.1f} s"
    if finding.judgement in ("accused", "undecided"):
        line += f"\n{'':<10}{finding.message:.400}"
    return line


def unaided_summary(findings: Sequence[Examination]) -> str:
    """Counts the broken mutants that were found, and the correct variants that were accused."""
    counts = {one.mutant: one.judgement for one in findings}
    outcomes = list(counts.values())
    correct = outcomes.count("passed") + outcomes.count("accused")
    told = f"{outcomes.count('killed')} of {len(findings) - correct} mutants found"
    if undecided := outcomes.count("undecided"):
        told += f", {undecided} undecided"
    if correct:
        told += f"; {outcomes.count('accused')} of {correct} correct variants accused"
    return told


def unaided_markdown(
    findings: Sequence[Examination],
    earlier: str = "",
    registered: Mapping[str, object] | None = None,
) -> str:
    """Returns the table of the mutants found unaided, and of the others.

    Args:
        findings: the outcomes of this run.
        earlier: a table written before; the rows of mutants that were not examined now are kept.
        registered: the mutants that there are, in their order; rows of others are left out.
    """
    rows = _rows(earlier) | {one.mutant: row for one in findings if (row := _row(one))}
    if registered is not None:
        rows = {name: rows[name] for name in registered if name in rows}
    found = [row for row in rows.values() if _is_of_one_found(row)]
    others = [row for row in rows.values() if not _is_of_one_found(row)]
    lines = [
        "# What random histories and interleavings find alone",
        "",
        f"Made by `eventhook-conformance self-test --unaided --table FILE`: {len(found)} of {len(rows)}",
        f"mutants found, each within {LIMIT_S:.0f} s. A mutant that is not examined keeps its row;",
        "those without a row were not examined. The programs are histories of a bus, pairs of",
        "operations, and composed lifecycles.",
        "",
        "| mutant | the bug | found by | seconds |",
        "|---|---|---|---:|",
        *found,
    ]
    if others:
        lines += ["", "## The others", "", "| mutant | the bug | came to |", "|---|---|---|"]
        lines += others
    return "\n".join(lines) + "\n"


def _row(one: Examination) -> str | None:
    """Returns the row of a mutant; None for a correct variant that passed."""
    if one.judgement == "passed":
        return None
    if one.judgement == "killed":
        by = ", ".join(one.charged)
        return f"| `{one.mutant}` | {one.bug} | {by} | {one.duration_s:.1f} |"
    return f"| `{one.mutant}` | {one.bug} | {one.judgement} |"


def _rows(table: str) -> dict[str, str]:
    return {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}


def _is_of_one_found(row: str) -> bool:
    return row.rstrip(" |").rpartition("| ")[2].replace(".", "", 1).isdigit()
