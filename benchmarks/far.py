"""How long a verdict takes where the server is far: 50 ms of round trip, by the suite's proxy."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Goal, Measured, in_turn, main

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
HERE = Path(__file__).parent
LIMIT_S = 900


async def measure(rounds: int) -> Measured:
    """Wall time of the run, and whether the verdict is right."""
    wrong: list[float] = []

    def wall() -> float:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            began = time.perf_counter()
            subprocess.run(
                [PROGRAM, "run", "far_target:target", "-q", "--json", str(report)],
                cwd=HERE,
                capture_output=True,
                timeout=LIMIT_S,
                check=False,
            )
            took = time.perf_counter() - began
            summary = json.loads(report.read_text())["results"][0]["summary"]
            wrong.append(summary["failed"] + summary["errors"])
        return took

    rows = await in_turn({"run nats, 50 ms away": wall}, rounds)
    measured = Measured("far.py", "Time to a verdict on a far server")
    measured.enter(rows, "s")
    measured.goals = [
        Goal("run nats, 50 ms away", 12, "at most", "s", tuple(rows["run nats, 50 ms away"])),
        Goal("cases that the distance breaks", 0, "at most", "cases", tuple(wrong)),
    ]
    return measured


if __name__ == "__main__":
    main(measure, rounds=2)
