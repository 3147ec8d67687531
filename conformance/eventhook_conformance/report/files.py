"""The report files of a run, checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.writing import append_whole, write_whole
from eventhook_conformance.results import RunResult


class Reports:
    """The report files that the user asked for.

    Their places are fixed when this is made: a target may remove the directory that the run began in.

    Raises:
        click.BadParameter: one of them cannot be written.
    """

    def __init__(self, files: Mapping[str, Path | None]) -> None:
        self._files: dict[str, Path] = {}
        self._places: dict[str, Path] = {}
        for option, path in files.items():
            if path is not None:
                name = option.removesuffix("_file")
                self._check(name, path)
                self._files[name] = path
                self._places[name] = path.absolute()

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
            problem = f"--{twin} names {path} too"
        raise click.BadParameter(problem, param_hint=f"--{name}")

    @property
    def paths(self) -> list[Path]:
        """Returns the files that were asked for, in the order of the formats."""
        return [self._files[name] for name in FORMATS if name in self._files]

    def asked_for(self, name: str) -> bool:
        """Returns whether the user asked for a format."""
        return name in self._files

    def write(self, results: Sequence[RunResult], notes: Sequence[str] = ()) -> bool:
        """Writes each file whole or not at all. Returns whether all were written."""
        complete = True
        for name, path in self._places.items():
            try:
                text = FORMATS[name].render(results, notes)
                path.parent.mkdir(parents=True, exist_ok=True)
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
    """Returns whether the file is GitHub's summary of a step, to which other commands add too."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(summary) and path.resolve() == Path(str(summary)).resolve()
