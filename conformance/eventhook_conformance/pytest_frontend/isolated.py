"""Runs the cases under pytest for the command line, apart from whatever pytest the user configured."""

from __future__ import annotations

import contextlib
import gc
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from eventhook_conformance.cases import instances_of
from eventhook_conformance.engine.runner import not_claimed
from eventhook_conformance.engine.session import Run
from eventhook_conformance.pytest_frontend import plugin
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Case

_OURS = ("pytest_asyncio.plugin", "eventhook_conformance.pytest_frontend.plugin")
# What pytest would do around each case, or at the end, and nobody would see.
_UNUSED = (
    *("cacheprovider", "terminal", "logging", "warnings", "doctest", "junitxml", "pastebin"),
    *("stepwise", "unittest", "unraisableexception", "threadexception"),
)


class WrongSelection(Exception):
    """The `-k` expression cannot be read; the message is one line."""


class Progress(Protocol):
    """Told of a run while it goes on."""

    def collected(self, cases: int) -> None:
        """How many cases will be looked at, over all targets."""

    def case_done(self, run: Run, result: CaseResult) -> None:
        """One more case has a result."""

    def run_done(self, run: Run) -> None:
        """A target's run is over, the late arrivals included."""


class _Session:
    """Hands the runs to the plugin, and its news to the progress."""

    def __init__(self, runs: dict[str, Run], progress: Progress) -> None:
        self._runs = runs
        self._progress = progress
        self.errors: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[plugin.RUNS] = self._runs
        config.stash[plugin.LEFT_OUT] = self._leave_out
        for run in self._runs.values():
            run.on_case = self._progress.case_done
            run.on_finished = self._progress.run_done

    def _leave_out(self, case: Case) -> bool:
        """A case that no target claims is noted without pytest: there may be more of these."""
        if any(run.settings.selection for run in self._runs.values()):
            return False
        reasons = [
            (run, instance, instance.unmet(run.capabilities))
            for run in self._runs.values()
            for instance in instances_of(case)
        ]
        if not all(reason for _, _, reason in reasons):
            return False
        for run, instance, reason in reasons:
            run.note(not_claimed(instance, reason or ""))
        return True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What is not claimed needs no test item to say so: there may be more of that than of the rest."""
        kept: list[pytest.Item] = []
        for item in items:
            instance, run = plugin.instance_of(item), plugin.run_of(item)
            reason = instance.unmet(run.capabilities) if instance else None
            if instance is not None and reason is not None:
                run.note(not_claimed(instance, reason))
            else:
                kept.append(item)
        items[:] = kept

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._progress.collected(len(session.items))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext.splitlines()[-1]}")

    def pytest_keyboard_interrupt(self) -> None:
        """Comes before the fixtures end, so that the report of what was broken off says so."""
        for run in self._runs.values():
            if not run.finished:
                run.result.suite_failure = "interrupted: what was not run is untested"

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.errors.append(f"pytest failed: {excinfo.exconly()}")


def run_with_pytest(runs: dict[str, Run], selection: str | None, progress: Progress) -> None:
    """Runs the cases against all targets, one after the other; the results are in the runs.

    Raises:
        WrongSelection: `selection` is no `-k` expression.
    """
    session = _Session(runs, progress)
    arguments = [str(plugin.CASES), *_isolation(), *(["-k", selection] if selection else [])]
    # Histories are many small objects that live long: looking through them all again and again for
    # garbage took a fifth of a run.
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    with _quiet_errors() as errors:
        code = pytest.main(arguments, plugins=[session])
    if code == pytest.ExitCode.USAGE_ERROR:
        lines = errors.getvalue().strip().splitlines() or ["pytest refused its arguments"]
        raise WrongSelection(" ".join(line.removeprefix("ERROR: ").strip() for line in lines))
    if session.errors:
        for run in runs.values():
            run.result.suite_failure = run.result.suite_failure or session.errors[0]


def _isolation() -> Iterator[str]:
    """No configuration, plugin or cache of the directory that the user happens to stand in."""
    yield "--disable-plugin-autoload"
    for name in (*_OURS, *(f"no:{unused}" for unused in _UNUSED)):
        yield from ("-p", name)
    yield from ("-c", os.devnull, "--rootdir", str(Path(plugin.PACKAGE)))
    yield from ("--assert=plain", "-o", "asyncio_mode=strict", "-W", "ignore")
    yield from ("-o", "asyncio_default_fixture_loop_scope=session")


@contextlib.contextmanager
def _quiet_errors() -> Iterator[io.StringIO]:
    """What pytest has to say of its arguments, kept for a line of ours."""
    kept = io.StringIO()
    with contextlib.redirect_stderr(kept):
        yield kept
