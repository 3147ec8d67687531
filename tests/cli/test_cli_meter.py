"""Progress: a line now and then in a log, a bar on a terminal that is red only after a failure."""

from __future__ import annotations

import io
import itertools

import pytest

from checker.builder import Timeline
from eventhook_conformance.cli._meter import BarMeter, LineMeter, Meter, meter_for
from eventhook_conformance.cli._progress import Progress
from eventhook_conformance.engine.events import (
    CaseFinished,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.results import RunResult
from report import made


class Recorder(Meter):
    def __init__(self) -> None:
        self.shown: list[tuple[str, int, int | None, int]] = []
        self.told: list[str] = []

    def show(self, text: str, done: int, total: int | None, failed: int = 0) -> None:
        self.shown.append((text, done, total, failed))

    def tell(self, line: str) -> None:
        self.told.append(line)


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count(0.0, 4.0)
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    stream = io.StringIO()
    with LineMeter(stream) as meter:
        for done in range(4):
            meter.show("bus", done, 9, failed=done // 3)
        meter.tell("never in a log")
    assert stream.getvalue() == "bus: 2 of 9\n"


def test_a_stream_that_is_no_terminal_has_lines() -> None:
    assert isinstance(meter_for(io.StringIO()), LineMeter)


def test_the_bar_is_green_until_something_fails() -> None:
    with BarMeter(io.StringIO()) as meter:
        meter.show("bus", 1, 9)
        assert (meter.column.complete_style, meter.column.pulse_style) == ("green", "green")
        meter.show("bus", 2, 9, failed=1)
        assert meter.column.complete_style == "red"


def test_progress_counts_what_the_engine_tells() -> None:
    meter, done = Recorder(), list[RunResult]()
    progress = Progress(done.append, meter)
    failed = made.failed(Timeline())
    progress(RunStarted("bus", 3))
    progress(CaseFinished("bus", made.passed()))
    progress(CaseFinished("bus", made.left_out()))
    progress(CaseFinished("bus", failed))
    assert meter.shown[-1] == ("bus: Publish and subscribe", 2, 3, 1)
    assert meter.told == ["failed     bus  made::broken"]
    progress(ResultRevised("bus", made.passed(), failed))
    assert meter.shown[-1] == ("bus", 2, 3, 2)
    result = made.all_pass()
    progress(RunFinished("bus", result))
    assert done == [result]


def test_only_the_first_failures_are_told() -> None:
    meter = Recorder()
    progress = Progress(lambda _: None, meter)
    for number in range(30):
        progress(CaseFinished("bus", made.failed(Timeline(), f"made::{number}")))
    assert len(meter.told) == 11
    assert meter.told[-1] == "The report has all other failures."
