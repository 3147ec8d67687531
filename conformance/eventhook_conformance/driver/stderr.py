"""A driver's standard error: passed through with a label; its last lines and the head of its crash kept."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import weakref
from collections import deque
from typing import Final

_KEPT: Final = 6
_LINE_SHOWN: Final = 400
_PASSED_ON: Final = 2000
_CHUNK: Final = 64 * 1024
_CRASH: Final = re.compile(
    r"\s*(panic:|fatal error:|thread '.*' panicked|Exception in thread|Caused by:|Uncaught |Unhandled "
    r"|[\w.$]*(Error|Exception)\b)"
)
"""Begins a line that says why a program ends, in Go, Rust, Java, Node and others; a stack follows it."""


class Outlet:
    """Writes labelled lines to the standard error as it was when this was made.

    Duplicates the descriptor, since pytest captures it later. A stream in memory has none; it gets
    the text itself.
    """

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._descriptor: int | None = None
        try:
            self._descriptor = os.dup(sys.stderr.fileno())
        except (OSError, ValueError, AttributeError):
            return  # no descriptor to take
        weakref.finalize(self, os.close, self._descriptor)

    def line(self, label: str, text: str) -> None:
        """Writes one line."""
        line = f"[{label}] {text}\n"
        try:
            if self._descriptor is not None:
                os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
            elif self._stream is not None:
                self._stream.write(line)
        except (OSError, ValueError):
            self._stream = None  # closed: nobody can read it, so this is no failure
            self._descriptor = None


class Lines:
    """Reads one process's standard error to its end.

    Args:
        label: how each line is marked.
        outlet: where they go.
    """

    def __init__(self, label: str, outlet: Outlet) -> None:
        self.label = label
        self._outlet = outlet
        self._last: deque[str] = deque(maxlen=_KEPT)
        self._crash: list[str] = []
        """The newest line that begins a crash, and the one after it."""
        self._crash_at = 0
        self._count = 0

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Reads until the stream ends; a line of any length is taken in pieces."""
        rest = b""
        while chunk := await reader.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(rest) > _CHUNK:
                self._take(rest)
                rest = b""
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        shown = text if len(text) <= _LINE_SHOWN else f"{text[:_LINE_SHOWN]}…"
        self._last.append(shown)
        self._count += 1
        if _CRASH.match(shown):
            self._crash, self._crash_at = [shown], self._count
        elif self._crash and self._count == self._crash_at + 1:
            self._crash.append(shown)
        if self._count <= _PASSED_ON:
            self._outlet.line(self.label, shown)
        elif self._count == _PASSED_ON + 1:
            self._outlet.line(self.label, "(more of its standard error is not shown)")

    def last(self) -> str:
        """Returns the last lines, in one, after the head of a crash; empty if there were none."""
        left_out = self._count - len(self._last) + 1 - self._crash_at
        head = self._crash[:left_out] if self._crash and left_out > 0 else []
        lines = [*head, *(["…"] if left_out > len(head) > 0 else []), *self._last]
        return " | ".join(line.strip() for line in lines if line.strip())
