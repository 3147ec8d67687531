"""Child processes that end with this one: started apart, told by their standard input."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

END_TIMEOUT_S: Final = 10.0
"""Seconds within which a process that was told to end must be gone, and once more after SIGKILL."""

_POLL_S: Final = 0.002


def spawn(command: Sequence[str], log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, with a pipe to its standard input."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=log or subprocess.DEVNULL,
        stderr=log or subprocess.DEVNULL,
        start_new_session=True,
    )


def has_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Returns whether all its threads stand still, or it ended; WNOWAIT leaves its exit code to Popen."""
    if not hasattr(os, "waitid"):
        return True  # macOS before Python 3.13 has no way to ask.
    options = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, process.pid, options) is not None


def write_line(process: subprocess.Popen[bytes], line: str) -> None:
    """Writes a line to a process; does nothing if it is gone."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # because: a process that is gone needs no word
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()


def close_stdin(process: subprocess.Popen[bytes]) -> None:
    """Closes the standard input of a process."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # because: a failed write leaves its line in the buffer
            process.stdin.close()


async def wait_until_ended(process: subprocess.Popen[bytes]) -> None:
    """Waits until a process that was told to end is gone; the event loop runs on meanwhile.

    One that takes its time is killed. A cancellation is raised only afterwards: a caller that is
    cancelled twice leaves nothing behind either.

    Raises:
        TimeoutError: it is not gone even so.
    """
    clock = asyncio.get_running_loop().time
    limit, killed = clock() + END_TIMEOUT_S, False
    cancelled: asyncio.CancelledError | None = None
    while process.poll() is None:
        if clock() >= limit:
            if killed:
                raise TimeoutError(f"process {process.pid} did not end within {END_TIMEOUT_S:g} s")
            process.kill()
            limit, killed = clock() + END_TIMEOUT_S, True
        try:
            await asyncio.sleep(_POLL_S)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
