"""Measures the time of a verdict on conformant drivers: those that `init` writes, as they stand.

Each once by one process, and once with the cases shared by two. A language whose toolchain is missing is
named, and not measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from measuring import Goal, Measured, in_turn, main, timed_run

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
GOAL_S = 4.0
BUILD_LIMIT_S = 120
DRIVERS = {
    "go": ("go", ("go", "build", "-o", "my_bus_driver", "."), "{folder}/my_bus_driver"),
    "node": ("node", (), "node {folder}/my_bus_driver.mjs"),
    "python-driver": ("python3", (), f"{sys.executable} {{folder}}/my_bus_driver.py"),
}
"""For each language its toolchain, the command that builds the driver, and the one that starts it."""


def written(language: str, parent: Path) -> str:
    """Writes and builds a driver; returns it as a target."""
    _, build, command = DRIVERS[language]
    folder = parent / language
    init = [PROGRAM, "init", "--language", language, "--name", "my-bus", str(folder)]
    for step in (init, [*build]):
        if step:
            cwd = folder if step is not init else parent
            subprocess.run(step, cwd=cwd, capture_output=True, timeout=BUILD_LIMIT_S, check=True)
    return "driver:" + command.format(folder=folder)


async def measure(rounds: int) -> Measured:
    """Measures the wall time of each driver's run, the drivers in turn."""
    measured = Measured("drivers.py", "Time to a verdict on a conformant driver")
    found = [language for language, (tool, *_) in DRIVERS.items() if shutil.which(tool)]
    with tempfile.TemporaryDirectory() as folder:
        targets = {language: written(language, Path(folder)) for language in found}
        contenders = {
            f"a driver in {language} {options}".strip(): partial(
                timed_run, target, *options.split()
            )
            for language, target in targets.items()
            for options in ("", "--processes 2")
        }
        rows = await in_turn(contenders, rounds)
    measured.enter(rows, "s")
    measured.goals = [
        Goal(name, GOAL_S, "at most", "s", tuple(times))
        for name, times in rows.items()
        if "--processes" not in name
    ]
    measured.notes = [
        f"{language}: not measured, {tool} is missing"
        for language, (tool, *_) in DRIVERS.items()
        if language not in found
    ]
    return measured


if __name__ == "__main__":
    main(measure, rounds=2)
