"""Measures the time until twelve broken buses are judged, and says what each is charged with.

`run memory` is measured in the same round: compare the ratios to it, since a slow machine slows both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from broken_targets import TARGETS
from measuring import Goal, Measured, in_turn, main

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
HERE = Path(__file__).parent
LIMIT_S = 300
GOAL_S = 15.0
CORRECT = "run memory"


def wall(target: str, name: str, charged: dict[str, str]) -> float:
    """Measures the seconds of one run; adds what was charged to `charged`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [PROGRAM, "run", target, "-q", "--json", str(report)]
        began = time.perf_counter()
        try:
            subprocess.run(command, cwd=HERE, capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            charged[name] = f"cut off after {LIMIT_S} s"
            return LIMIT_S
        took = time.perf_counter() - began
        charged[name] = failed(json.loads(report.read_text())) if report.exists() else "unusable"
    return took


def failed(report: Mapping[str, list[dict[str, list[dict[str, str]]]]]) -> str:
    """Returns the requirements that a report says are broken."""
    found = report["results"][0]["requirements"]
    return ", ".join(one["id"] for one in found if one["outcome"] == "failed") or "none"


async def measure(rounds: int) -> Measured:
    """Measures the wall time of each bus, in turn."""
    charged: dict[str, str] = {}
    contenders = {
        name: partial(wall, f"broken_targets:{name.replace('-', '_')}", name, charged)
        for name in TARGETS
    }
    rows = await in_turn({CORRECT: partial(wall, "memory", CORRECT, charged), **contenders}, rounds)
    measured = Measured("broken_buses.py", "Time to a verdict on a broken bus")
    measured.enter(rows, "s")
    measured.goals = [
        Goal(f"{name}, wall time", GOAL_S, "at most", "s", tuple(rows[name])) for name in contenders
    ]
    measured.notes = [f"{name} is charged with: {found}" for name, found in charged.items()]
    return measured


if __name__ == "__main__":
    main(measure, rounds=1)
