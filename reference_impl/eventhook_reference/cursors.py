"""Cursors of the in-memory history: a position, sealed for one channel of one bus.

The seal is a keyed hash, so that a cursor of another tenant, another key or an earlier life of the bus is
told apart from a genuine one without keeping a list, and all that is not genuine is refused alike (RPL-07).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from eventhook_conformance.contract import InvalidCursor, check_cursor

_SEAL_BYTES: Final = 12


class CursorSeal:
    """Makes and reads the cursors of one bus."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def seal(self, channel: str, position: int) -> str:
        """Returns the cursor of a position in a channel."""
        return f"{position:x}-{self._mark(channel, position)}"

    def position(self, channel: str, cursor: str) -> int:
        """Returns the position of a cursor.

        Raises:
            InvalidCursor: it is malformed, or none of this channel.
        """
        if problem := check_cursor(cursor):
            raise InvalidCursor(f"cursor: {problem}", value=cursor)
        digits, _, mark = cursor.partition("-")
        try:
            position = int(digits, 16)
        except ValueError:
            position = -1
        if position < 0 or not hmac.compare_digest(mark, self._mark(channel, position)):
            raise InvalidCursor(
                f"cursor: expected one that this channel gave, got {cursor!r}", value=cursor
            )
        return position

    def _mark(self, channel: str, position: int) -> str:
        text = f"{channel}/{position}".encode()
        return hmac.digest(self._secret, text, "sha256")[:_SEAL_BYTES].hex()
