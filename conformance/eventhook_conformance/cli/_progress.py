"""Counts the cases of a run and shows them on a meter."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from eventhook_conformance.cli._meter import Meter, meter_for
from eventhook_conformance.engine.events import (
    CaseFinished,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.specification.requirements import groups

_MOST_TOLD: Final = 10
"""The most failures that are told as they happen; the report has all."""


class Progress:
    """Subscribes to the engine: shows each case, and hands on each result when its run is over."""

    def __init__(self, on_run_done: Callable[[RunResult], None], meter: Meter) -> None:
        self._on_run_done = on_run_done
        self._meter = meter
        self._total = 0
        self._done = 0
        self._failed = 0

    def __call__(self, event: EngineEvent) -> None:
        """Takes an event of the engine."""
        match event:
            case RunStarted():
                self._total += event.cases
                self._show(event.run)
            case CaseFinished():
                self._done += event.result.outcome != "not_claimed"
                self._count(event.run, event.result)
                group = groups().get(event.result.requirements[0][:3], "")
                self._show(f"{event.run}: {group}" if group else event.run)
            case ResultRevised():
                self._failed -= _is_failure(event.before)
                self._count(event.run, event.after)
                self._show(event.run)
            case RunFinished():
                self._meter.pause()
                self._on_run_done(event.result)
                self._meter.resume()

    def _count(self, run: str, result: CaseResult) -> None:
        if not _is_failure(result):
            return
        self._failed += 1
        if self._failed <= _MOST_TOLD:
            word = "failed" if result.outcome == "failed" else "undecided"
            self._meter.tell(f"{word:<9}  {run}  {result.id}")
        if self._failed == _MOST_TOLD:
            self._meter.tell("The report has all other failures.")

    def _show(self, text: str) -> None:
        self._meter.show(text, self._done, self._total, self._failed)


def _is_failure(result: CaseResult) -> bool:
    return result.outcome in ("failed", "error")


@contextmanager
def progress_for(on_run_done: Callable[[RunResult], None]) -> Iterator[Progress]:
    """Shows progress on standard error until the context is left."""
    with meter_for(beyond_capture(sys.stderr)) as meter:
        yield Progress(on_run_done, meter)


def beyond_capture(stream: TextIO) -> TextIO:
    """Returns the stream under another descriptor, which a target that takes the first leaves alone."""
    try:
        return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8")
    except (OSError, ValueError):  # because: a stream in memory has no descriptor to take
        return stream


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Redirects to standard error all that a target prints within the context."""
    try:
        standard, errors = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # because: a stream in memory has no descriptor to move
        yield
        return
    kept = os.dup(standard)
    try:
        sys.stdout.flush()
        os.dup2(errors, standard)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, standard)
        os.close(kept)
