"""Misdeeds that end the process, or have it end otherwise."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import os
import signal
import sys
import threading
import time

from engine.misdeeds.raising import Odd, raising
from engine.misdeeds.registry import misdeed


@misdeed
def exits_0() -> None:
    os._exit(0)


@misdeed
def exits_1() -> None:
    os._exit(1)


@misdeed
def crashes() -> None:
    ctypes.string_at(0)


@misdeed
def aborts() -> None:
    os.abort()


@misdeed
def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@misdeed
def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@misdeed
def stops_its_supervisor() -> None:
    os.kill(os.getppid(), signal.SIGSTOP)


@misdeed
def interrupts_itself() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@misdeed
def replaces_itself() -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606  # because: it is a misdeed


@misdeed
def exits_at_exit() -> None:
    atexit.register(os._exit, 0)


@misdeed
def hangs_at_exit() -> None:
    atexit.register(time.sleep, 3600)


@misdeed
def forks() -> None:
    os.fork()


@misdeed
def forks_and_stays() -> None:
    if os.fork() == 0:
        time.sleep(3600)


@misdeed
def ends_its_group() -> None:
    os.killpg(0, signal.SIGTERM)


@misdeed
def exits_for_each_signal() -> None:
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGABRT):
        signal.signal(number, lambda *_: os._exit(0))
    os.kill(os.getpid(), signal.SIGTERM)


@misdeed
def exits_for_each_exception() -> None:
    sys.excepthook = threading.excepthook = sys.unraisablehook = lambda *_: os._exit(0)  # type: ignore[assignment]  # because: it is a misdeed
    asyncio.get_running_loop().set_exception_handler(lambda *_: os._exit(0))


@misdeed
def crashes_at_exit() -> None:
    atexit.register(ctypes.string_at, 0)


@misdeed
def fails_at_exit() -> None:
    atexit.register(sys.exit, 0)
    atexit.register(raising(Odd("no")))
