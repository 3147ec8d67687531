"""Ends a command on SIGTERM as on Ctrl-C: ends its processes, and removes its folders."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

FAREWELL_S: Final = 20.0
"""Seconds that a process of ours has to end in order."""


def end_in_order_on_sigterm() -> None:
    """Makes SIGTERM act as SIGINT in this process, and passes it on to its workers.

    Does nothing outside the main thread, where signals cannot be handled.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    import multiprocessing  # takes time at every start; needed here alone

    for worker in multiprocessing.active_children():
        if worker.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts background jobs so; they are to end all the same when they are told to.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def end_workers(limit_s: float = FAREWELL_S) -> None:
    """Ends the worker processes of this one: in order where they can, by SIGKILL after the limit.

    One that was interrupted at a lock of its pool may wait for it for ever, and its pool for the worker.

    Args:
        limit_s: seconds that all of them together have to end in order.
    """
    import multiprocessing  # takes time at every start; needed here alone

    workers, latest = multiprocessing.active_children(), time.monotonic() + limit_s
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(max(0.0, latest - time.monotonic()))
        if worker.is_alive():
            worker.kill()
            worker.join()


def end_with_parent() -> None:
    """Ends this worker process, started by multiprocessing, within a moment of its parent's end.

    A worker holds both ends of its pool's pipes, so that one whose parent was killed waits for ever.
    """
    import multiprocessing  # takes time at every start; needed here alone

    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent,), name="parent-watch", daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def child_process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Starts another command of ours; on leaving it has ended, in order where it can.

    Args:
        command: its words.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=FAREWELL_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
