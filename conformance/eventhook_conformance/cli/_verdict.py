"""`verdict check`: tells whether a verdict can be submitted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from eventhook_conformance.report.text import counted, filled

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def verdict() -> None:
    """Checks verdicts before they are submitted to the project."""


@verdict.command()
@click.argument("report", metavar="REPORT.json", type=_FILE)
@click.argument("about", metavar="BUS.toml", type=_FILE)
def check(report: Path, about: Path) -> None:
    """Checks a report and its TOML file before they are submitted.

    \b
    Exits 0 if they can be, 1 if something is wrong, 2 if a file cannot be read.
    Example:
      eventhook-conformance run my_bus_target:target --json my-bus.json
      eventhook-conformance verdict check my-bus.json my-bus.toml
    """
    # Only this command pays for these imports.
    from eventhook_conformance.cases import catalog_of
    from eventhook_conformance.report.submission import (
        NotReadable,
        problems,
        read_about,
        read_report,
    )

    try:
        found = read_report(report)
        wrong = problems(found, read_about(about), catalog_of)
    except NotReadable as error:
        raise click.UsageError(str(error)) from error
    for one in wrong:
        click.echo("\n".join(filled("WRONG  ", one)))
    if wrong:
        click.echo(f"\n{found.target.name}: {counted(len(wrong), 'thing')} to mend")
    else:
        click.echo(f"{found.target.name}: {found.verdict}: can be submitted")
    sys.exit(1 if wrong else 0)
