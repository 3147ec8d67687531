"""Measures the time of a verdict: `run memory` and `run nats` as a user runs them, with imports.

Each once by one process, and once with the cases shared by two.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path

from measuring import Goal, Measured, in_turn, main, timed_run

GOALS = {"memory": 1.2, "nats": 3.2}


def wall(target: str, cases: dict[str, int], *options: str) -> float:
    """Measures the seconds of one run; adds the number of its cases to `cases`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        took = timed_run(target, *options, "--json", str(report))
        summary = json.loads(report.read_text())["results"][0]["summary"]
        cases[target] = summary["passed"]
    return took


async def measure(rounds: int) -> Measured:
    """Measures the wall time of each target's run, the targets in turn."""
    cases: dict[str, int] = {}
    contenders = {
        f"run {name} {options}".strip(): partial(wall, name, cases, *options.split())
        for name in GOALS
        for options in ("", "--processes 2")
    }
    rows = await in_turn(contenders, rounds)
    measured = Measured("verdict.py", "Time to a verdict")
    measured.enter(rows, "s")
    for name, bound in GOALS.items():
        times = tuple(rows[f"run {name}"])
        measured.goals += [
            Goal(f"run {name}, wall time", bound, "at most", "s", times),
            Goal(f"run {name}, cases judged", 120, "at least", "cases", (cases[name],)),
        ]
    return measured


if __name__ == "__main__":
    main(measure, rounds=3)
