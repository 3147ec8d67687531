"""`explain`: one requirement, and the cases that test it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from eventhook_conformance.cases import catalog_of
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.cli._suggestions import did_you_mean
from eventhook_conformance.report.text import filled
from eventhook_conformance.specification import Instance
from eventhook_conformance.specification.requirements import requirements, words


@click.command()
@click.argument("identifiers", metavar="ID...", nargs=-1, required=True)
@specification_option
def explain(identifiers: tuple[str, ...], specification: str) -> None:
    """Explains each requirement ID, with its reason and cases.

    ID may also be that of a case, or a word of the requirements, such as fence.

    \b
    Examples:
      eventhook-conformance explain PUB-04 PUB-05
      eventhook-conformance explain publish::first_event_is_never_lost
      eventhook-conformance explain PUB-05 --specification 1.0
    """
    for place, identifier in enumerate(identifiers):
        if place:
            click.echo("")
        _explain(identifier, specification)


def _explain(identifier: str, specification: str) -> None:
    cases_of_name = [
        one for one in catalog_of(specification).values() if identifier in (one.id, one.case.name)
    ]
    if cases_of_name:
        _explain_case(cases_of_name)
        return
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


def _explain_case(instances: Sequence[Instance]) -> None:
    case = instances[0].case
    click.echo(f"{case.name}\n")
    about = [(instances[0].body.__doc__ or "").strip()]
    click.echo("\n".join(filled("  shows    ", " ".join(about).partition("\n\n")[0])))
    for identifier in case.requirements:
        found = requirements()[identifier]
        click.echo("\n".join(filled(f"  {found.id:<9}", found.title)))
    needs = ", ".join(
        f"{name}={' or '.join(str(value) for value in values)}"
        for name, values in case.needs.items()
    )
    click.echo("\n".join(filled("  needs    ", needs or "nothing more")))
    click.echo("  runs     " + "\n           ".join(one.id for one in instances))
