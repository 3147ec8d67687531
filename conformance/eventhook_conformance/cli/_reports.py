"""The options for report files, and for the site that reports link to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.pages import check_docs_url

_Command = TypeVar("_Command", bound=Callable[..., Any])


def report_options(command: _Command) -> _Command:
    """Adds an option for each format. The command gets them as `json_file` and so on."""
    for name, one in reversed(FORMATS.items()):
        kind = click.Path(path_type=Path, dir_okay=False)
        command = click.option(f"--{name}", f"{name}_file", type=kind, help=one.help)(command)
    return command


def _checked(context: click.Context, option: click.Parameter, docs_url: str) -> str:
    try:
        return check_docs_url(docs_url) if docs_url else ""
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


docs_url_option: Final = click.option(
    "--docs-url",
    envvar="EVENTHOOK_DOCS_URL",
    default="",
    metavar="URL",
    callback=_checked,
    help="Link each requirement in the reports to its page on this site.",
)
