"""Runs every benchmark and writes `docs/performance.md`.

    python benchmarks/performance.py                 all of it, a quarter of an hour
    python benchmarks/performance.py --from FOLDER   from files that were measured before

`causes.toml` says what numbers cannot: why a goal is missed, and which profile found which gain.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from measuring import Goal, Measured, shown

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "performance.md"
CAUSES = HERE / "causes.toml"
SCRIPTS = (
    "verdict",
    "broken_buses",
    "drivers",
    "far",
    "fanout",
    "nats_reference",
    "sse_readers",
    "sse_profile",
    "supervisor",
)
LIMIT_S = 3600

INTRODUCTION = """\
# Performance

Measured values and their goals. One command writes this page, from a checkout with
`pip install -e '.[all,benchmarks]'`:

```
python benchmarks/performance.py
```

Contenders are measured in turn, several rounds, in one run. A ratio is taken within each round, and the
median of the ratios counts: a slow machine slows both. Compare ratios with those of other machines, but
not times.

`eventhook-conformance bench TARGET…` measures any bus in the same way.
`python benchmarks/guard.py` finds what a commit made slower.
"""


def document(found: Sequence[Measured], causes: Mapping[str, Any]) -> str:
    """Returns the page."""
    goals = [goal for one in found for goal in one.goals]
    missed = [goal for goal in goals if not goal.met]
    lines = [INTRODUCTION, f"{len(goals) - len(missed)} of {len(goals)} goals are met."]
    if missed:
        lines += ["", "## Missed", ""]
        lines += [f"- {_miss(goal, causes.get('missed', {}))}" for goal in missed]
    for one in found:
        lines += ["", *_section(one)]
    gains = causes.get("gains", {})
    if gains:
        lines += ["", "## Which profile found which gain", ""]
        lines += [f"- **{name}**: {text}" for name, text in gains.items()]
    return "\n".join(lines) + "\n"


def _miss(goal: Goal, causes: Mapping[str, str]) -> str:
    cause = causes.get(goal.name, "not yet known.")
    bound = f"{goal.kind} {shown(goal.bound, goal.unit)}"
    return f"**{goal.name}**: {shown(goal.measured, goal.unit)}, goal {bound}. Cause: {cause}"


def _section(one: Measured) -> Iterator[str]:
    yield f"## {one.title}"
    yield ""
    yield f"`python benchmarks/{one.script}`; {one.machine}."
    yield ""
    yield "| goal | measured | rounds | |"
    yield "|---|---:|---|---|"
    for goal in one.goals:
        bound = f"{goal.kind} {shown(goal.bound, goal.unit)}"
        span = f"{shown(min(goal.rounds), goal.unit)} to {shown(max(goal.rounds), goal.unit)}"
        verdict = "met" if goal.met else "**missed**"
        yield f"| {goal.name}: {bound} | {shown(goal.measured, goal.unit)} | {span} | {verdict} |"
    yield ""
    yield "| measured | median | rounds |"
    yield "|---|---:|---|"
    for name, values in one.rows.items():
        unit = one.units[name]
        span = f"{shown(min(values), unit)} to {shown(max(values), unit)}"
        yield f"| {name} | {shown(median(values), unit)} | {span} |"
    for note in one.notes:
        yield ""
        yield note


def run_all(folder: Path, rounds: int | None) -> None:
    """Runs every script; each writes its file into the folder."""
    for name in SCRIPTS:
        print(f"{name} …", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(folder / f"{name}.json")]
        command += ["--rounds", str(rounds)] if rounds is not None else []
        subprocess.run(command, timeout=LIMIT_S, check=True)


def read_all(folder: Path) -> list[Measured]:
    """Reads the files of all scripts."""
    missing = [name for name in SCRIPTS if not (folder / f"{name}.json").is_file()]
    if missing:
        raise SystemExit(f"Error: {folder} lacks {', '.join(f'{name}.json' for name in missing)}")
    return [Measured.from_json((folder / f"{name}.json").read_text()) for name in SCRIPTS]


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="folder", type=Path, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, help="default: each script's own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        folder = options.folder or Path(fresh)
        if options.folder is None:
            run_all(folder, options.rounds)
        found = read_all(folder)
    causes = tomllib.loads(CAUSES.read_text(encoding="utf-8"))
    DOCUMENT.write_text(document(found, causes), encoding="utf-8")
    print(f"wrote {DOCUMENT.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
