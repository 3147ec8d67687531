"""Times the profile `sse`: in this process, in another with long keep-alives, with a buffer."""

from __future__ import annotations

import json
import os
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
from measuring import Goal, Measured, in_turn, main

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
LIMIT_S = 300
LOCAL, REMOTE, BUFFERING = (
    "memory-server",
    "another process, keep-alives of 15 s",
    "a server that buffers",
)
GOALS = {LOCAL: 12.0, REMOTE: 20.0, BUFFERING: 30.0}


def buffering() -> Target:
    """A server that writes when four kilobytes of events have come together."""
    return registered_mutants()["buffers-until-a-block-is-full"].target()


def wall(name: str, expected: int, environment: Mapping[str, str], folder: Path) -> float:
    """Seconds of one run, which has to exit as expected."""
    began = time.perf_counter()
    done = subprocess.run(
        [PROGRAM, "run", name, "--profile", "sse", "-q"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode != expected:
        raise SystemExit(f"run {name} exits {done.returncode}: {done.stdout}{done.stderr}")
    return took


def remote(folder: Path) -> float:
    """Seconds of a run against a server in another process; its start is not counted."""
    with served(folder) as line:
        return wall("remote_server_target:target", 0, {"SERVED": line}, HERE.parent / "examples")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The reference over NATS in another process; gives the file that says where."""
    file = folder / "served.json"
    process = subprocess.Popen(
        [PROGRAM, "serve", "--backend", "nats", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        json.loads(line)
        file.write_text(line, encoding="utf-8")
        yield str(file)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def measure(rounds: int) -> Measured:
    """Wall time of each, in turn."""
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
    for name, bound in GOALS.items():
        measured.goals.append(Goal(f"{name}, wall time", bound, "at most", "s", tuple(rows[name])))
    return measured


if __name__ == "__main__":
    main(measure, rounds=3)
else:
    target = buffering()
