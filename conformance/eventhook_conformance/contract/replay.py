"""Defines where a subscription begins: live, with all that is retained, or after a cursor."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from enum import Enum
from types import TracebackType
from typing import Final, Literal, TypeAlias, TypeVar

from eventhook_conformance.contract.errors import InvalidCursor, Unsupported

S = TypeVar("S")

MAX_CURSOR_BYTES: Final = 256
"""The longest cursor, in bytes."""


class Begin(Enum):
    """The two beginnings that need no cursor; use them as `LIVE` and `START`."""

    LIVE = "live"
    START = "start"


LIVE: Final = Begin.LIVE
"""Delivers only events published after entering was called."""
START: Final = Begin.START
"""Delivers all that is retained, oldest first, then live events."""

Cursor: TypeAlias = str
"""A position in one channel, opaque to its reader: 1 to 256 bytes of visible ASCII."""
Since: TypeAlias = Literal[Begin.LIVE, Begin.START] | Cursor
"""Where a subscription begins."""

_CURSOR: Final = re.compile(r"[!-~]{1,256}")


def check_cursor(value: object) -> str | None:
    """Says what is wrong with a cursor; None if it is well formed."""
    right = f"expected 1 to {MAX_CURSOR_BYTES} bytes of visible ASCII"
    if not isinstance(value, str):
        return f"{right}, got {value!r:.80}"
    if _CURSOR.fullmatch(value) is None:
        got = f"{len(value)} characters" if len(value) > MAX_CURSOR_BYTES else repr(value)
        return f"{right}, got {got}"
    return None


def check_since(value: object) -> None:
    """Checks the form of a beginning; whether the bus knows a cursor, only the bus can tell.

    Raises:
        InvalidCursor: it is neither `LIVE`, nor `START`, nor a well-formed cursor.
    """
    if not isinstance(value, Begin) and (problem := check_cursor(value)):
        raise InvalidCursor(f"cursor: {problem}", value=value)


def live_only(
    context: AbstractAsyncContextManager[S], since: Since
) -> AbstractAsyncContextManager[S]:
    """Returns the context if `since` is `LIVE`, else one that refuses: for a bus without replay.

    Entering the latter raises `Unsupported`, or `InvalidCursor` if the cursor is malformed.
    """
    return context if since is LIVE else _Refused(since)


class _Refused(AbstractAsyncContextManager[S]):
    def __init__(self, since: Since) -> None:
        self._since = since

    async def __aenter__(self) -> S:
        check_since(self._since)
        raise Unsupported("this bus keeps no history: expected since=LIVE; claim no replay")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
