"""`driver`: serves a Python target over the driver protocol."""

from __future__ import annotations

import click

from eventhook_conformance import __version__
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target


@click.command()
@click.argument("target", metavar="TARGET")
def driver(target: str) -> None:
    """Serves TARGET over the driver protocol, on standard input and output.

    \b
    Example:
      eventhook-conformance run "driver:eventhook-conformance driver memory"
    """
    # Only this command pays for the import.
    from eventhook_conformance.driver.server import serve
    from eventhook_conformance.driver.standard_streams import Output

    # Entered before the import of the target's module, which may print.
    with Output() as output:
        try:
            found = find_target(target)
        except TargetNotFound as error:
            raise click.UsageError(str(error)) from error
        serve(found, __version__, output)
