"""`bench`: measures targets side by side, and checks every delivery."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eventhook_conformance import __version__
from eventhook_conformance.cli._meter import meter_for
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.report.writing import write_whole
from eventhook_conformance.target import Target

if TYPE_CHECKING:
    from eventhook_conformance.bench import BenchResult, Plan

_WIDE: Final = 200
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(name="bench")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--json", "json_file", type=_FILE, help="Write every number as JSON.")
@click.option("--html", "html_file", type=_FILE, help="Write one HTML page with plots.")
@click.option("--quick", is_flag=True, help="One round, fewer dimensions: a few seconds.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    metavar="SECONDS",
    help="Time for everything, roughly.  [15 for each target; 4 with --quick]",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Number of rounds.  [3]")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True, max=600),
    metavar="SECONDS",
    help="Length of one measurement, instead of --seconds.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=1, max=100_000),
    metavar="EVENTS/S",
    help="Rate offered for latency.  [2000]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Timeout for events that must come.  [3]",
)
def bench_command(
    targets: tuple[str, ...],
    json_file: Path | None,
    html_file: Path | None,
    quick: bool,
    seconds: float | None,
    rounds: int | None,
    duration: float | None,
    rate: float | None,
    timeout: float | None,
) -> None:
    """Measures each TARGET, and checks every delivery.

    Measures throughput in a closed loop, without overflow, and latency by an
    open schedule, from the moment an event was due, so that no waiting is
    hidden. TARGET as for `run`; several are measured in turn.

    Divides the time over all measurements. Steps of a fixed size are done in
    any case: a slow target takes longer, and gets fewer rounds.

    \b
    Exits 0 if all deliver as owed, 1 if one loses events, breaks a requirement
    or fails, 2 for wrong usage or if a target cannot be used. Examples:
      eventhook-conformance bench memory nats
      eventhook-conformance bench nats "driver:./my-driver" --html bench.html
      eventhook-conformance bench my_bus_target:target --seconds 300 --rounds 5
    """
    files = {"--json": json_file, "--html": html_file}
    _check_files(files)
    found = _targets(targets)
    if seconds is not None and duration is not None:
        raise click.UsageError("--seconds and --duration exclude each other")
    changes = {
        "seconds": seconds,
        "rounds": rounds,
        "duration": duration,
        "rate": rate,
        "timeout": timeout,
    }
    for option, value in changes.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise click.BadParameter(f"{value} is not a finite number", param_hint=f"--{option}")
    result = _measure(found, _plan(quick, changes))
    _print(result)
    written = True
    for option, path in files.items():
        if path is not None:
            written &= _write(option, path, result)
    sys.exit(result.exit_code or (0 if written else 3))


def _plan(quick: bool, changes: dict[str, Any]) -> Plan:
    from eventhook_conformance.bench import Plan, quick_plan

    names = {"duration": "duration_s", "timeout": "wait_s"}
    given = {
        names.get(option, option): value for option, value in changes.items() if value is not None
    }
    return quick_plan(**given) if quick else replace(Plan(), **given)


def _check_files(files: dict[str, Path | None]) -> None:
    named = [path.resolve() for path in files.values() if path is not None]
    if len(set(named)) < len(named):
        raise click.UsageError("--json and --html name the same file")
    for option, path in files.items():
        if path is not None and not path.resolve().parent.is_dir():
            raise click.BadParameter(f"there is no directory {path.parent}", param_hint=option)


def _targets(names: tuple[str, ...]) -> dict[str, Target]:
    found: dict[str, Target] = {}
    for name in names:
        if name in found:
            raise click.UsageError(f"target {name!r} is named twice")
        try:
            found[name] = find_target(name)
        except TargetNotFound as error:
            raise click.UsageError(str(error)) from error
        if not {"events", "streams"} & set(found[name].capabilities.profiles):
            raise click.UsageError(f"target {name!r} claims neither events nor streams")
    return _by_name(found)


def _by_name(found: dict[str, Target]) -> dict[str, Target]:
    """Returns the targets by their own names; two of the same name, by what the user typed."""
    names = Counter(target.name for target in found.values())
    return {
        target.name if names[target.name] == 1 and target.name not in found else typed: target
        for typed, target in found.items()
    }


def _measure(targets: dict[str, Target], plan: Plan) -> BenchResult:
    # Only this command pays for the import.
    from eventhook_conformance.bench import bench
    from eventhook_conformance.probe.client_pool import TargetUnusable

    try:
        with meter_for(sys.stderr) as meter:
            return run_in_loop(bench(targets, plan, meter.show))
    except TargetUnusable as error:
        raise click.UsageError(str(error)) from error


def _print(result: BenchResult) -> None:
    from rich.console import Console

    from eventhook_conformance.bench.console import report

    # A log has no width, and a table must not be cut there.
    console = Console(
        highlight=False,
        soft_wrap=not sys.stdout.isatty(),
        width=None if sys.stdout.isatty() else _WIDE,
    )
    click.echo(f"eventhook-conformance {__version__}")
    for one in report(result):
        console.print(one)


def _write(option: str, path: Path, result: BenchResult) -> bool:
    try:
        if option == "--json":
            text = json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n"
        else:
            from eventhook_conformance.bench.page import page

            text = page(result)
        write_whole(path, text)
    except OSError as error:
        click.echo(f"Error: {option} could not be written: {error}", err=True)
        return False
    return True
