"""`run`: judges targets."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from eventhook_conformance.cli._in_process import is_debugged, judge_here
from eventhook_conformance.cli._last_failed import load_last_failed, save_last_failed
from eventhook_conformance.cli._output import Output
from eventhook_conformance.cli._progress import progress_for
from eventhook_conformance.cli._reports import docs_url_option, report_options
from eventhook_conformance.cli._specification import specification_option
from eventhook_conformance.cli._suggestions import unknown_in_selection
from eventhook_conformance.engine.events import EngineEvent, RunFinished
from eventhook_conformance.engine.shares import MOST_PROCESSES
from eventhook_conformance.engine.supervisor import Refused, supervise
from eventhook_conformance.report.files import Reports
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
    help="Seed of the random choices; the same seed repeats them.",
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
    help="How many events and how long silences cases use; deep takes up to five times as long as normal.",
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
@docs_url_option
@click.option("--browser", is_flag=True, help="Read the SSE streams with a headless Chromium too.")
@click.option(
    "--processes",
    type=click.IntRange(min=1, max=MOST_PROCESSES),
    default=1,
    show_default=True,
    metavar="N",
    help="Share the cases among N processes; each opens the target anew.",
)
@click.option(
    "--in-process",
    is_flag=True,
    help="Judge in this process, as a debugger needs it. A target may end it then.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdicts.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Print every requirement and every failure in full."
)
def run(  # noqa: C901  # because: it reads from top to bottom
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
    docs_url: str,
    browser: bool,
    processes: int,
    in_process: bool,
    quiet: bool,
    verbose: bool,
    **files: Path | None,
) -> None:
    """Judges each TARGET by the specification.

    TARGET is a registered name, module:attribute, or driver:COMMAND LINE.

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
        docs_url=docs_url,
    )
    _exclude("-x", exit_first, "--max-failures", max_failures)
    _exclude("--replay", replay_file, "--last-failed", last_failed)
    _exclude("--processes", processes > 1, "--in-process", in_process)
    _exclude("--processes", processes > 1, "--max-failures", max_failures or exit_first)
    if replay_file is not None:
        settings = _replaying(settings, replay_file)
    for name in targets:
        if targets.count(name) > 1:
            raise click.UsageError(f"target {name!r} is named twice")
    comparing = _Comparing(baseline_file, specification)
    output = Output(len(targets), comparing.known, quiet=quiet, verbose=verbose)
    hints = unknown_in_selection(selection, specification)
    results: list[RunResult] = []

    def keep_result(event: EngineEvent) -> None:
        output.begin(hints)
        if isinstance(event, RunFinished):
            results.append(event.result)
            save_last_failed(event.result)

    here = in_process or is_debugged()
    judge = (
        judge_here
        if here
        else partial(supervise, processes=processes, drawn=reports.asked_for("html"))
    )
    trouble: Exception | None = None
    try:
        # An interruption shows in the results.
        with progress_for(output.run_done) as progress, contextlib.suppress(KeyboardInterrupt):
            judge(targets, settings, (keep_result, progress), distinct=comparing.known is not None)
        if not results:
            raise click.Abort
    except Refused as refused:
        reports = Reports({})  # nothing was measured that could replace an older report
        if refused.option is not None:
            raise click.BadParameter(str(refused), param_hint=refused.option) from refused
        raise click.UsageError(str(refused)) from refused
    except Exception as error:  # because: the reports hold the results until then
        if not results:
            raise
        trouble = error
    finally:
        lines = comparing.compare(results)
        # An empty report says nothing that could replace an older one.
        written = bool(results) and reports.write(results, lines)
    output.finish(reports.paths if written else ())
    code = exit_code(results)
    for line in lines:
        output.line(line, unless_quiet=line.startswith(("note", "known")))
    if comparing.exit_code is not None and code != 2:
        code = comparing.exit_code
    if trouble is not None:
        output.error(
            f"the suite failed: {type(trouble).__name__}: {' '.join(str(trouble).split())}"
        )
    sys.exit(code or (0 if written and trouble is None else 3))


def _exclude(option: str, given: object, other: str, other_given: object) -> None:
    if given and other_given:
        raise click.UsageError(f"{option} and {other} exclude each other")


def _replaying(settings: Settings, file: Path) -> Settings:
    from eventhook_conformance.programs import RANDOM_CASES, load_program

    try:
        program = load_program(file)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{file}: {error}", param_hint="--replay") from error
    return replace(settings, replay=program, selection=RANDOM_CASES)


class _Comparing:
    """Compares results with the baseline, if there is one. Imports what that needs only then.

    Raises:
        click.BadParameter: it cannot be used.
    """

    def __init__(self, file: Path | None, specification: str) -> None:
        self.known = None
        self.exit_code: int | None = None
        """The exit code that the comparison asks for."""
        if file is not None:
            from eventhook_conformance.baseline.option import load

            self.known = load(file, specification)

    def compare(self, results: list[RunResult]) -> list[str]:
        """Returns the differences to the baseline, in lines."""
        if self.known is None:
            return []
        from eventhook_conformance.baseline.option import against

        news = against(self.known, results)
        self.exit_code = news.exit_code
        return list(news.lines())
