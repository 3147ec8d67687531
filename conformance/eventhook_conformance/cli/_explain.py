"""`explain`: one requirement, and what tests it."""

from __future__ import annotations

import difflib
import textwrap

import click

from eventhook_conformance.cases import catalog
from eventhook_conformance.specification.requirements import requirements


@click.command()
@click.argument("identifier", metavar="ID")
def explain(identifier: str) -> None:
    """Explains the requirement ID: its text, level, why, source, and its cases.

    \b
    Example:
      eventhook-conformance explain PUB-04
    """
    known = requirements()
    found = known.get(identifier.upper())
    if found is None:
        near = difflib.get_close_matches(identifier.upper(), known, n=3)
        hint = (
            f"; did you mean {', '.join(near)}?" if near else "; `list requirements` has them all"
        )
        raise click.UsageError(f"no requirement {identifier!r}{hint}")
    click.echo(f"{found.id} ({found.level}): {found.title}\n")
    needs = ", ".join(
        f"{name}={' or '.join(str(value) for value in values)}"
        for name, values in found.needs.items()
    )
    for label, text in (
        ("text", found.text),
        ("why", found.why),
        ("source", found.source),
        ("profile", f"{found.profile}, and drivers" if found.drivers else found.profile),
        ("needs", needs or "nothing more"),
    ):
        click.echo(
            textwrap.fill(text, 80, initial_indent=f"  {label:<9}", subsequent_indent=" " * 11)
        )
    cases = [one.id for one in catalog().values() if found.id in one.case.requirements]
    click.echo("  cases    " + ("\n           ".join(cases) or "none in this version"))
