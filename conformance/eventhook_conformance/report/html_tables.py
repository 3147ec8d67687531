"""Makes the tables of the HTML page: requirements and cases, the targets side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from eventhook_conformance.report.wording import not_selected, word
from eventhook_conformance.results import CaseResult, RequirementResult, RunResult, specification_of
from eventhook_conformance.specification.requirements import groups, requirements

Links: TypeAlias = dict[tuple[int, str], list[tuple[str, str]]]
"""Anchor and case of each failure, by the place of its target and a requirement it charges."""


@dataclass(frozen=True)
class Cell:
    """The result of a requirement on one target."""

    result: RequirementResult
    word: str
    links: tuple[tuple[str, str], ...]
    """The failures that charge it: anchor and case."""


def requirement_rows(results: Sequence[RunResult], links: Links) -> Iterator[dict[str, Any]]:
    """Makes the matrix: the rows of each group, and in each row a cell for each target."""
    columns = [{one.requirement.id: one for one in run.requirement_results()} for run in results]
    both = list(zip(results, columns, strict=True))
    for group, title in groups().items():
        rows: list[dict[str, Any]] = [
            {
                "requirement": requirement,
                "cells": [
                    Cell(
                        column[requirement.id],
                        word(column[requirement.id], run),
                        tuple(links[place, requirement.id]),
                    )
                    for place, (run, column) in enumerate(both)
                ],
                "reasons": _reasons([(run.target, column[requirement.id]) for run, column in both]),
            }
            for requirement in requirements(specification_of(results)).values()
            if requirement.group == group
        ]
        tallies = [
            Counter(column[row["requirement"].id].outcome for row in rows) for column in columns
        ]
        claimed = any(tally["not_claimed"] < len(rows) for tally in tallies)
        yield {"id": group, "title": title, "rows": rows, "tallies": tallies, "claimed": claimed}


def _reasons(cells: Sequence[tuple[str, RequirementResult]]) -> list[str]:
    """Says why a requirement is not claimed or not selected, by target if the reasons differ."""
    unselected = [one.reason for _, one in cells if one.reason and not_selected(one)]
    reasons = [(name, one.reason) for name, one in cells if one.reason and not not_selected(one)]
    told = [reason[0].upper() + reason[1:] for reason in dict.fromkeys(unselected)]
    if len(reasons) == len(cells) and len({reason for _, reason in reasons}) == 1:
        return [f"Not claimed: {reasons[0][1]}"]
    return told + [f"Not claimed by {name}: {reason}" for name, reason in reasons]


def case_rows(results: Sequence[RunResult]) -> list[dict[str, Any]]:
    """Lists all cases that ran, the slowest first, with the result on each target, or None."""
    columns = [{case.id: case for case in result.cases} for result in results]
    found: dict[str, CaseResult] = {}
    for column in columns:
        found = {**column, **found}
    rows = [
        {
            "id": identifier,
            "requirements": case.requirements,
            "cells": [column.get(identifier) for column in columns],
            "slowest_s": max(
                column[identifier].duration_s for column in columns if identifier in column
            ),
            "ran": any(
                column[identifier].outcome != "not_claimed"
                for column in columns
                if identifier in column
            ),
        }
        for identifier, case in found.items()
    ]
    return sorted((row for row in rows if row["ran"]), key=lambda row: -row["slowest_s"])
