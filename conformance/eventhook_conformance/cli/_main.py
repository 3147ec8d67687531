"""`eventhook-conformance`: one command per module of this package."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from eventhook_conformance import __version__
from eventhook_conformance.cli._baseline import baseline
from eventhook_conformance.cli._bench import bench_command
from eventhook_conformance.cli._driver import driver
from eventhook_conformance.cli._driver_check import driver_check
from eventhook_conformance.cli._explain import explain
from eventhook_conformance.cli._init import init
from eventhook_conformance.cli._list import list_command
from eventhook_conformance.cli._mutate import mutate
from eventhook_conformance.cli._repeat import repeat_command
from eventhook_conformance.cli._run import run
from eventhook_conformance.cli._self_test import self_test
from eventhook_conformance.cli._serve import serve
from eventhook_conformance.engine.termination import end_in_order_on_sigterm

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Raised by click 8.2 and later where a group has no command; its message is the help."""


class _OneLine(click.Group):
    """Prints an error in one line; click itself takes three."""

    def main(  # type: ignore[override]  # because: click overloads it by the literal of one flag
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        end_in_order_on_sigterm()
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except _NO_ARGUMENTS as error:
            click.echo(error.format_message())
            sys.exit(2)
        except click.ClickException as error:
            click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
            sys.exit(2)
        except click.Abort:
            click.echo("Error: interrupted", err=True)
            sys.exit(3)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(
    cls=_OneLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.version_option(__version__, prog_name="eventhook-conformance")
def main() -> None:
    """Judges whether an event bus does what it promises.

    \b
    Example:
      eventhook-conformance run memory nats
    """


main.add_command(run)
main.add_command(baseline)
main.add_command(list_command, name="list")
main.add_command(explain)
main.add_command(init)
main.add_command(self_test)
main.add_command(mutate)
main.add_command(driver)
main.add_command(driver_check)
main.add_command(bench_command)
main.add_command(serve)
main.add_command(repeat_command)
