"""Misdeeds that nothing in the process undoes, or that others share: hooks, timers, open descriptions."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from contextlib import suppress

from engine.misdeeds.registry import kept, misdeed


@misdeed
def forbids_files_and_processes_for_good() -> None:
    def forbid(name: str, _: object) -> None:
        if name in {"open", "os.remove", "os.mkdir", "subprocess.Popen", "os.kill"}:
            raise PermissionError(f"{name} is forbidden")

    sys.addaudithook(forbid)


@misdeed
def makes_outputs_non_blocking() -> None:
    """Sets a flag of the open descriptions, which the parent has too."""
    for descriptor in range(64):
        with suppress(OSError):
            os.set_blocking(descriptor, False)
    sys.stderr.write("x" * 300_000 + "\n")


@misdeed
def lets_an_alarm_kill_it() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, 0.01)


@misdeed
def raises_in_a_handler_again_and_again() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a profiler's signal came")

    signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, 0.05, 0.05)


@misdeed
async def shuts_the_executor_down() -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()


@misdeed
def reads_what_is_meant_for_others() -> None:
    """Takes all that can be read from any descriptor, in a thread."""

    def take() -> None:
        while True:
            for name in range(3, 64):
                with suppress(OSError, ValueError):
                    if select.select([name], [], [], 0)[0]:
                        os.read(name, 65_536)

    thread = threading.Thread(target=take, daemon=True)
    kept.append(thread)
    thread.start()


@misdeed
def replaces_the_handlers_of_threads() -> None:
    def leave(*_: object) -> None:
        os._exit(0)

    sys.excepthook = sys.unraisablehook = threading.excepthook = leave
    threading.Thread(target=lambda: 1 / 0).start()


@misdeed
def ends_its_parent() -> None:
    """Ends its parent."""
    os.kill(os.getppid(), signal.SIGTERM)


@misdeed
def signals_its_parent() -> None:
    """Sends its parent what ends a process that does not handle it."""
    for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN):
        os.kill(os.getppid(), number)
