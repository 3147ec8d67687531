"""Ends the processes that a judging process left, wherever they have gone.

A driver has a session of its own, and what it starts may have another: the environment that all of them
inherit tells to whom they belong. One that sheds that as well becomes a child of the supervisor when its
parent ends, where the system can do so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eventhook_conformance.engine.leaks import children

JUDGE: Final = "EVENTHOOK_JUDGE"
"""The variable that marks them."""
_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS: Final = 5
"""They may start others until they are ended."""


@contextlib.contextmanager
def ending_orphans() -> Iterator[None]:
    """Adopts the processes whose parents end within the context, and kills what is left of them."""
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
