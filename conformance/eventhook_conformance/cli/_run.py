"""`run`: judges targets."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path

import click

from eventhook_conformance import __version__
from eventhook_conformance.cli._baseline import against, load
from eventhook_conformance.cli._last_failed import load_last_failed, save_last_failed
from eventhook_conformance.cli._output import Output
from eventhook_conformance.cli._progress import progress_for, stdout_to_stderr
from eventhook_conformance.cli._reports import Reports, report_options
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.cli._suggestions import unknown_in_selection
from eventhook_conformance.engine.events import EngineEvent, RunFinished
from eventhook_conformance.engine.resolve_target import ResolvedTarget, TargetNotFound, resolve
from eventhook_conformance.engine.runner import judge_all
from eventhook_conformance.engine.selection import WrongSelection
from eventhook_conformance.programs import RANDOM_CASE, Program, load_program
from eventhook_conformance.results import RunResult, exit_code
from eventhook_conformance.settings import DEPTHS, Depth, Settings
from eventhook_conformance.target import PROFILES

_DEFAULTS = Settings()


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@report_options
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Choice(PROFILES),
    help="Test this profile only (repeatable).",
)
@specification_option
@click.option(
    "-k",
    "selection",
    metavar="EXPR",
    help="Run only cases that match: part of an ID, a requirement, and/or/not.",
)
@click.option(
    "--seed",
    type=int,
    default=_DEFAULTS.seed,
    show_default=True,
    help="Make the random choices repeatable.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=_DEFAULTS.examples,
    show_default=True,
    help="Number of random histories.",
)
@click.option(
    "--depth",
    type=click.Choice(DEPTHS),
    default=_DEFAULTS.depth,
    show_default=True,
    help="How far counts and silences go; deep takes minutes.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=_DEFAULTS.arrival_timeout_s,
    show_default=True,
    metavar="SECONDS",
    help="Timeout for events that must come.",
)
@click.option(
    "--settle",
    type=click.FloatRange(min=0),
    default=_DEFAULTS.settle_s,
    show_default=True,
    metavar="SECONDS",
    help="How long to listen, once, for events that must not come.",
)
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    metavar="N",
    help="Maximum concurrent cases. [default: 1, or 96 for a distant target]",
)
@click.option(
    "--replay",
    "replay_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Play only the random history saved in this file.",
)
@click.option(
    "--baseline",
    "baseline_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Fail only on failures that this file does not have.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after N cases that failed or could not be decided.",
)
@click.option("-x", "--exitfirst", "exit_first", is_flag=True, help="Same as --max-failures 1.")
@click.option(
    "--last-failed",
    is_flag=True,
    help="Only the cases that failed last, in this directory. All, if none did.",
)
@click.option("--browser", is_flag=True, help="Read the SSE streams with a headless Chromium too.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdicts.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Print every requirement and every failure in full."
)
def run(
    targets: tuple[str, ...],
    profiles: tuple[str, ...],
    specification: str,
    selection: str | None,
    seed: int,
    examples: int,
    depth: Depth,
    timeout: float,
    settle: float,
    at_once: int | None,
    replay_file: Path | None,
    baseline_file: Path | None,
    max_failures: int | None,
    exit_first: bool,
    last_failed: bool,
    browser: bool,
    quiet: bool,
    verbose: bool,
    **files: Path | None,
) -> None:
    """Judges each TARGET: a registered name, module:attribute, or driver:COMMAND.

    \b
    Exits 0 conformant, 1 not conformant, 2 wrong usage or target cannot be
    used, 3 no verdict. Examples:
      eventhook-conformance run memory nats
      eventhook-conformance run my_bus_target:target --json report.json
      eventhook-conformance run nats --html report.html --baseline known.toml
      eventhook-conformance run "driver:./my-driver --verbose"
      eventhook-conformance run nats -k "PUB-04 or TEN"
      eventhook-conformance run my_bus_target:target --specification 1.0
    """
    reports = Reports(files)
    settings = Settings(
        specification=specification,
        seed=seed,
        arrival_timeout_s=timeout,
        settle_s=settle,
        at_once=at_once,
        examples=examples,
        depth=depth,
        profiles=profiles,
        selection=selection or None,
        cases=(load_last_failed(targets) or None) if last_failed else None,
        max_failures=1 if exit_first else max_failures,
        browser=browser,
        failures=Path("eventhook-failures"),
    )
    _exclude("-x", exit_first, "--max-failures", max_failures)
    _exclude("--replay", replay_file, "--last-failed", last_failed)
    if replay_file is not None:
        settings = replace(settings, replay=_program(replay_file), selection=RANDOM_CASE)
    subjects = _resolve(targets, settings)
    known = load(baseline_file, specification) if baseline_file is not None else None
    if known is not None and len({one.target.name for one in subjects}) < len(subjects):
        raise click.UsageError(
            "two targets have the same name, so a baseline cannot tell them apart"
        )
    output = Output(len(subjects), known, quiet=quiet, verbose=verbose)
    output.line(f"eventhook-conformance {__version__}", unless_quiet=True)
    output.hints(unknown_in_selection(selection, specification))
    results: list[RunResult] = []

    def keep_result(event: EngineEvent) -> None:
        if isinstance(event, RunFinished):
            results.append(event.result)
            save_last_failed(event.result)

    try:
        # An interruption shows in the results.
        with (
            progress_for(output.run_done) as progress,
            stdout_to_stderr(),
            contextlib.suppress(KeyboardInterrupt),
        ):
            judge_all(subjects, settings, (keep_result, progress))
    except WrongSelection as error:
        reports = Reports({})  # nothing ran that could replace an older report
        raise click.BadParameter(str(error), param_hint="-k") from error
    finally:
        news = against(known, results) if known is not None else None
        written = reports.write(results, list(news.lines()) if news is not None else ())
    output.finish(reports.paths if written else ())
    code = exit_code(results)
    if news is not None:
        for line in news.lines():
            output.line(line, unless_quiet=line.startswith(("note", "known")))
        code = code if code == 2 else news.exit_code
    sys.exit(code or (0 if written else 3))


def _exclude(option: str, given: object, other: str, other_given: object) -> None:
    if given and other_given:
        raise click.UsageError(f"{option} and {other} exclude each other")


def _program(path: Path) -> Program:
    try:
        return load_program(path)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}", param_hint="--replay") from error


def _resolve(names: tuple[str, ...], settings: Settings) -> list[ResolvedTarget]:
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"target {name!r} is named twice")
    try:
        return [resolve(name, settings.profiles) for name in names]
    except TargetNotFound as error:
        raise click.UsageError(str(error)) from error
