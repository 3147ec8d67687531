"""Shows on standard error how far a command is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, TextIO

_LINE_EVERY_S: Final = 10.0


class Meter(AbstractContextManager["Meter"]):
    """The base of all meters; shows nothing itself."""

    def show(self, text: str, done: int, total: int | None, failed: int = 0) -> None:
        """Shows how far the command is."""

    def tell(self, line: str) -> None:
        """Shows a line that stays, if there is a terminal."""

    def pause(self) -> None:
        """Makes room for other output."""

    def resume(self) -> None:
        """Comes back after a pause."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        return None


class LineMeter(Meter):
    """For logs: prints a line every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = time.monotonic() + _LINE_EVERY_S

    def show(self, text: str, done: int, total: int | None, failed: int = 0) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LINE_EVERY_S
        count = f"{done} of {total}" if total else f"{done}"
        told = f", {failed} failed" if failed else ""
        print(f"{text}: {count}{told}", file=self._stream, flush=True)


class BarMeter(Meter):
    """For a terminal: a bar that is gone at the end. It is green until something fails."""

    def __init__(self, stream: TextIO) -> None:
        # Only a terminal pays for the import.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self.column = BarColumn(complete_style="green", finished_style="green", pulse_style="green")
        self._bar: Any = Progress(
            TextColumn("{task.description}", markup=False),
            self.column,
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            TimeElapsedColumn(),
            console=Console(file=stream, highlight=False),
            transient=True,
        )
        self._task = self._bar.add_task("collecting", total=None, failed=0)

    def show(self, text: str, done: int, total: int | None, failed: int = 0) -> None:
        if failed:
            self.column.complete_style = self.column.finished_style = "red"
        self._bar.update(self._task, description=text, completed=done, total=total, failed=failed)

    def tell(self, line: str) -> None:
        self._bar.console.print(line, markup=False, soft_wrap=True)

    def pause(self) -> None:
        self._bar.stop()

    def resume(self) -> None:
        self._bar.start()

    def __enter__(self) -> BarMeter:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._bar.stop()


def meter_for(stream: TextIO) -> Meter:
    """Returns the kind of meter that fits a stream."""
    return BarMeter(stream) if stream.isatty() else LineMeter(stream)
