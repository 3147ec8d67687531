"""`init`: writes a working target or driver to start from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from eventhook_conformance.cli._scaffold import (
    CannotScaffold,
    name_of,
    notes,
    rename,
    templates,
    wheel_note,
    write,
)
from eventhook_conformance.report.text import filled

_REPLAY = "-replay"
"""Ends the name of a template whose bus has a history."""
_ALSO_CALLED = {"javascript": "node", "js": "node", "typescript": "node", "ts": "node"}
_TYPES = (
    "it is JavaScript, which a project in TypeScript runs as it is; protocol.d.mts has the types, and "
    "says how to build the driver in TypeScript"
)


class _Language(click.Choice[str]):
    """The languages, under the names that people give them."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(_ALSO_CALLED.get(value.lower(), value.lower()), param, ctx)


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--language",
    type=_Language([one for one in templates() if not one.endswith(_REPLAY)]),
    default="python",
    show_default=True,
    help="Language of the adapter or driver.",
)
@click.option("--replay", is_flag=True, help="Begin with a bus that has a history.")
@click.option("--name", help="Name of the bus. [default: the name of DIR, or my-bus]")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def init(directory: Path, language: str, replay: bool, name: str | None, force: bool) -> None:
    """Writes a working adapter or driver, a test, and CI files.

    The CI files are a workflow and a section for tox. The bus lives in memory
    and is conformant as it stands; replace it by yours. Adds to a tox.ini or
    .gitignore that exists, and overwrites nothing.

    \b
    Examples:
      eventhook-conformance init
      eventhook-conformance init acme-bus
      eventhook-conformance init --replay --language go acme-bus
      eventhook-conformance init --language python-driver --name acme-bus .
    """
    template = templates().get(f"{language}{_REPLAY}" if replay else language)
    if template is None:
        offering = [one.removesuffix(_REPLAY) for one in templates() if one.endswith(_REPLAY)]
        raise click.ClickException(
            f"expected --replay with --language {', '.join(offering)}, got --language {language}"
        )
    name = name_of(directory) if name is None else name
    try:
        written = write(template.files(name), directory, force=force)
    except CannotScaffold as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"wrote  {directory / path}")
    told = [*notes(directory.resolve()), *filter(None, [wheel_note(directory)])]
    if language == "node":
        told.insert(0, _TYPES)
    for note in told:
        click.echo("\n".join(filled("note   ", note)))
    there = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    click.echo(f"next   {there}{rename(template.next, name)}")
