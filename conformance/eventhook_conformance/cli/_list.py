"""`list`: what there is."""

from __future__ import annotations

from collections.abc import Iterator

import click

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.resolve_target import registered_targets
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import PROFILES

_KINDS = ("targets", "profiles", "requirements", "cases")


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(_KINDS))
def list_command(kinds: tuple[str, ...]) -> None:
    """Lists targets, profiles, requirements and cases (all, or those named).

    \b
    Examples:
      eventhook-conformance list
      eventhook-conformance list targets requirements
    """
    listings = {
        "targets": _targets,
        "profiles": _profiles,
        "requirements": _requirements,
        "cases": _cases,
    }
    for number, kind in enumerate(kinds or _KINDS):
        if number:
            click.echo()
        click.echo(f"{kind}:")
        for line in listings[kind]():
            click.echo(f"  {line}")


def _targets() -> Iterator[str]:
    for name, point in registered_targets().items():
        yield f"{name:<16} {point.module}:{point.attr}"


def _profiles() -> Iterator[str]:
    for profile in PROFILES:
        members = [one for one in requirements().values() if one.profile == profile]
        yield f"{profile:<16} {len(members)} requirements"


def _requirements() -> Iterator[str]:
    for one in requirements().values():
        yield f"{one.id}  {one.level:<6}  {one.title}"


def _cases() -> Iterator[str]:
    for instance in catalog().values():
        yield f"{instance.id}  ({', '.join(instance.case.requirements)})"
