"""Ends a pytest run that judged targets: verdicts, report files, and the exit status."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import pytest

from eventhook_conformance.report import console
from eventhook_conformance.report.files import Reports
from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.text import counted
from eventhook_conformance.results import RunResult, exit_code
from eventhook_conformance.settings import Settings

_MOST_NAMED: Final = 5
"""The most cases that were not run and have a line each."""


class Reporting:
    """Writes the report files, and prints the result of each target.

    Raises:
        pytest.UsageError: a file cannot be written, or the baseline cannot be used.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._results: Sequence[RunResult] = ()
        self._unrun: dict[str, list[str]] = {}
        self._lines: list[str] = []
        self._is_told = False
        self._others_failed = False
        self._known: Any = None
        self._exit_code: int | None = None
        files = {name: config.getoption(f"--eventhook-{name}") for name in FORMATS}
        baseline = config.getoption("--eventhook-baseline")
        try:
            self._reports = Reports(
                {f"{name}_file": Path(file) if file else None for name, file in files.items()}
            )
            if baseline is not None:
                from eventhook_conformance.baseline.option import load

                self._known = load(Path(baseline), settings.specification)
        except click.BadParameter as error:
            option = str(error.param_hint).removeprefix("--")
            raise pytest.UsageError(f"--eventhook-{option}: {error.message}") from error

    def take_failure_of_others(self) -> None:
        """Notes the failure of a test that is no case: no baseline excuses it."""
        self._others_failed = True

    def finish(self, results: Sequence[RunResult], unrun: dict[str, list[str]]) -> None:
        """Takes the results of the targets, and writes the files.

        Args:
            results: of each target.
            unrun: the cases that were selected and not run, by target.
        """
        self._results = results
        self._unrun = unrun
        if not results:
            return
        if self._known is not None:
            from eventhook_conformance.baseline.option import against

            news = against(self._known, list(results))
            self._lines = list(news.lines())
            self._exit_code = news.exit_code
        if self._reports.write(results, self._lines):
            self._lines += [f"written: {path}" for path in self._reports.paths]
        else:
            self._exit_code = 3

    def exit_status(self, exitstatus: int) -> int:
        """Returns the exit status of pytest: never 0 if a target has no verdict."""
        if not self._results or exitstatus not in (
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
        ):
            return exitstatus
        if self._exit_code is None:
            failed = exit_code(self._results) != 0 or bool(self._unrun)
            return pytest.ExitCode.TESTS_FAILED if failed else exitstatus
        failed = self._exit_code != 0 or self._others_failed
        return pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK

    def tell(self, terminal: Any) -> None:
        """Prints the verdicts, once."""
        if self._is_told:
            return
        self._is_told = True
        for result in self._results:
            terminal.section(f"conformance of {result.invoked_as or result.target}")
            terminal.line(f"verdict: {result.verdict}")
            if result.suite_failure or result.unusable:
                terminal.line(console.verdict(result))
            unrun = self._unrun.get(result.invoked_as, [])
            if unrun:
                named = ", ".join(unrun[:_MOST_NAMED])
                more = ", …" if len(unrun) > _MOST_NAMED else ""
                terminal.line(f"not run: {counted(len(unrun), 'case')}: {named}{more}")
        for line in self._lines:
            terminal.line(line)
