"""Has anything become slower? Compares a commit with another one, on this machine, in this run.

Both are checked out and installed alike, each into an environment of its own, and measured in turn, one
right after the other for each measure. What counts is the ratio of the two; no time is ever compared with
a number from elsewhere. On a machine that is busy with other things, give it more rounds.

    python benchmarks/guard.py                      HEAD against the last tag
    python benchmarks/guard.py --against main~20    HEAD against that commit

Exits 0 if nothing is slower than the stated ratio, 1 if something is, 2 if it cannot be told.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
MEASURES = HERE / "guard_measures.py"
INSTALL_S = 600
MEASURE_S = 900
RATIO = 1.25
NAMES = (
    "--version",
    "run memory",
    "run nats",
    "memory, 1 subscriber",
    "memory, 10 subscribers",
    "memory, 100 subscribers",
    "nats, published and read",
    "nats, one publish after another",
)


class CannotTell(Exception):
    """There is no comparison; the message is one line that says why."""


@dataclass(frozen=True)
class Comparison:
    """One measure in both commits."""

    name: str
    base: tuple[float, ...]
    head: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How much longer HEAD takes: the median over the rounds, each against its own neighbour."""
        return median(mine / its for mine, its in zip(self.head, self.base, strict=True))

    @property
    def best(self) -> float:
        """The same by the fastest round of each: what another program slowed is not in it."""
        return min(self.head) / min(self.base)

    def slower(self, bound: float) -> bool:
        """Whether HEAD is slower beyond the bound, by both accounts."""
        return self.ratio > bound and self.best > bound


def report(found: Sequence[Comparison], bound: float) -> str:
    """The table."""
    lines = [f"  {'':<32} {'base':>9} {'HEAD':>9} {'ratio':>7} {'best':>7}"]
    for one in found:
        verdict = f"  SLOWER than {bound:g} ×" if one.slower(bound) else ""
        lines.append(
            f"  {one.name:<32} {median(one.base):>7.3f} s {median(one.head):>7.3f} s "
            f"{one.ratio:>6.2f}× {one.best:>6.2f}×{verdict}"
        )
    return "\n".join(lines)


def git(*arguments: str) -> str:
    """What git says."""
    done = subprocess.run(
        ["git", *arguments], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())
        raise CannotTell(f"git {' '.join(arguments)}: {reason}")
    return done.stdout.strip()


@contextmanager
def installed(commit: str, folder: Path) -> Iterator[Path]:
    """The Python of an environment that has that commit."""
    tree, environment = folder / "tree", folder / "venv"
    git("worktree", "add", "--detach", "--force", str(tree), commit)
    try:
        venv.create(environment, with_pip=shutil.which("uv") is None)
        python = environment / "bin" / "python"
        installer = (
            ["uv", "pip", "install", "-q", "--python", str(python)]
            if shutil.which("uv")
            else [str(python), "-m", "pip", "install", "-q"]
        )
        run([*installer, f"{tree}[nats]"], INSTALL_S)
        yield python
    finally:
        git("worktree", "remove", "--force", str(tree))


def run(command: Sequence[str], limit_s: float) -> str:
    """What a command prints."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, check=False, cwd=HERE
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"{command[0]} did not end within {limit_s:g} s") from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CannotTell(f"{' '.join(command[:4])} … exits {done.returncode}: {' '.join(last)}")
    return done.stdout


def measured(python: Path, name: str) -> float:
    """Seconds of one measure in one environment."""
    return float(run([str(python), str(MEASURES), name], MEASURE_S).splitlines()[-1])


def compare(base: Path, head: Path, rounds: int) -> list[Comparison]:
    """Measures both, each time the one right after the other.

    Args:
        base, head: the Python of each.
        rounds: how often.
    """
    rows: dict[tuple[str, Path], list[float]] = {}
    for number in range(rounds):
        for name in NAMES:
            for python in (base, head) if number % 2 == 0 else (head, base):
                rows.setdefault((name, python), []).append(measured(python, name))
        print(f"  round {number + 1} of {rounds} done", file=sys.stderr)
    return [Comparison(name, tuple(rows[name, base]), tuple(rows[name, head])) for name in NAMES]


def guard(against: str | None, head: str, rounds: int, bound: float) -> int:
    """Compares; the exit code."""
    commit = git("rev-parse", "--verify", f"{against or last_tag()}^{{commit}}")
    newest = git("rev-parse", "--verify", f"{head}^{{commit}}")
    print(
        f"base {commit[:10]} against {newest[:10]}, {rounds} rounds in turn, bound {bound:g} ×, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        installed(commit, Path(one)) as old,
        installed(newest, Path(other)) as new,
    ):
        found = compare(old, new, rounds)
    print(report(found, bound))
    slower = [one.name for one in found if one.slower(bound)]
    if slower:
        print(f"slower: {', '.join(slower)}")
    return int(bool(slower))


def last_tag() -> str:
    """The last tag before HEAD."""
    try:
        return git("describe", "--tags", "--abbrev=0", "HEAD")
    except CannotTell:
        raise CannotTell("there is no tag yet: say --against COMMIT") from None


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="COMMIT", help="default: the last tag")
    parser.add_argument("--head", metavar="COMMIT", default="HEAD", help="default: HEAD")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--ratio", type=float, default=RATIO, help="default: %(default)s")
    options = parser.parse_args()
    if options.rounds < 1 or options.ratio <= 1:
        parser.error("--rounds must be at least 1, and --ratio more than 1")
    try:
        sys.exit(guard(options.against, options.head, options.rounds, options.ratio))
    except CannotTell as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
