"""Progress while a run goes on: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Final, TextIO

from eventhook_conformance.engine.events import CaseFinished, EngineEvent, RunFinished, RunStarted
from eventhook_conformance.results import RunResult

_LINE_EVERY_S: Final = 10.0


class _Counting:
    """Counts cases, and hands on each result when its run is over."""

    def __init__(self, on_run_done: Callable[[RunResult], None]) -> None:
        self._on_run_done = on_run_done
        self.total = 0
        self.done = 0
        self.failed = 0

    def __call__(self, event: EngineEvent) -> None:
        """Takes an event of the engine."""
        if isinstance(event, RunStarted):
            self.total += event.cases
            self.show(event.run)
        elif isinstance(event, CaseFinished):
            self.done += event.result.outcome != "not_claimed"
            self.failed += event.result.outcome in ("failed", "error")
            self.show(event.run)
        elif isinstance(event, RunFinished):
            self.run_done(event.result)

    def run_done(self, result: RunResult) -> None:
        """Hands on the result of a run."""
        self._on_run_done(result)

    def show(self, name: str) -> None:
        """Shows how far the run is."""


class _Lines(_Counting, AbstractContextManager["_Lines"]):
    """For logs: a line each ten seconds, on standard error."""

    def __init__(self, on_run_done: Callable[[RunResult], None], stream: TextIO) -> None:
        super().__init__(on_run_done)
        self._stream = stream
        self._next = time.monotonic() + _LINE_EVERY_S

    def show(self, name: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY_S
            text = f"{name}: {self.done} of {self.total} cases, {self.failed} failed"
            print(text, file=self._stream, flush=True)

    def __exit__(self, *_: object) -> None:
        return None


class _Bar(_Counting, AbstractContextManager["_Bar"]):
    """For a terminal: a bar that is gone when the run is over."""

    def __init__(self, on_run_done: Callable[[RunResult], None], stream: TextIO) -> None:
        super().__init__(on_run_done)
        # Only a terminal pays for the import.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar: Any = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task("collecting", total=None, failed=0)

    def show(self, name: str) -> None:
        self._bar.update(
            self._task, description=name, completed=self.done, total=self.total, failed=self.failed
        )

    def run_done(self, result: RunResult) -> None:
        self._bar.stop()
        super().run_done(result)
        self._bar.start()

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()


def progress_for(on_run_done: Callable[[RunResult], None]) -> _Bar | _Lines:
    """Returns the kind of progress that fits standard error."""
    stream = beyond_capture(sys.stderr)
    return _Bar(on_run_done, stream) if stream.isatty() else _Lines(on_run_done, stream)


def beyond_capture(stream: TextIO) -> TextIO:
    """Returns the stream under another descriptor, which a target that takes the first leaves alone."""
    try:
        return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8")
    except (OSError, ValueError):  # because: a stream in memory has no descriptor to take
        return stream


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Sends to standard error whatever a target prints within the context."""
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
