"""Prints the report of each target when its run is over, in colour on a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eventhook_conformance import __version__
from eventhook_conformance.cli._progress import beyond_capture
from eventhook_conformance.report import console
from eventhook_conformance.results import RunResult

if TYPE_CHECKING:
    from eventhook_conformance.baseline.known import Baseline

_PAINTED: Final = (
    (re.compile(r"^( {7}\w{3}-\d\d  |)(FAILED)\b"), "red"),
    (re.compile(r"^( {7}\w{3}-\d\d  |)(undecided|untested)\b"), "yellow"),
    (re.compile(r"^(  )(expected)  "), "green"),
    (re.compile(r"^(  )(seen)  "), "red"),
    (re.compile(r"^(  |)(hint|again) "), "cyan"),
    (re.compile(r"^()(worse|expired|stale|unknown) "), "red"),
    (re.compile(r"^()(better) "), "green"),
    (re.compile(r"^()(--- \d+ of \d+(?:  \w{3}-\d\d)?)"), None),
)
"""The words at the start of a line that have a colour; None: bold only."""


def painted(text: str) -> str:
    """Returns a text with the key words of each line in colour."""
    return "\n".join(map(_painted_line, text.split("\n")))


def _painted_line(line: str) -> str:
    for pattern, colour in _PAINTED:
        if match := pattern.match(line):
            start, end = match.span(2)
            return line[:start] + click.style(line[start:end], fg=colour, bold=True) + line[end:]
    return line


class Output:
    """Prints each target's report once; the last verdict comes after the files are written."""

    def __init__(self, targets: int, known: Baseline | None, *, quiet: bool, verbose: bool) -> None:
        self._targets = targets
        self._known = known
        self._quiet = quiet
        self._verbose = verbose
        self._stream = beyond_capture(sys.stdout)
        self._errors = beyond_capture(sys.stderr)
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._begun = False
        self._done = 0
        self._held: RunResult | None = None

    def begin(self, hints: Iterable[str] = ()) -> None:
        """Prints the first line, once, and hints on what the user typed."""
        if not self._begun:
            self._begun = True
            self.line(f"eventhook-conformance {__version__}", unless_quiet=True)
            for text in hints:
                self.line(f"{'hint':<9}  {text}", unless_quiet=True)

    def error(self, text: str) -> None:
        """Prints a line on standard error."""
        print(f"Error: {text}", file=self._errors, flush=True)

    def line(self, text: str, *, unless_quiet: bool = False, fg: str | None = None) -> None:
        """Prints a line on standard output, in a colour of its own or with its words painted."""
        if unless_quiet and self._quiet:
            return
        if self._colour:
            text = click.style(text, fg=fg, bold=True) if fg else painted(text)
        print(text, file=self._stream, flush=True)

    def run_done(self, result: RunResult) -> None:
        """Prints the report of a target, and its verdict unless it is the last target."""
        self._done += 1
        if result.unusable:
            self.error(result.unusable)
            return
        for text in self._report(result):
            self.line(text, unless_quiet=True)
        if self._done == self._targets:
            self._held = result
        else:
            self._verdict(result)

    def finish(self, written: Sequence[Path]) -> None:
        """Prints the names of the files, and the last verdict."""
        if written:
            names = ", ".join(str(path) for path in written)
            self.line(f"{'written':<9}  {names}", unless_quiet=True)
        if self._held is not None:
            self._verdict(self._held)

    def _verdict(self, result: RunResult) -> None:
        self.line(console.verdict(result), fg=console.colour(result))

    def _report(self, result: RunResult) -> Iterator[str]:
        is_known: console.Known = console.nothing_known
        if self._known is not None:
            from eventhook_conformance.baseline.option import accepted_by  # imports the cases

            is_known = accepted_by(self._known, result.target)
        yield ""
        yield from console.header(result)
        yield from console.body(result, verbose=self._verbose, is_known=is_known)
        yield from console.summary(result, is_known=is_known)
        yield ""
