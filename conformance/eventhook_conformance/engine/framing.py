"""Frames messages between two processes, so that nothing else written to the channel passes for one.

A frame is a line: a mark that only the two processes know, a number that counts up, a checksum, JSON.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.decode
_crc32: Final = zlib.crc32


class FrameWriter:
    """Makes frames.

    Args:
        mark: letters and digits.
    """

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._number = 0

    def frame(self, message: dict[str, Any]) -> bytes:
        """Returns the next frame.

        Raises:
            TypeError, UnicodeEncodeError, OverflowError, RecursionError: the message has no JSON form.
        """
        body = _encode(message)
        self._number += 1
        return b"%s %d %d %s\n" % (self._mark, self._number, _crc32(body), body)


class FrameReader:
    """Finds the frames in the bytes read from a channel, and counts lost ones.

    Args:
        mark: the writer's.
    """

    def __init__(self, mark: bytes) -> None:
        self.lost = 0
        """How many frames of the writer did not arrive whole."""
        self._mark = mark
        self._rest = b""
        self._number = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Returns the messages that are complete with these bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._mark not in self._rest:
            self._rest = self._rest[-len(self._mark) :]
        return [one for one in map(self._message, lines) if one is not None]

    def _message(self, line: bytes) -> dict[str, Any] | None:
        _, mark, frame = line.rpartition(self._mark)
        if not mark:
            return None
        try:
            number, checksum, body = frame.split(maxsplit=2)
            if int(checksum) != _crc32(body):
                return None
            message = _decode(body)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            return None
        self.lost += max(0, int(number) - self._number - 1)
        self._number = int(number)
        return message if isinstance(message, dict) else None
