"""The files that a run can leave behind: their options, checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from eventhook_conformance.report.json_report import json_text
from eventhook_conformance.report.writing import append_whole, write_whole
from eventhook_conformance.results import RunResult

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Render = Callable[[Sequence[RunResult], Sequence[str]], str]


def _json(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    del notes
    return json_text(results)


def _junit(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    from eventhook_conformance.report.junit import junit

    del notes
    return junit(results)


def _html(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    # Only who asks for the page pays for the import of jinja2.
    from eventhook_conformance.report.html import html

    return html(results, notes)


def _markdown(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    from eventhook_conformance.report.markdown import markdown

    return markdown(results, notes)


def _ctrf(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    from eventhook_conformance.report.ctrf import ctrf

    del notes
    return ctrf(results)


def _badge(results: Sequence[RunResult], notes: Sequence[str]) -> str:
    from eventhook_conformance.report.badge import badge

    del notes
    return badge(results)


_FORMATS: Final[Mapping[str, tuple[str, _Render]]] = {
    "json": ("Write the JSON report.", _json),
    "junit": ("Write JUnit XML, for CI servers.", _junit),
    "html": ("Write one HTML page, for people.", _html),
    "markdown": ("Write Markdown; $GITHUB_STEP_SUMMARY is added to.", _markdown),
    "ctrf": ("Write CTRF JSON (Common Test Report Format).", _ctrf),
    "badge": ("Write the JSON of a shields.io endpoint badge.", _badge),
}


def report_options(command: _Command) -> _Command:
    """Adds an option for each format; the command gets them as `json_file` and so on."""
    for name, (text, _) in reversed(list(_FORMATS.items())):
        kind = click.Path(path_type=Path, dir_okay=False)
        command = click.option(f"--{name}", f"{name}_file", type=kind, help=text)(command)
    return command


class Reports:
    """The reports that were asked for.

    Raises:
        click.BadParameter: one of them could surely not be written.
    """

    def __init__(self, files: Mapping[str, Path | None]) -> None:
        self._files: dict[str, Path] = {}
        for option, path in files.items():
            if path is not None:
                name = option.removesuffix("_file")
                self._check(name, path)
                self._files[name] = path

    def _check(self, name: str, path: Path) -> None:
        folder = path.resolve().parent
        if not folder.is_dir():
            problem = f"there is no directory {path.parent}"
        elif not os.access(path if path.exists() else folder, os.W_OK):
            problem = f"{path} cannot be written"
        elif path.is_file() and not os.access(folder, os.W_OK):
            problem = f"nothing can be written in {path.parent}"
        else:
            twin = next(
                (one for one, other in self._files.items() if path.resolve() == other.resolve()),
                None,
            )
            if twin is None or not (path.is_file() or not path.exists()):
                return
            problem = f"{path} is named by --{twin} already"
        raise click.BadParameter(problem, param_hint=f"--{name}")

    def write(self, results: Sequence[RunResult], notes: Sequence[str] = ()) -> bool:
        """Writes each, whole or not at all; whether all could be written."""
        complete = True
        for name, path in self._files.items():
            try:
                text = _FORMATS[name][1](results, notes)
                if name == "markdown" and _is_step_summary(path):
                    append_whole(path, text)
                else:
                    write_whole(path, text)
            except Exception as error:  # because: one report that fails must not cost the others
                reason = " ".join(f"{error}".split()) or type(error).__name__
                click.echo(f"Error: --{name} could not be written: {reason}", err=True)
                complete = False
        return complete


def _is_step_summary(path: Path) -> bool:
    """Whether the file is the one that GitHub shows, to which other commands of a step add too."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(summary) and path.resolve() == Path(str(summary)).resolve()
