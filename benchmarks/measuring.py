"""The parts that all benchmarks share: contenders in turn, ratios within a round, goals beside results."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

Contender = Callable[[], float | Awaitable[float]]

_PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
_RUN_LIMIT_S = 300


@dataclass(frozen=True)
class Goal:
    """A goal and its measured values."""

    name: str
    bound: float
    kind: Literal["at least", "at most"]
    unit: str
    """`×` for a ratio of two contenders, else the unit."""
    rounds: tuple[float, ...]

    @property
    def measured(self) -> float:
        """Returns the median of the rounds."""
        return median(self.rounds)

    @property
    def met(self) -> bool:
        """True if the median meets the bound."""
        if self.kind == "at least":
            return self.measured >= self.bound
        return self.measured <= self.bound


@dataclass
class Measured:
    """The results of one script."""

    script: str
    title: str
    machine: str = ""
    rows: dict[str, list[float]] = field(default_factory=dict)
    """The values of each contender, by round."""
    units: dict[str, str] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def enter(self, rows: Mapping[str, Sequence[float]], unit: str) -> None:
        """Adds the values of contenders."""
        for name, values in rows.items():
            self.rows[name] = list(values)
            self.units[name] = unit

    def to_json(self) -> str:
        """Writes the file that `performance.py` reads."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """Reads such a file."""
        members = json.loads(text)
        goals = [Goal(**{**one, "rounds": tuple(one["rounds"])}) for one in members.pop("goals")]
        return cls(**members, goals=goals)


def ratios(rows: Mapping[str, Sequence[float]], one: str, other: str) -> tuple[float, ...]:
    """Returns the ratio of `one` to `other` for each round: a slow machine slows both."""
    return tuple(mine / its for mine, its in zip(rows[one], rows[other], strict=True))


def timed_run(target: str, *options: str) -> float:
    """Measures the seconds of one run of a target, in an empty folder.

    Raises:
        SystemExit: the target is not conformant, or could not be judged.
    """
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(
            [_PROGRAM, "run", target, "-q", *options],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_RUN_LIMIT_S,
            check=False,
        )
        took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"run {target} exits {done.returncode}: {done.stdout}{done.stderr}")
    return took


async def in_turn(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Measures each contender once a round; each begins a round in turn."""
    names = list(contenders)
    rows: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            value = contenders[name]()
            rows[name].append(await value if inspect.isawaitable(value) else value)
    return rows


def machine() -> str:
    """Returns the machine, and how busy it was."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before"
    )


def shown(value: float, unit: str) -> str:
    """Writes a value with its unit, in three digits."""
    for factor, prefix in ((1e6, "M"), (1e3, "k")):
        if unit not in ("×", "s", "ms") and abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{' ' * (len(unit) > 2)}{unit}"
    return f"{value:.3g} {unit}"


def text(measured: Measured) -> str:
    """Returns the text that a script prints."""
    width = max(
        (len(name) for name in (*measured.rows, *(g.name for g in measured.goals))), default=0
    )
    lines = [measured.title, f"  {measured.machine}", ""]
    for name, values in measured.rows.items():
        unit = measured.units[name]
        span = f"{shown(min(values), unit)} to {shown(max(values), unit)}"
        lines.append(f"  {name:<{width}}  {shown(median(values), unit):>12}  ({span})")
    lines.append("")
    for goal in measured.goals:
        bound = f"{goal.kind} {shown(goal.bound, goal.unit)}"
        verdict = "met" if goal.met else "MISSED"
        reached = shown(goal.measured, goal.unit)
        lines.append(f"  {goal.name:<{width}}  {reached:>12}  goal: {bound}: {verdict}")
    return "\n".join([*lines, *(f"  {note}" for note in measured.notes)])


def main(measure: Callable[[int], Awaitable[Measured]], *, rounds: int = 5) -> None:
    """Runs a script: `--rounds N`, `--json FILE`."""
    parser = argparse.ArgumentParser(description=inspect.getmodule(measure).__doc__)
    parser.add_argument("--rounds", type=_positive, default=rounds, help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number as JSON")
    options = parser.parse_args()
    if options.json is not None and not options.json.resolve().parent.is_dir():
        parser.error(f"there is no directory {options.json.parent}")
    where = machine()
    measured: Measured = asyncio.run(_awaited(measure(options.rounds)))
    measured.machine = where
    print(text(measured))
    if options.json is not None:
        options.json.write_text(measured.to_json(), encoding="utf-8")


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(value)
    return number


async def _awaited(measuring: Awaitable[Any]) -> Any:
    return await measuring
