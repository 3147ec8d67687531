"""Draws, for each requirement, how a bus that breaks it looks: `python .ci/site/histories.py`.

Each drawing is a history of a mutant that is named for the requirement. Those that are there already stay;
it stops after some minutes, so that it can be called again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader

from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.report import sequence
from eventhook_conformance.report.sequence import lay_out
from eventhook_conformance.report.text import printable
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.selftest.examine import SETTINGS, registered_mutants
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Mutant

FILE: Final = Path(__file__).parents[2] / "docs" / "histories.json"
BUDGET_S: Final = 420.0
TRIES: Final = 3
"""Mutants that are tried for a requirement."""
LARGEST: Final = 12_000
"""Letters of a drawing; a larger one explains less."""
PAGE: Final = Path(sequence.__file__).parent / "page"


def drawn(mutant: Mutant, identifier: str) -> dict[str, str] | None:
    """Returns the drawing of a mutant that breaks a requirement; None where there is none."""

    def caught(result: RunResult) -> bool:
        return _breach(result.cases[-1:], identifier) is not None

    settings = replace(SETTINGS, arrival_timeout_s=0.5, examples=1)
    result = judge(mutant.target(), settings, cases_for([identifier]), enough=caught)
    found = _breach(result.cases, identifier)
    history = found[0].history if found else None
    if found is None or history is None:
        return None
    case, violation = found
    macros = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    macro: Any = macros.get_template("sequence.svg.j2").module
    svg = str(macro.sequence(lay_out(history, violation), "drawn")).strip()
    if len(svg) > LARGEST:
        return None
    return {
        "mutant": mutant.name,
        "case": case.id,
        "expected": violation.expected,
        "seen": violation.witnessed,
        "svg": svg,
    }


def _breach(cases: Sequence[CaseResult], identifier: str) -> tuple[CaseResult, Any] | None:
    for case in cases:
        for violation in case.violations:
            if identifier in violation.requirements and violation.entries:
                return case, violation
    return None


def main() -> None:
    """Adds the drawings that are missing."""
    began = time.monotonic()
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else "{}"
    found: dict[str, dict[str, str]] = json.loads(text)
    mutants = registered_mutants().values()
    for identifier in requirements():
        named = [one for one in mutants if one.caught_by[:1] == (identifier,)]
        for mutant in named[:TRIES] if identifier not in found else ():
            if time.monotonic() - began > BUDGET_S:
                return
            if drawing := drawn(mutant, identifier):
                found[identifier] = drawing
                ordered = {one: found[one] for one in requirements() if one in found}
                FILE.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")
                break


if __name__ == "__main__":
    main()
