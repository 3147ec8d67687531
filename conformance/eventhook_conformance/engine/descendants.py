"""Ends the processes that a judging process left, wherever they have gone.

A driver has a session of its own, and what it starts may have another: the environment that all of them
inherit tells to whom they belong. A process that
clears its environment becomes a child of the supervisor when its parent ends, if the system can do so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eventhook_conformance.engine.judge_start import JUDGE

_getpid: Final = os.getpid
_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS: Final = 5
"""They may start others until they are ended."""


@contextlib.contextmanager
def ending_orphans() -> Iterator[None]:
    """Adopts the processes whose parents end within the context, and kills those left at its end."""
    before = set(children())
    _adopt_orphans(yes=True)
    try:
        yield
    finally:
        for _ in range(_ROUNDS):
            found = children().keys() - before
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
            if not found:
                break
        _adopt_orphans(yes=False)


def _adopt_orphans(*, yes: bool) -> None:
    with contextlib.suppress(OSError, AttributeError):  # because: Linux alone has it
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def children() -> dict[int, str]:
    """Returns the child processes that run, with the names of their programs; none where the system
    does not tell.
    """
    found: dict[int, str] = {}
    for listing in Path(f"/proc/{_getpid()}/task").glob("*/children"):
        with contextlib.suppress(OSError, ValueError):
            for pid in map(int, listing.read_text(encoding="ascii").split()):
                status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
                name, _, rest = status.partition("(")[2].rpartition(")")
                if rest.split()[0] != "Z":
                    found[pid] = name
    return found


def end_marked(mark: str) -> None:
    """Kills all processes with this mark, where the system shows environments."""
    for _ in range(_ROUNDS):
        found = list(_marked(f"{JUDGE}={mark}".encode()))
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break


def _marked(entry: bytes) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if entry in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)
