"""Explains a failed case: what was required, expected and seen, and how to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from eventhook_conformance.checker import Violation
from eventhook_conformance.report.pages import page_of
from eventhook_conformance.report.showing import breach_lines
from eventhook_conformance.report.steps import cut
from eventhook_conformance.report.text import WIDTH, filled, shortened
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification.requirements import requirements, specification_version


def failure_text(case: CaseResult, target: str, docs_url: str = "") -> str:
    """Returns all that a stranger needs to understand the failure, at 80 columns.

    Args:
        case: the case that failed or stayed undecided.
        target: the target's name on the command line.
        docs_url: the address of the documentation's site; empty leaves the pages out.
    """
    lines = [case.id]
    if not case.violations:
        blame = f" (blame: {case.blame})" if case.blame else ""
        lines += filled(f"undecided{blame}: ", shortened(case.message or "no reason given"))
    for violation in case.violations:
        lines += ["", *_violation_lines(case, violation)]
    for label, found in (("stands at", case.hung), ("died", case.died)):
        for one in found:
            lines += filled(f"  {label:<9} ", one)
    lines += ["", f"  again     {rerun_command(case, target)}"]
    if docs_url:
        lines += [f"  page      {page_of(one, docs_url)}" for one in case.charged]
    return "\n".join(lines)


def run_command(target: str, specification: str, options: str = "") -> str:
    """Returns the command that runs a target again, under the same version of the specification.

    Args:
        target: its name on the command line.
        specification: the version that was asked.
        options: what else makes the run the same (`Settings.repeat_options`).
    """
    command = f"eventhook-conformance run {shlex.quote(target)}"
    if specification != specification_version():
        command += f" --specification {specification}"
    return f"{command} {options}".rstrip()


def rerun_command(case: CaseResult, target: str) -> str:
    """Returns the command that runs just this case again."""
    run = run_command(target, case.specification, case.repeat_options)
    if case.saved is not None:
        return f"{run} --replay {shlex.quote(case.saved)}"
    return run if case.id.startswith("smoke::") else f"{run} -k {shlex.quote(case.id)}"


def _violation_lines(case: CaseResult, violation: Violation) -> Iterator[str]:
    known = requirements(case.specification)
    for identifier in violation.requirements:
        yield from filled(f"  {identifier:<9} ", known[identifier].text)
    yield from filled("  expected  ", shortened(violation.expected))
    yield from filled("  seen      ", shortened(violation.witnessed))
    if lines := breach_lines(case, violation):
        yield "  history"
        yield from (cut(line, WIDTH) for line in lines)
