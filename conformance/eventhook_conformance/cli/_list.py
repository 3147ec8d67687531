"""`list`: the targets, profiles, requirements and cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import click

from eventhook_conformance.cases import catalog_of
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.engine.resolve_target import registered_targets
from eventhook_conformance.report.text import WIDTH, counted, filled
from eventhook_conformance.specification.requirements import groups, requirements, words
from eventhook_conformance.target import PROFILES

_KINDS = ("targets", "profiles", "requirements", "cases", "words")
_SUMMARY = _KINDS[:4]


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(_KINDS), metavar="[KIND]...")
@click.option("--all", "everything", is_flag=True, help="All kinds in full.")
@specification_option
def list_command(kinds: tuple[str, ...], everything: bool, specification: str) -> None:
    """Lists targets, profiles, requirements, cases or words.

    KIND is one of these words. Without one it prints a summary of all.

    \b
    Examples:
      eventhook-conformance list
      eventhook-conformance list targets requirements
      eventhook-conformance list cases --specification 1.0
    """
    listings: dict[str, Callable[[], Iterator[str]]] = {
        "targets": _targets,
        "profiles": partial(_profiles, specification),
        "requirements": partial(_requirements, specification),
        "cases": partial(_cases, specification),
        "words": _words,
    }
    if not kinds and not everything:
        listings["requirements"] = partial(_requirement_groups, specification)
        listings["cases"] = partial(_case_modules, specification)
    for number, kind in enumerate(kinds or (_KINDS if everything else _SUMMARY)):
        if number:
            click.echo()
        click.echo(f"{kind}:")
        for line in listings[kind]():
            click.echo(f"  {line}")


def _targets() -> Iterator[str]:
    for name, point in registered_targets().items():
        yield f"{name:<16} {point.module}:{point.attr}"


def _profiles(specification: str) -> Iterator[str]:
    for profile in PROFILES:
        known = requirements(specification).values()
        members = [one for one in known if one.profile == profile]
        yield f"{profile:<16} {counted(len(members), 'requirement')}"


def _requirements(specification: str) -> Iterator[str]:
    for one in requirements(specification).values():
        yield f"{one.id}  {one.level:<6}  {one.title}"


def _cases(specification: str) -> Iterator[str]:
    for instance in catalog_of(specification).values():
        yield f"{instance.id}  ({', '.join(instance.case.requirements)})"


def _requirement_groups(specification: str) -> Iterator[str]:
    known = requirements(specification).values()
    for group, title in groups().items():
        members = [one for one in known if one.group == group]
        yield f"{group:<16} {counted(len(members), 'requirement')}: {title}"
    yield f"{'':<16} {len(known)} in all: eventhook-conformance list requirements"


def _case_modules(specification: str) -> Iterator[str]:
    counts = Counter(one.id.partition("::")[0] for one in catalog_of(specification).values())
    yield f"{len(counts):<16} modules"
    yield f"{counts.total():<16} cases in all: eventhook-conformance list cases"


def _words() -> Iterator[str]:
    for word, meaning in words().items():
        yield from filled(f"{word:<16} ", meaning, WIDTH - 2)
