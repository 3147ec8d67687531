"""Standard input and output of a driver in Python."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from eventhook_conformance.driver.messages import MAX_LINE_BYTES


async def read_lines(take: Callable[[bytes], None]) -> None:
    """Hands each line of standard input to `take`, until the input ends."""
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except ValueError:
        # A file is all there already, and no event loop can wait for one.
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
    while line := await reader.readline():
        take(line)


class ProtocolOutput:
    """Standard output for the protocol alone: within, all other prints go to standard error."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self._lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Takes a line; lines of one turn of the event loop go out at once."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        data, self._lines = b"".join(self._lines), []
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def __enter__(self) -> ProtocolOutput:
        return self

    def __exit__(self, *_: object) -> None:
        """Writes the rest, and gives standard output back."""
        sys.stdout.flush()
        self._flush()
        os.dup2(self._descriptor, 1)
        os.close(self._descriptor)
