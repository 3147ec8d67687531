"""The process that judges a target, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from eventhook_conformance.engine.descendants import end_marked
from eventhook_conformance.engine.framing import FrameReader
from eventhook_conformance.engine.judge_request import JudgeRequest
from eventhook_conformance.engine.judge_start import started_judge
from eventhook_conformance.engine.process_end import describe_end, last_stack
from eventhook_conformance.settings import Settings

_CHUNK: Final = 1 << 16
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CONTAINER: Final = Path("/sys/fs/cgroup/memory.max")
_TICK_S: Final = 0.05
_LAST_S: Final = 3.0
"""How long a process may take to write its stack, or to end after its last word, in seconds."""


class JudgeChild:
    """Starts the process at once; leaving the context ends it, and all of its process group.

    Args:
        target: as the user named it.
        settings: the user's settings.
        end_s: how long it may take to end by itself, in seconds.
        drawn: its results carry diagrams.
    """

    def __init__(
        self, target: str, settings: Settings, end_s: float, *, drawn: bool = False
    ) -> None:
        self.target = target
        self.ended = False
        """The process is gone, and all that it told was read."""
        self._end_s = end_s
        self._hung_up = False
        started = started_judge()
        self._began, self._mark = started.began, started.mark
        self._process, self._stacks = started.process, started.stacks
        self._channel = started.channel
        self._reader = FrameReader(self._mark.encode())
        channel, stacks = started.numbers
        started.ask(
            JudgeRequest(
                target=target,
                settings=settings,
                drawn=drawn,
                argv=sys.argv,
                channel=channel,
                stacks=stacks,
                mark=self._mark.encode(),
            )
        )
        self._channel.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._channel.close()
        self._stacks.close()

    @property
    def lost(self) -> int:
        """The number of messages that were damaged on their way."""
        return self._reader.lost

    @property
    def age_s(self) -> float:
        """The seconds since the process was started."""
        return time.perf_counter() - self._began

    def starved_s(self) -> float:
        """Returns for how long the process was ready and had no processor; 0 where unknown."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            told = Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii")
            return int(told.split()[1]) / 1e9
        return 0.0

    def memory_bytes(self) -> int:
        """Returns how much memory the process has, in bytes; 0 where unknown."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            told = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii")
            return int(told.split()[1]) * _PAGE_BYTES
        return 0

    def go(self, place: int = 0, processes: int = 1) -> None:
        """Makes the process judge its target now.

        Args:
            place: its place among those that share the cases.
            processes: how many there are.
        """
        with contextlib.suppress(OSError):
            self._channel.send(bytes([place, processes]))

    def interrupt(self) -> None:
        """Asks the process to end early, with a result."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def read(self, timeout_s: float) -> list[dict[str, Any]]:
        """Returns the process's last message, after waiting for its end; see `ended`."""
        if gone := self._has_ended():
            # A copy of the process may hold the channel open for ever: reads only what is in it.
            timeout_s = 0.0
        while select.select([self._channel], [], [], timeout_s)[0]:
            try:
                data = self._channel.recv(_CHUNK)
            except OSError:
                data = b""
            if not data:
                self._await_end(_LAST_S)
                self.ended = True
                return []
            if messages := self._reader.feed(data):
                return messages
        self.ended = gone
        return []

    def epitaph(self) -> str:
        """Returns how the process ended, and where it stood, in words."""
        self.kill()
        return self._located(describe_end(self._process.returncode))

    def put_down(self, why: str) -> str:
        """Ends a process that does not answer; returns why, and where it stood, in words."""
        if not self._has_ended():
            self._process.send_signal(signal.SIGABRT)
            self._await_end(_LAST_S)
        self.kill()
        return self._located(why)

    def close(self, hurry: Callable[[], bool]) -> None:
        """Waits until the process has ended, within its time and unless hurried; then kills it."""
        self._await_end(self._end_s, hurry)
        self.kill()

    def kill(self) -> None:
        """Ends the process at once, and all that it started, in any session."""
        if self._process.returncode is None:
            # While it is not waited for, its number belongs to no other group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            end_marked(self._mark)

    def _located(self, what: str) -> str:
        self._stacks.seek(0)
        where = last_stack(self._stacks.read().decode(errors="replace"))
        return f"{what}, in {where}" if where else what

    def _has_ended(self) -> bool:
        if self._process.returncode is not None:
            return True
        # It is not waited for yet: `kill` says why.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _await_end(self, limit_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
        ticks = int(limit_s / _TICK_S)
        while not self._has_ended() and ticks > 0 and not hurry():
            ticks -= 1
            # Reads its last messages, so that it does not block on writing them.
            if not self._hung_up and select.select([self._channel], [], [], _TICK_S)[0]:
                with contextlib.suppress(OSError):
                    self._hung_up = not self._channel.recv(_CHUNK)
            elif self._hung_up:
                time.sleep(_TICK_S)


def machine_bytes() -> int:
    """Returns how much memory this machine has, in bytes, or what its container may use."""
    most = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    with contextlib.suppress(OSError, ValueError):
        most = min(most, int(_CONTAINER.read_text(encoding="ascii")))
    return most
