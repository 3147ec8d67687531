"""`docs`: prints the pages of the documentation that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from eventhook_conformance.cli._suggestions import did_you_mean

_PACKAGE: Final = Path(__file__).parents[1]
_PLACES: Final = (_PACKAGE / "docs", _PACKAGE.parents[1] / "docs")
"""In a wheel, and in a checkout that is installed to be worked on."""


def pages() -> dict[str, Path]:
    """Returns the pages by name."""
    folder = next((one for one in _PLACES if one.is_dir()), None)
    return {} if folder is None else {one.stem: one for one in sorted(folder.glob("*.md"))}


@click.command()
@click.argument("page", metavar="[PAGE]", required=False)
def docs(page: str | None) -> None:
    """Prints a page of the documentation, or the names of all.

    \b
    Examples:
      eventhook-conformance docs
      eventhook-conformance docs kit
    """
    known = pages()
    if page is None:
        for name, file in known.items():
            with file.open(encoding="utf-8") as lines:
                click.echo(f"{name:<26}  {next(lines, '').lstrip('# ').rstrip()}")
    elif page.removesuffix(".md") in known:
        click.echo(known[page.removesuffix(".md")].read_text(encoding="utf-8").rstrip("\n"))
    else:
        hint = did_you_mean(page, known) or "; `docs` alone names them all"
        raise click.UsageError(f"no page {page!r}{hint}")
