"""`init`: writes what a vendor starts from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from eventhook_conformance.cli._scaffold import CannotScaffold, rename, templates, write


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--language",
    type=click.Choice(list(templates())),
    default="python",
    show_default=True,
    help="What to write it in.",
)
@click.option("--name", default="my-bus", show_default=True, help="What the bus is called.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(directory: Path, language: str, name: str, force: bool) -> None:
    """Writes a working adapter or driver, a test, a CI workflow, a tox section.

    The bus in it lives in memory and is conformant as it stands; put yours in
    its place. A tox.ini or .gitignore that is there is added to; nothing is
    overwritten.

    \b
    Examples:
      eventhook-conformance init
      eventhook-conformance init --language python-driver --name acme-bus acme
    """
    template = templates()[language]
    try:
        written = write(template.files(name), directory, force=force)
    except CannotScaffold as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"wrote  {directory / path}")
    there = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    click.echo(f"next   {there}{rename(template.next, name)}")
