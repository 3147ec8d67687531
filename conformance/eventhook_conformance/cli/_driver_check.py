"""`driver-check`: checks the protocol of a driver, not its bus."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import PurePath

import click

from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.report.text import counted, filled


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, metavar="COMMAND LINE", type=click.UNPROCESSED)
def driver_check(command: Sequence[str]) -> None:
    """Checks that COMMAND LINE speaks the driver protocol.

    Reports errors of the protocol. It judges no bus; `run "driver:COMMAND LINE"` does.
    Exits 0 if all checks hold, else 1.

    \b
    Example:
      eventhook-conformance driver-check eventhook-conformance driver memory
    """
    from eventhook_conformance.driver.attaching import words_of

    try:
        words = words_of(command[0] if len(command) == 1 else shlex.join(command))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not words:
        raise click.UsageError("expected a command line, got an empty text")
    sys.exit(run_in_loop(_check(words, PurePath(shlex.split(command[0])[0]).name)))


async def _check(command: Sequence[str], label: str) -> int:
    # Only this command pays for the import.
    from eventhook_conformance.driver.check_runner import check_driver
    from eventhook_conformance.driver.stderr import Outlet

    wrong = count = 0
    async for finding in check_driver(command, label, Outlet()):
        count += 1
        click.echo(f"{'ok   ' if finding.wrong is None else 'WRONG'}  {finding.title}")
        if finding.wrong is not None:
            wrong += 1
            click.echo("\n".join(filled(" " * 7, finding.wrong)))
    click.echo(
        f"\n{count - wrong} of {counted(count, 'check')} hold"
        if wrong
        else f"\nall {count} checks hold"
    )
    return 1 if wrong else 0
