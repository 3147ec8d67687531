"""Measures the time of a wait in which code that was ready had no processor.

On a busy machine a wait may run out before the target, or this process, had its turn. Where the
system tells (Linux does, by `schedstat`), that time is measured: of all threads of this process and
of those that it started, such as a driver or a server. For a bus that lives elsewhere, the pressure
on the machine's processors stands for it; a target that has opened no socket has no bus elsewhere.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

_SAME_S: Final = 0.005
_PROC: Final = Path("/proc")
_PRESSURE: Final = _PROC / "pressure" / "cpu"
_LISTS_CHILDREN: Final = (_PROC / f"{os.getpid()}/task/{os.getpid()}/children").exists()


class StarvationMeter:
    """Counts the seconds for which what a wait depends on was ready, and had no processor.

    Args:
        elsewhere: the bus may run in a process that the suite did not start. If the target opens a
            socket to it, the pressure on the machine's processors counts too.
    """

    def __init__(self, *, elsewhere: bool = False) -> None:
        self._elsewhere = elsewhere
        self._own_sockets = _sockets() if elsewhere else frozenset()
        self._read_at = -_SAME_S
        self._same_s = _SAME_S
        self._last_s = 0.0

    def read(self) -> float:
        """Returns the seconds so far; only the difference of two readings means something.

        Many waits may end at the same time, and a driver may have a thread for each: looking at all
        threads takes no more than half of the time.
        """
        now = monotonic()
        if now - self._read_at >= self._same_s:
            self._last_s = self._starved_s()
            self._read_at = monotonic()
            self._same_s = max(_SAME_S, self._read_at - now)
        return self._last_s

    def _starved_s(self) -> float:
        descendants = list(_descendants(os.getpid()))
        if self._elsewhere and not descendants and _sockets() - self._own_sockets:
            return _pressure_s() + _process_starved_s(os.getpid())
        return sum(_process_starved_s(pid) for pid in (os.getpid(), *descendants))


def _sockets() -> frozenset[str]:
    """Returns the sockets that this process has open, as the system names them."""
    found = set()
    with suppress(OSError):
        for entry in (_PROC / "self" / "fd").iterdir():
            with suppress(OSError):
                found.add(str(entry.readlink()))
    return frozenset(one for one in found if one.startswith("socket:"))


def _process_starved_s(pid: int) -> float:
    return sum(_schedstat(thread / "schedstat") for thread in _threads(pid))


def _threads(pid: int) -> list[Path]:
    with suppress(OSError):
        return list((_PROC / str(pid) / "task").iterdir())
    return []


def _schedstat(path: Path) -> float:
    with suppress(OSError, ValueError, IndexError):
        return int(path.read_bytes().split()[1]) / 1e9
    return 0.0


def _pressure_s() -> float:
    """Returns for how many seconds anything on this machine waited for a processor."""
    with suppress(OSError, ValueError, IndexError):
        some = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    return 0.0


def _descendants(root: int) -> Iterator[int]:
    """Yields the processes that this one started, and those that they started."""
    listed = _LISTS_CHILDREN
    parents: dict[int, list[int]] = {} if listed else _by_parent()
    waiting = _children(root) if listed else parents[root]
    while waiting:
        pid = waiting.pop()
        waiting += _children(pid) if listed else parents[pid]
        yield pid


def _children(pid: int) -> list[int]:
    """Returns the children of a process, as the system lists them: searching all takes long."""
    found: list[int] = []
    for thread in _threads(pid):
        with suppress(OSError, ValueError):
            found += map(int, (thread / "children").read_bytes().split())
    return found


def _by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    with suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and (parent := _parent(entry)) is not None:
                children[parent].append(int(entry.name))
    return children


def _parent(entry: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        # The name in parentheses may hold anything, blanks and parentheses too.
        return int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    return None
