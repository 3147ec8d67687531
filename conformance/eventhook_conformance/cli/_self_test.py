"""`self-test`: proves what the suite catches."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from eventhook_conformance.selftest import BrokenZoo, Finding, examine_all, registered_mutants


@click.command(name="self-test")
@click.argument("names", nargs=-1, metavar="[MUTANT...]")
@click.option("--full", is_flag=True, help="All cases against each; shows all that each one trips.")
@click.option(
    "--unaided", is_flag=True, help="Random histories and interleavings alone, half a minute each."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="How many processes. [default: four a core]"
)
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the matrix as a Markdown table.",
)
def self_test(
    names: tuple[str, ...], full: bool, unaided: bool, jobs: int | None, table: Path | None
) -> None:
    """Runs the suite against every registered mutant (or those named).

    \b
    Exits 0 if each was caught at the requirements named for it and no correct
    variant was accused, else 1. Examples:
      eventhook-conformance self-test
      eventhook-conformance self-test swallows-the-first --full
    """
    try:
        mutants = registered_mutants()
    except BrokenZoo as error:
        raise click.UsageError(str(error)) from error
    if unknown := sorted(set(names) - set(mutants)):
        raise click.UsageError(f"no mutant {unknown[0]!r}; there are {len(mutants)} others")
    chosen = list(dict.fromkeys(names)) or list(mutants)
    if not chosen:
        raise click.UsageError("no mutants are registered: there is nothing to test the suite by")
    began = time.perf_counter()
    findings: list[Finding] = []
    for finding in examine_all(chosen, full=full, unaided=unaided, workers=jobs):
        findings.append(finding)
        click.echo(_line(finding, full=full))
    findings.sort(key=lambda one: chosen.index(one.mutant))
    if table is not None:
        table.write_text(markdown(findings), encoding="utf-8")
    click.echo(f"\n{summary(findings)} in {time.perf_counter() - began:.1f} s")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


def _line(finding: Finding, *, full: bool) -> str:
    others = [one for one in finding.charged if one not in finding.expected]
    shown = ", ".join(one for one in finding.expected if one in finding.charged) or "-"
    line = f"{finding.judgement:<9} {finding.mutant:<36.36} {shown:<22} {finding.duration_s:5.1f} s"
    if others and (full or not finding.good):
        line += f"\n{'':<10}also charged: {', '.join(others)}"
    if not finding.good:
        line += f"\n{'':<10}expected: {', '.join(finding.expected) or 'no charge'}"
        line += f"\n{'':<10}{finding.message:.400}"
    return line


def summary(findings: Sequence[Finding]) -> str:
    """How many came to what."""
    counts = Counter(finding.judgement for finding in findings)
    return f"{len(findings)} mutants: " + ", ".join(
        f"{count} {judgement}" for judgement, count in counts.most_common()
    )


def markdown(findings: Sequence[Finding]) -> str:
    """The matrix as the docs keep it."""
    lines = [
        "# What the suite catches",
        "",
        f"Made by `eventhook-conformance self-test --table FILE`: {summary(findings)}.",
        "",
        "| mutant | the bug | caught by |",
        "|---|---|---|",
    ]
    for finding in findings:
        caught = ", ".join(one for one in finding.expected if one in finding.charged)
        verdict = caught or ("no one: it is correct" if finding.good else finding.judgement)
        lines.append(f"| `{finding.mutant}` | {finding.bug} | {verdict} |")
    return "\n".join(lines) + "\n"
