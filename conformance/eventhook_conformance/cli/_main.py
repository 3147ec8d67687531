"""`eventhook-conformance`: one command per module of this package."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from eventhook_conformance import __version__
from eventhook_conformance.engine.judge_start import discard_early, start_early
from eventhook_conformance.engine.termination import end_in_order_on_sigterm

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Raised by click 8.2 and later where a group has no command; its message is the help."""


_COMMANDS: Final = {
    "run": "_run:run",
    "baseline": "_baseline:baseline",
    "list": "_list:list_command",
    "docs": "_docs:docs",
    "explain": "_explain:explain",
    "init": "_init:init",
    "self-test": "_self_test:self_test",
    "mutate": "_mutate:mutate",
    "driver": "_driver:driver",
    "driver-check": "_driver_check:driver_check",
    "bench": "_bench:bench_command",
    "serve": "_serve:serve",
    "repeat": "_repeat:repeat_command",
    "verdict": "_verdict:verdict",
}
"""Module and attribute of each command: one is imported when it is asked for, as `run` starts quickly."""


_ALONE: Final = frozenset({"--in-process", "--help", "-h"})
"""Options with which `run` starts no other process."""


class _OneLine(click.Group):
    """Prints an error in one line; click itself takes three. Imports commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"{__package__}.{module}"), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _leave_broken_pipe()  # click itself would end with 1, which means a verdict here

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
            if _judges_elsewhere(sys.argv[1:] if args is None else args):
                start_early()
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except _NO_ARGUMENTS as error:
            click.echo(error.format_message())
            sys.exit(2)
        except click.ClickException as error:
            click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Error: interrupted", err=True)
            sys.exit(3)
        except Exception as error:  # because: a traceback says nothing to a user
            if sys.flags.dev_mode:
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            click.echo(f"Error: the suite failed: {text} ({place})", err=True)
            sys.exit(3)
        finally:
            discard_early()
        sys.exit(code if isinstance(code, int) else 0)


def _judges_elsewhere(args: Sequence[str]) -> bool:
    """Returns whether a command will surely need a process that judges, if it is right."""
    return args[:1] == ["run"] and _ALONE.isdisjoint(args)


def _leave_broken_pipe() -> NoReturn:
    """Ends the program after its reader closed the pipe, without an error of the interpreter."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(3)


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
