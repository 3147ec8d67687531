"""`repeat`: runs the suite many times, to see whether the verdict changes."""

from __future__ import annotations

import sys
from collections import Counter

import click

from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.selftest.stability import repeat


@click.command(name="repeat")
@click.argument("target")
@click.option(
    "--runs", type=click.IntRange(min=2), default=20, show_default=True, help="Number of runs."
)
@click.option("--load", is_flag=True, help="Keep all processors busy in every second run.")
def repeat_command(target: str, runs: int, load: bool) -> None:
    """Runs the suite many times, and reports what changed.

    Always judges the same TARGET, each time in a process of its own.

    \b
    Exits 0 if all runs have the same result, else 1. Example:
      eventhook-conformance repeat nats --runs 50 --load
    """
    try:
        find_target(target)
    except TargetNotFound as error:
        raise click.UsageError(str(error)) from error
    verdicts: Counter[str] = Counter()
    changed = 0
    for one in repeat(target, runs, loaded=load):
        verdicts[one.verdict] += 1
        changed += bool(one.changes)
        under = " under load" if one.loaded else ""
        click.echo(f"{one.number:>4} of {runs}  {one.verdict}{under}  {one.duration_s:.1f} s")
        for change in one.changes:
            click.echo(f"      {change}")
    summary = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    click.echo(f"\n{target}: {runs} runs: {summary}; {changed} with a case that changed")
    sys.exit(0 if len(verdicts) == 1 and not changed else 1)
