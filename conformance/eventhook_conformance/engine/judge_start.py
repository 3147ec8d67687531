"""Starts the process that judges a target: it imports its modules while its parent does the same.

The start of a command is mostly imports, so `run` has its first process started before anything else.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, Final, cast

JUDGE: Final = "EVENTHOOK_JUDGE"
"""The variable that marks the process, and all that it starts."""
_PROGRAM: Final = """
import pickle, sys
try:
    sys.path[:] = pickle.load(sys.stdin.buffer)
except EOFError:
    sys.exit(0)
from eventhook_conformance.engine.judge_process import main
main()
"""
_early: list[StartedJudge] = []
"""The process that was started in advance."""


class StartedJudge:
    """A process that waits for its request; it ends by itself when its parent does."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.mark = secrets.token_hex(8)
        self.path = list(sys.path)
        """Where it looks for modules."""
        self.channel, self._theirs = socket.socketpair()
        self.stacks = tempfile.TemporaryFile()  # noqa: SIM115  # because: whoever takes it closes it
        self.numbers = self._theirs.fileno(), self.stacks.fileno()
        """The descriptors of its end of the channel, and of the file for its stack."""
        with self._theirs:
            self.process = subprocess.Popen(
                # -P: a file of the user's may be called as a module of the standard library.
                [sys.executable, *_interpreter_flags(), "-P", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=_standard_error(),
                pass_fds=self.numbers,
                start_new_session=True,
                env={**os.environ, JUDGE: self.mark},
            )
        self._pipe = cast("IO[bytes]", self.process.stdin)  # it was asked for
        with contextlib.suppress(BrokenPipeError):
            self._pipe.write(pickle.dumps(self.path))
            self._pipe.flush()

    def ask(self, request: object) -> None:
        """Hands over the request."""
        with contextlib.suppress(BrokenPipeError), self._pipe:
            self._pipe.write(pickle.dumps(request))

    def discard(self) -> None:
        """Ends the process, which was asked for nothing."""
        self.process.kill()
        self.process.wait()
        for one in (self._pipe, self.channel, self.stacks):
            with contextlib.suppress(OSError):
                one.close()


def start_early() -> None:
    """Starts a process that will be asked for soon; `discard_early` has to come in the end."""
    _early.append(StartedJudge())


def discard_early() -> None:
    """Ends the process that was started early, if nobody took it."""
    while _early:
        _early.pop().discard()


def started_judge() -> StartedJudge:
    """Returns the process that was started early, if it is still right, else a new one."""
    if _early and _early[-1].path == sys.path:
        return _early.pop()
    discard_early()
    return StartedJudge()


def _interpreter_flags() -> list[str]:
    """Returns the options that this interpreter was started with."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  # because: multiprocessing starts its processes with these
    return flags


def _standard_error() -> int:
    """Returns where a target's standard output goes: it is not the suite's."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # because: a stream in memory has no descriptor
        return subprocess.DEVNULL
