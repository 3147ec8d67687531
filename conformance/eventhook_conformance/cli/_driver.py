"""`driver`: serves a Python target over the driver protocol."""

from __future__ import annotations

import click

from eventhook_conformance import __version__
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target


@click.command()
@click.argument("target", metavar="TARGET")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve one connection after the other there; port 0 takes a free one.",
)
def driver(target: str, listen: str | None) -> None:
    """Serves a TARGET in Python over the driver protocol.

    Uses standard input and output, or a port.

    \b
    Examples:
      eventhook-conformance run "driver:eventhook-conformance driver memory"
      eventhook-conformance driver memory --listen 127.0.0.1:7000
      eventhook-conformance run driver:tcp://127.0.0.1:7000
    """
    if listen is None:
        _serve(target)
        return
    # Only this command pays for the import.
    from eventhook_conformance.driver.attaching import host_and_port
    from eventhook_conformance.driver.attaching import listen as listen_on

    try:
        host, port = host_and_port(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from error
    try:
        listen_on(host, port, lambda: _serve(target))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen}: {error.strerror}") from error


def _serve(target: str) -> None:
    from eventhook_conformance.driver.server import serve
    from eventhook_conformance.driver.standard_streams import ProtocolOutput

    # Entered before the import of the target's module, which may print.
    with ProtocolOutput() as output:
        try:
            found = find_target(target)
        except TargetNotFound as error:
            raise click.UsageError(str(error)) from error
        serve(found, __version__, output)
