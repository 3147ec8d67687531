"""Takes published messages to the socket.

nats-py's own publish costs as much as all that the reference does for an event, and sends nothing before
all tasks that publish in this turn of the event loop have run. So commands are put together here and
written as they come, in pieces that a server can begin to work on.

Everything else, such as the barrier's message, is sent by nats-py: a caller whose message must come after
these commands calls `flush` first.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_PIECE: Final = 65_536
"""Bytes that are written without waiting for the end of the turn."""

_no_subject: Final = re.compile(r"\s|^$").search


@lru_cache(maxsize=1024)
def _head(subject: str) -> bytes:
    if _no_subject(subject):
        raise ValueError(f"{subject!r} is no subject; expected tokens joined by dots")
    return f"PUB {subject} ".encode()


class Outgoing:
    """Commands for one connection, in order.

    Args:
        write: writes bytes to the socket of that epoch, or drops them if it is another one by now.
    """

    def __init__(self, write: Callable[[bytes, int], None]) -> None:
        self._write = write
        self._commands: list[bytes] = []
        self._size = 0
        self._epoch = 0

    def publish(self, subject: str, body: bytes, epoch: int) -> None:
        """Appends a message; it leaves in this turn of the event loop or at the end of it.

        Raises:
            ValueError: the subject holds characters that end it on the wire.
        """
        command = b"%b%d\r\n%b\r\n" % (_head(subject), len(body), body)
        if epoch != self._epoch:
            self.flush()
            self._epoch = epoch
        if not self._commands:
            asyncio.get_running_loop().call_soon(self.flush)
        self._commands.append(command)
        self._size += len(command)
        if self._size >= _PIECE:
            self.flush()

    def flush(self) -> None:
        """Writes all commands so far."""
        if self._commands:
            commands, self._commands, self._size = self._commands, [], 0
            self._write(b"".join(commands), self._epoch)
