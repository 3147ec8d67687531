"""Counts how often a verdict changes: repeats the same run, with and without load."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eventhook_conformance.engine.termination import child_process

_RUN_LIMIT_S: Final = 600.0
_SPIN: Final = "while True: pass"


@dataclass(frozen=True)
class Repetition:
    """The outcome of one of the runs."""

    number: int
    loaded: bool
    verdict: str
    changes: tuple[str, ...]
    """The cases whose outcome is another than in the first run, and why."""
    duration_s: float


def repeat(target: str, runs: int, *, loaded: bool) -> Iterator[Repetition]:
    """Runs the suite against a target, each time in a process of its own.

    Args:
        target: as `run` takes it.
        runs: how often.
        loaded: keep every processor busy with something else in every second run.
    """
    first: dict[str, str] | None = None
    for number in range(1, runs + 1):
        busy = loaded and number % 2 == 0
        began = time.perf_counter()
        with _load(os.cpu_count() or 1 if busy else 0):
            verdict, outcomes, messages = _run(target)
        seconds = time.perf_counter() - began
        first = outcomes if first is None else first
        changes = tuple(
            f"{case}: {first.get(case, 'absent')} -> {outcomes.get(case, 'absent')}"
            + (f" ({messages[case]})" if case in messages else "")
            for case in sorted(first.keys() | outcomes.keys())
            if first.get(case) != outcomes.get(case)
        )
        yield Repetition(number, busy, verdict, changes, seconds)


def _run(target: str) -> tuple[str, dict[str, str], dict[str, str]]:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        command = [sys.executable, "-m", "eventhook_conformance", "run", target]
        with child_process([*command, "-q", "--json", str(report)]) as process:
            try:
                _, errors = process.communicate(timeout=_RUN_LIMIT_S)
            except subprocess.TimeoutExpired:
                errors = f"it had not ended after {_RUN_LIMIT_S:g} s"
        try:
            (result,) = json.loads(report.read_text(encoding="utf-8"))["results"]
        except (OSError, ValueError) as error:
            last = (errors.strip().splitlines() or ["it said nothing"])[-1]
            return f"no report: {last} ({error})", {}, {}
    outcomes = {case["id"]: case["outcome"] for case in result["cases"]}
    messages = {case["id"]: case["message"] for case in result["cases"] if case["message"]}
    return result["verdict"], outcomes, messages


@contextlib.contextmanager
def _load(processes: int) -> Iterator[None]:
    spinners = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
        for spinner in spinners:
            spinner.wait()
