"""`self-test`: runs the suite against every mutant."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from eventhook_conformance.cli._suggestions import did_you_mean
from eventhook_conformance.report.text import counted
from eventhook_conformance.report.writing import write_whole
from eventhook_conformance.selftest.examine import (
    BrokenZoo,
    Examination,
    examine_all,
    registered_mutants,
)
from eventhook_conformance.selftest.unaided import (
    examine_unaided,
    unaided_line,
    unaided_markdown,
    unaided_summary,
)


@click.command(name="self-test")
@click.argument("names", nargs=-1, metavar="[MUTANT...]")
@click.option(
    "--full", is_flag=True, help="Run all cases against each mutant, and show every charge."
)
@click.option(
    "--unaided",
    is_flag=True,
    help="Run random programs and interleavings alone, half a minute each. --table keeps other rows.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Number of processes. [default: four a core]"
)
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a Markdown table.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write each mutant's outcome and charges as JSON.",
)
def self_test(
    names: tuple[str, ...],
    full: bool,
    unaided: bool,
    jobs: int | None,
    table: Path | None,
    json_file: Path | None,
) -> None:
    """Runs the suite against mutants, all or those named.

    \b
    Exits 0 if each is caught at the requirements named for it and no correct
    variant is accused, else 1. With --unaided mutants may survive. Examples:
      eventhook-conformance self-test
      eventhook-conformance self-test swallows-the-first --full
      eventhook-conformance self-test --unaided --table unaided.md
      eventhook-conformance self-test --json findings.json
    """
    _check_files({"--table": table, "--json": json_file})
    if full and unaided:
        raise click.UsageError("--full and --unaided exclude each other")
    try:
        mutants = registered_mutants()
    except BrokenZoo as error:
        raise click.UsageError(str(error)) from error
    if unknown := sorted(set(names) - set(mutants)):
        raise click.UsageError(
            f"no mutant {unknown[0]!r}"
            + (did_you_mean(unknown[0], mutants) or f"; {len(mutants)} others are registered")
        )
    chosen = list(dict.fromkeys(names)) or list(mutants)
    if not chosen:
        raise click.UsageError("no mutants are registered")
    began = time.perf_counter()
    findings: list[Examination] = []
    examiner = examine_unaided if unaided else None
    for finding in examine_all(chosen, full=full, examiner=examiner, workers=jobs):
        findings.append(finding)
        click.echo(unaided_line(finding) if unaided else _line(finding, full=full))
    findings.sort(key=lambda one: chosen.index(one.mutant))
    if table is not None:
        table.write_text(
            unaided_markdown(findings, _earlier(table), mutants) if unaided else markdown(findings),
            encoding="utf-8",
        )
    if json_file is not None:
        write_whole(json_file, json_text(findings))
    told = unaided_summary(findings) if unaided else summary(findings)
    click.echo(f"\n{told} in {time.perf_counter() - began:.1f} s")
    allowed = ("survived",) if unaided else ()
    sys.exit(0 if all(one.good or one.judgement in allowed for one in findings) else 1)


def _earlier(table: Path) -> str:
    return table.read_text(encoding="utf-8") if table.exists() else ""


def _check_files(files: Mapping[str, Path | None]) -> None:
    # Checked before minutes are spent.
    for option, path in files.items():
        if path is not None and not path.resolve().parent.is_dir():
            raise click.BadParameter(f"there is no directory {path.parent}", param_hint=option)


def _line(finding: Examination, *, full: bool) -> str:
    others = [one for one in finding.charged if one not in finding.expected]
    shown = ", ".join(one for one in finding.expected if one in finding.charged) or "-"
    line = f"{finding.judgement:<9} {finding.mutant:<36} {shown:<22} {finding.duration_s:5.1f} s"
    if others and (full or not finding.good):
        line += f"\n{'':<10}also charged: {', '.join(others)}"
    if not finding.good:
        line += f"\n{'':<10}expected: {', '.join(finding.expected) or 'no charge'}"
        line += f"\n{'':<10}{finding.message:.400}"
    return line


def summary(findings: Sequence[Examination]) -> str:
    """Counts the mutants by outcome."""
    counts = Counter(finding.judgement for finding in findings)
    return f"{counted(len(findings), 'mutant')}: " + ", ".join(
        f"{count} {judgement}" for judgement, count in counts.most_common()
    )


def json_text(findings: Sequence[Examination]) -> str:
    """Returns the findings as JSON, in ASCII."""
    mutants = [
        {
            "name": one.mutant,
            "outcome": one.judgement,
            "expected": list(one.expected),
            "charged": list(one.charged),
            "message_found": one.message_found,
            "message": one.message,
            "duration_s": round(one.duration_s, 6),
        }
        for one in findings
    ]
    return json.dumps({"schema": 1, "mutants": mutants}, indent=2, ensure_ascii=True) + "\n"


def markdown(findings: Sequence[Examination]) -> str:
    """Returns the table for the docs."""
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
