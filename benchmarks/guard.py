"""Finds what became slower: compares two commits on this machine, in one run.

Both are exported and installed alike, each into an environment of its own, and measured in turn, one right
after the other for each measure. Only the ratio of the two counts; no time is compared with a number from
elsewhere. A measure that seems slower is taken a second time, and is called slower only if it is slower
again, so that a busy machine accuses no commit.

    python benchmarks/guard.py                      HEAD against the last tag before it
    python benchmarks/guard.py --against main~20    HEAD against that commit
    python benchmarks/guard.py --against main~20 --only "run memory"

Only commits are compared; neither the checkout nor the repository is touched. Takes about three minutes.
Exits 0 if nothing is slower than the stated ratio, 1 if something is, 2 if it cannot tell.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from guard_commits import CannotTell, Side, commit_of, git, install, last_tag, run, say

MEASURES = Path(__file__).with_name("guard_measures.py")
MEASURE_S = 900
ROUNDS = 5
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


@dataclass(frozen=True)
class Comparison:
    """One measure in both commits."""

    name: str
    base: tuple[float, ...]
    head: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Returns how much longer HEAD takes: the median over the rounds, each against its neighbour."""
        return median(mine / its for mine, its in zip(self.head, self.base, strict=True))

    @property
    def best(self) -> float:
        """Returns the same by the fastest round of each, which other programs did not slow."""
        return min(self.head) / min(self.base)

    def slower(self, bound: float) -> bool:
        """Returns whether HEAD is slower than the bound allows, by both ratios."""
        return self.ratio > bound and self.best > bound


def report(found: Sequence[Comparison], bound: float) -> str:
    """Returns the table."""
    lines = [f"  {'':<32} {'base':>9} {'HEAD':>9} {'ratio':>7} {'best':>7}"]
    for one in found:
        verdict = f"  over {bound:g}×" if one.slower(bound) else ""
        lines.append(
            f"  {one.name:<32} {median(one.base):>7.3f} s {median(one.head):>7.3f} s "
            f"{one.ratio:>6.2f}× {one.best:>6.2f}×{verdict}"
        )
    return "\n".join(lines)


def accusation(slower: Sequence[Comparison], base: str, head: str, bound: float) -> str:
    """Returns the measures that became slower."""
    lines = [
        f"SLOWER: {head[:10]} takes more than {bound:g}× the time of {base[:10]}, twice in a row:"
    ]
    lines += [
        f"  {one.name}: {one.ratio:.2f}× in the median round, {one.best:.2f}× in the fastest"
        for one in slower
    ]
    only = " ".join(f'--only "{one.name}"' for one in slower)
    commits = f"--against {base[:10]} --head {head[:10]}"
    lines.append(f"Again, for these alone: python benchmarks/guard.py {commits} {only}")
    return "\n".join(lines)


def measured(side: Side, name: str) -> float:
    """Runs one measure in one environment; returns the seconds."""
    command = [str(side.python), str(MEASURES), name]
    return float(run(command, MEASURE_S, f"{side.role}, {name}").splitlines()[-1])


def compare(base: Side, head: Side, names: Sequence[str], rounds: int) -> list[Comparison]:
    """Measures both commits, one right after the other.

    Args:
        base, head: the commits to compare.
        names: the names of the measures.
        rounds: the number of rounds.
    """
    rows: dict[tuple[str, Side], list[float]] = {}
    for number in range(rounds):
        began = time.monotonic()
        for name in names:
            for side in (base, head) if number % 2 == 0 else (head, base):
                rows.setdefault((name, side), []).append(measured(side, name))
        say(f"round {number + 1} of {rounds} done in {time.monotonic() - began:.0f} s")
    return [Comparison(name, tuple(rows[name, base]), tuple(rows[name, head])) for name in names]


def guard(against: str | None, head: str, names: Sequence[str], rounds: int, bound: float) -> int:
    """Compares the commits; returns the exit code.

    Raises:
        CannotTell: there is nothing to compare, or it cannot be measured.
    """
    newest = commit_of(head)
    commit = commit_of(against or last_tag(newest))
    print(
        f"base {commit[:10]}, HEAD {newest[:10]}: {rounds} rounds in turn, bound {bound:g}×, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors",
        flush=True,
    )
    if commit == newest:
        say("both are the same commit: all that can be found is noise")
    if head == "HEAD" and git("status", "--porcelain", "--untracked-files=no"):
        say("what is not committed is not measured")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as one,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as other,
    ):
        sides = install("base", commit, Path(one)), install("HEAD", newest, Path(other))
        found = compare(*sides, names, rounds)
        print(report(found, bound), flush=True)
        slower = [one for one in found if one.slower(bound)]
        if slower:
            say(f"measuring again what is over {bound:g}×")
            again = compare(*sides, [one.name for one in slower], rounds)
            print(report(again, bound), flush=True)
            slower = [one for one in again if one.slower(bound)]
    if slower:
        print(accusation(slower, commit, newest, bound))
        return 1
    print(f"nothing is slower by more than {bound:g}×")
    return 0


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="COMMIT", help="default: the last tag before --head")
    parser.add_argument("--head", metavar="COMMIT", default="HEAD", help="default: HEAD")
    parser.add_argument("--only", action="append", choices=NAMES, help="repeatable; default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--ratio", type=float, default=RATIO, help="default: %(default)s")
    options = parser.parse_args()
    if options.rounds < 1 or not options.ratio > 1:
        parser.error("--rounds must be at least 1, and --ratio more than 1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        code = guard(
            options.against, options.head, options.only or NAMES, options.rounds, options.ratio
        )
    except CannotTell as error:
        print(f"Error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted: nothing is left behind", file=sys.stderr)
        code = 128 + signal.SIGINT
    sys.exit(code)


if __name__ == "__main__":
    main()
