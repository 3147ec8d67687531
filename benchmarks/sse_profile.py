"""Times the profile `sse`: in this process, in another with long keep-alives, with a buffer."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.target import Target
from measuring import Goal, Measured, in_turn, main, ratios

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
LIMIT_S = 120
"""Seconds after which a run is given up, so that the script ends in any case."""
START_S, STOP_S = 30, 10
INTERVAL_S = 15
LOCAL_S = 12
LOCAL, REMOTE, BUFFERING = (
    "memory-server",
    "another process, keep-alives of 15 s",
    "a server that buffers",
)


def buffering() -> Target:
    """Returns a server that writes when four kilobytes of events have come together."""
    return registered_mutants()["buffers-until-a-block-is-full"].target()


def wall(name: str, expected: int, environment: Mapping[str, str], folder: Path) -> float:
    """Returns the seconds of one run, which has to exit as expected."""
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [PROGRAM, "run", name, "--profile", "sse", "-q"],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SystemExit(f"expected run {name} to end, got nothing within {LIMIT_S} s") from late
    took = time.perf_counter() - began
    if done.returncode != expected:
        raise SystemExit(f"run {name} exits {done.returncode}: {done.stdout}{done.stderr}")
    return took


def remote(folder: Path) -> float:
    """Returns the seconds of a run against a server in another process; its start is not counted."""
    with served(folder) as line:
        return wall("remote_server_target:target", 0, {"SERVED": line}, HERE.parent / "examples")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves the reference over NATS in another process; yields the file that says where."""
    file = folder / "served.json"
    process = subprocess.Popen(
        [PROGRAM, "serve", "--backend", "nats", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], START_S)[0]:
            raise SystemExit(f"expected serve to say where it is, got nothing within {START_S} s")
        line = process.stdout.readline()
        json.loads(line)
        file.write_text(line, encoding="utf-8")
        yield str(file)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def measure(rounds: int) -> Measured:
    """Measures the wall time of each, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contenders = {
            LOCAL: partial(wall, "memory-server", 0, {}, folder),
            REMOTE: partial(remote, folder),
            BUFFERING: partial(wall, "sse_profile:target", 1, {"PYTHONPATH": str(HERE)}, folder),
        }
        rows = await in_turn(contenders, rounds)
    measured = Measured("sse_profile.py", "Time to a verdict on SSE endpoints")
    measured.enter(rows, "s")
    local = tuple(seconds / LOCAL_S for seconds in rows[LOCAL])
    distant = tuple(seconds / INTERVAL_S for seconds in rows[REMOTE])
    measured.goals = [
        Goal(f"{LOCAL} ÷ {LOCAL_S} s", 1.0, "at most", "×", local),
        Goal(f"{REMOTE} ÷ one of them", 20 / 15, "at most", "×", distant),
        Goal(f"{BUFFERING} ÷ {LOCAL}", 2.5, "at most", "×", ratios(rows, BUFFERING, LOCAL)),
    ]
    return measured


if __name__ == "__main__":
    main(measure, rounds=3)
else:
    target = buffering()
