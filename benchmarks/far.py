"""Measures the time of a verdict on a server that is 50 and 200 ms away, by the suite's proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from uuid import uuid4

from eventhook_conformance.contract import FlovynEvent
from far_target import target
from measuring import Goal, Measured, in_turn, main

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
HERE = Path(__file__).parent
LATENCY = "PUB-19"
"""A SHOULD that no server at this distance can meet: an event within 50 ms of its publish."""
GOALS_S = {50: 12, 200: 45}
"""The goal in seconds for each round trip in milliseconds."""
LIMIT_S = 300
"""A longer run is cut off and counts as that long."""


async def distance() -> list[float]:
    """Measures the milliseconds of some publishes, to check the delay."""
    assert target.server is not None
    assert target.connect is not None
    took = []
    async with target.server() as server, target.connect(server.address) as client:
        for _ in range(3):
            began = time.perf_counter()
            await client.events.publish(FlovynEvent.new(uuid4(), "task.created", "far", None))
            took.append(1e3 * (time.perf_counter() - began))
    return took


def wall(far_ms: int, judged: list[float], wrong: list[float]) -> float:
    """Measures the seconds of one run; adds the cases that passed, and those that failed wrongly."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [PROGRAM, "run", "far_target:target", "-q", "--json", str(report)]
        environment = {**os.environ, "EVENTHOOK_FAR_MS": str(far_ms)}
        began = time.perf_counter()
        try:
            subprocess.run(
                command,
                cwd=HERE,
                env=environment,
                capture_output=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            judged.append(0)
            return LIMIT_S
        took = time.perf_counter() - began
        cases = json.loads(report.read_text())["results"][0]["cases"]
    ran = [one for one in cases if one["outcome"] != "not_claimed"]
    failed = [one for one in ran if one["outcome"] != "passed"]
    wrong.append(sum(one["requirements"] != [LATENCY] for one in failed))
    judged.append(len(ran) - len(failed))
    return took


async def measure(rounds: int) -> Measured:
    """Measures the wall time of the runs, and checks the verdicts."""
    wrong: list[float] = []
    judged: list[float] = []
    contenders = {
        f"run nats, {far_ms} ms away": partial(wall, far_ms, judged, wrong) for far_ms in GOALS_S
    }
    distance_ms = await distance()
    rows = await in_turn(contenders, rounds)
    measured = Measured("far.py", "Time to a verdict on a far server")
    measured.enter(rows, "s")
    measured.goals = [
        Goal(name, bound, "at most", "s", tuple(rows[name]))
        for name, bound in zip(contenders, GOALS_S.values(), strict=True)
    ]
    measured.goals += [
        Goal("run nats, far away, cases judged", 120, "at least", "cases", tuple(judged)),
        Goal("a publish takes the round trip", 50, "at least", "ms", tuple(distance_ms)),
    ]
    if wrong:
        measured.goals.append(
            Goal("cases that distance breaks, but PUB-19", 0, "at most", "cases", tuple(wrong))
        )
    if 0 in judged:
        measured.notes.append(f"A run that was not over after {LIMIT_S} s was cut off.")
    return measured


if __name__ == "__main__":
    main(measure, rounds=1)
