"""`baseline`: records known failures and shows what changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from eventhook_conformance.baseline.comparison import compare, counted_known
from eventhook_conformance.baseline.file import read_baseline, read_either, read_report
from eventhook_conformance.baseline.file_writer import dump
from eventhook_conformance.baseline.known import (
    NO_REASON,
    Baseline,
    BrokenBaseline,
    Charge,
    Observed,
    as_observed,
    observed,
    record,
)
from eventhook_conformance.baseline.option import known_cases, other_version, today
from eventhook_conformance.baseline.varying import mark_flaky, merge
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.engine.events import EngineEvent, RunFinished
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.engine.supervisor import Refused, supervise
from eventhook_conformance.report.json_report import to_json
from eventhook_conformance.report.text import counted
from eventhook_conformance.report.writing import write_whole
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Target

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def baseline() -> None:
    """Keeps known failures, so that a run fails only on new ones.

    \b
    Example:
      eventhook-conformance baseline save known.toml my_bus_target:target
      eventhook-conformance run my_bus_target:target --baseline known.toml
      eventhook-conformance baseline diff old.json new.json
    """


@baseline.command()
@click.argument("file", type=_FILE)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--from", "report", type=_FILE, help="Record this JSON report; nothing is run.")
@specification_option
@click.option(
    "--reason", default=NO_REASON, show_default=True, help="Why new entries are accepted."
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Run each target N times; failures that vary become flaky entries.",
)
def save(
    file: Path,
    targets: tuple[str, ...],
    report: Path | None,
    specification: str,
    reason: str,
    runs: int,
) -> None:
    """Records in FILE the requirements that do not hold now.

    Runs the TARGETs, or those that FILE names. Keeps the reasons, links, dates
    and comments of FILE, and removes entries that pass now.

    \b
    Examples:
      eventhook-conformance baseline save known.toml memory nats
      eventhook-conformance baseline save known.toml --from report.json
      eventhook-conformance baseline save known.toml
      eventhook-conformance baseline save known.toml my_bus:target --runs 5
    """
    if report is not None and targets:
        raise click.UsageError("give either TARGETs to run, or --from with a report")
    if report is not None and runs > 1:
        raise click.UsageError("--runs and --from exclude each other")
    if not file.resolve().parent.is_dir():
        raise click.BadParameter(f"there is no directory {file.parent}", param_hint="FILE")
    if not reason.strip():
        raise click.BadParameter("expected a text", param_hint="--reason")
    varying: Mapping[str, Mapping[Charge, str]] = {}
    try:
        before = read_baseline(file) if file.exists() else None
        typed = {} if report is not None else _typed(file, targets, before)
        if report is not None:
            seen = read_report(report)
        else:
            seen, varying = _run(typed, specification, runs)
    except BrokenBaseline as error:
        raise click.ClickException(str(error)) from error
    for one in seen.values():
        if one.trouble is not None:
            raise click.ClickException(f"{one.name} has no result to record: {one.trouble}")
    _check_versions(file, seen, before)
    after = mark_flaky(record(seen, before), varying)
    old = set(before.entries) if before else set()
    new = (
        one if one in old or one.reason != NO_REASON else replace(one, reason=reason)
        for one in after.entries
    )
    after = replace(after, entries=tuple(new))
    called = {target.name: name for name, target in typed.items() if target.name != name}
    known_targets = {
        name: replace(one, run=called.get(name, one.run)) for name, one in after.targets.items()
    }
    after = replace(after, targets=known_targets)
    try:
        write_whole(file, dump(after))
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from error
    click.echo(_saved(file, after, seen))


def _typed(file: Path, names: tuple[str, ...], before: Baseline | None) -> dict[str, Target]:
    """Returns the targets to run, by their names on the command line."""
    given = bool(names)
    if not names and before is not None:
        names = tuple(known.run or known.name for known in before.targets.values())
    if not names:
        raise click.UsageError(f"{file} does not exist: name the TARGETs to run, or give --from")
    try:
        return {name: find_target(name) for name in names}
    except TargetNotFound as error:
        if given:
            raise click.UsageError(str(error)) from error
        # A report has the name of a target, and not how it was called.
        needed = f"{file} was saved from a report: name the TARGETs to run"
        raise click.UsageError(f"{needed} ({error})") from error


def _check_versions(file: Path, seen: Mapping[str, Observed], before: Baseline | None) -> None:
    """Refuses a file that would hold results of two versions of the specification."""
    found = sorted({one.specification for one in seen.values()})
    if len(found) > 1:
        raise click.ClickException(f"expected one specification, got {' and '.join(found)}")
    if before is None or not found or before.specification == found[0]:
        return
    missing = sorted(set(before.targets) - set(seen))
    if missing:
        raise click.ClickException(
            f"{file} is of specification {before.specification}, this result of {found[0]}; "
            f"record {', '.join(missing)} in the same command"
        )


def _run(
    typed: Mapping[str, Target], specification: str, runs: int
) -> tuple[dict[str, Observed], dict[str, dict[Charge, str]]]:
    """Runs each target; returns its result, and what varies from run to run."""
    settings = Settings(specification=specification)
    seen: dict[str, Observed] = {}
    varying: dict[str, dict[Charge, str]] = {}
    names = [target.name for target in typed.values()]
    for called, name in zip(typed, names, strict=True):
        if names.count(name) > 1:
            raise BrokenBaseline(f"two results have the target name {name!r}")
        found = [observed(to_json([_judged(called, settings)]))[name] for _ in range(runs)]
        seen[name], varying[name] = merge(found)
    return seen, varying


def _judged(name: str, settings: Settings) -> RunResult:
    """Returns the result of a target, judged in a process of its own: it may end that."""
    results: list[RunResult] = []

    def keep(event: EngineEvent) -> None:
        if isinstance(event, RunFinished):
            results.append(event.result)

    try:
        supervise([name], settings, [keep])
    except Refused as refused:
        raise click.UsageError(str(refused)) from refused
    return results[0]


def _saved(file: Path, after: Baseline, seen: Mapping[str, Observed]) -> str:
    # Counted as the next run will count them.
    again = compare(after, seen, cases=known_cases(), today=today())
    text = f"{file}: {counted(len(after.targets), 'target')}, {counted_known(again.known)}"
    if flaky := sum(entry.flaky for entry in after.entries):
        text += f", {counted(flaky, 'flaky entry', 'flaky entries')}"
    if unexplained := sum(entry.reason == NO_REASON for entry in after.entries):
        text += f"; {counted(unexplained, 'entry needs', 'entries need')} a reason"
    return text


@baseline.command()
@click.argument("before", metavar="A", type=_FILE)
@click.argument("after", metavar="B", type=_FILE)
def diff(before: Path, after: Path) -> None:
    """Shows what got worse and what got better from A to B.

    Each is a baseline file or a JSON report. Exits 1 if anything got worse, or if
    a baseline has an entry that is stale, expired or names nothing; 3 if
    something is undecided; else 0.

    \b
    Examples:
      eventhook-conformance baseline diff before.json after.json
      eventhook-conformance baseline diff known.toml report.json
    """
    try:
        known, now = read_either(before), read_either(after)
    except BrokenBaseline as error:
        raise click.ClickException(str(error)) from error
    _check_same_version(before, known, now)
    cases = known_cases()
    news = compare(
        known if isinstance(known, Baseline) else _reported(known),
        as_observed(now, cases) if isinstance(now, Baseline) else now,
        cases=cases,
        today=today(),
    )
    if isinstance(now, Baseline):
        # An entry accepted in B is accepted; errors in B itself are still reported.
        news.undecided.clear()
        itself = compare(now, {}, cases=cases, today=today())
        news.unknown += itself.unknown
        news.expired += [
            f"{one.where} was accepted until {one.expires}"
            for one in now.entries
            if one.expires is not None and one.expires < today()
        ]
    for line in news.lines():
        click.echo(line)
    sys.exit(news.exit_code)


def _check_same_version(
    file: Path, known: Baseline | Mapping[str, Observed], now: Baseline | Mapping[str, Observed]
) -> None:
    """Refuses a baseline of another version; two reports of different versions may be compared."""
    if not isinstance(known, Baseline):
        return
    ours = {known.specification}
    theirs = (
        {now.specification}
        if isinstance(now, Baseline)
        else {one.specification for one in now.values()}
    )
    for other in sorted(theirs - ours):
        raise click.ClickException(other_version(file, known.specification, other))


def _reported(seen: Mapping[str, Observed]) -> Baseline:
    return replace(record(seen), kept=False)
