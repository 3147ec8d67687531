"""The options for report files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eventhook_conformance.report.formats import FORMATS

_Command = TypeVar("_Command", bound=Callable[..., Any])


def report_options(command: _Command) -> _Command:
    """Adds an option for each format. The command gets them as `json_file` and so on."""
    for name, one in reversed(FORMATS.items()):
        kind = click.Path(path_type=Path, dir_okay=False)
        command = click.option(f"--{name}", f"{name}_file", type=kind, help=one.help)(command)
    return command
