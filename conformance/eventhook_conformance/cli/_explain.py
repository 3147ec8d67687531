"""`explain`: one requirement, and the cases that test it."""

from __future__ import annotations

import click

from eventhook_conformance.cases import catalog_of
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.cli._suggestions import did_you_mean
from eventhook_conformance.report.text import filled
from eventhook_conformance.specification.requirements import requirements, words


@click.command()
@click.argument("identifier", metavar="ID")
@specification_option
def explain(identifier: str, specification: str) -> None:
    """Explains the requirement ID: its text, level, why, source, and its cases.

    Explains a word of the requirements, such as fence, too.

    \b
    Examples:
      eventhook-conformance explain PUB-04
      eventhook-conformance explain PUB-05 --specification 1.0
    """
    known = requirements(specification)
    found = known.get(identifier.upper())
    if found is None:
        if meaning := words().get(identifier.lower()):
            click.echo("\n".join(filled(f"{identifier.lower()}: ", meaning)))
            return
        if later := requirements().get(identifier.upper()):
            raise click.UsageError(f"{later.id} is new in {later.since}; got {specification}")
        hint = did_you_mean(identifier.upper(), known) or "; `list requirements` has them all"
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
        ("since", f"specification {found.since}"),
        ("profile", f"{found.profile}, and drivers" if found.drivers else found.profile),
        ("needs", needs or "nothing more"),
    ):
        click.echo("\n".join(filled(f"  {label:<9}", text)))
    asked = catalog_of(specification).values()
    cases = [one.id for one in asked if found.id in one.case.requirements]
    click.echo("  cases    " + ("\n           ".join(cases) or "none in this version"))
