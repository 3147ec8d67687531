"""The position of one reader's stream: a cursor of the bus for each side, in one opaque `id`.

    1-c.4f0a1c.9be1d21617-3Fq…     form, stream, then for each side: its mark, length and cursor

If a side is missing, its reader has got nothing of it yet, and is owed all of it. An `id` has at most 256
bytes: what does not fit, the cursors of a large family, is kept on the server under a token.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from eventhook_conformance.contract import (
    MAX_CURSOR_BYTES,
    START,
    CursorExpired,
    InvalidCursor,
    Since,
)

_FORM: Final = re.compile(r"1([-e])([ct])\.([0-9a-f]{6})\.([!-~]*)")
_SIDE: Final = re.compile(r"([0-9a-f]{6})([0-9a-f]{2})")
_KEPT: Final = 4096
"""Positions that are kept under a token."""


def mark(name: str) -> str:
    """Returns a few digits that tell a name from others."""
    return hashlib.blake2s(name.encode(), digest_size=3).hexdigest()


class Tokens:
    """Positions that are too long for an `id`; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, str]] = OrderedDict()

    def keep(self, cursors: dict[str, str]) -> str:
        """Returns a token for these."""
        token = secrets.token_hex(16)
        self._kept[token] = dict(cursors)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return token

    def find(self, token: str) -> dict[str, str]:
        """Returns the position kept under a token.

        Raises:
            CursorExpired: nothing is, because it was forgotten or is on another server.
        """
        if token not in self._kept:
            raise CursorExpired("this position is no longer known; open the stream without it")
        return dict(self._kept[token])


class Position:
    """The position of one reader.

    Args:
        stream: names the stream: endpoint, tenant and id.
        tokens: keeps positions that are too long.
        default: where a side begins that the reader has no cursor for.
    """

    def __init__(self, stream: str, tokens: Tokens, default: Since) -> None:
        self._stream = mark(stream)
        self._tokens = tokens
        self._default = default
        self._cursors: dict[str, str] = {}
        self.resumed = False
        """True if the reader brought an `id`."""
        self.ended = False
        """True if the stream ended for good, and its reader has seen all of it."""

    def resume(self, text: str) -> None:
        """Takes the position from an `id` that a server gave for the same stream.

        Raises:
            InvalidCursor: it is malformed, or another stream's.
            CursorExpired: it is no longer known.
        """
        match = _FORM.fullmatch(text)
        if match is None or match[3] != self._stream or len(text) > MAX_CURSOR_BYTES:
            raise InvalidCursor("expected an id that this stream gave, got another text")
        found = self._tokens.find(match[4]) if match[2] == "t" else dict(_sides(match[4]))
        self.resumed = True
        self._cursors, self.ended, self._default = found, match[1] == "e", START

    def since(self, side: str) -> Since:
        """Returns the place where a side begins."""
        return self._cursors.get(mark(side), self._default)

    def begun(self) -> None:
        """Notes that all sides have begun: one that comes later is owed from its start."""
        self._default = START

    def move(self, side: str, cursor: str | None) -> None:
        """Moves one side."""
        if cursor is not None:
            self._cursors[mark(side)] = cursor

    def text(self) -> str:
        """Returns the position as an `id`."""
        ending = "e" if self.ended else "-"
        sides = "".join(f"{one}{len(it):02x}{it}" for one, it in self._cursors.items())
        whole = f"1{ending}c.{self._stream}.{sides}"
        if len(whole) <= MAX_CURSOR_BYTES:
            return whole
        return f"1{ending}t.{self._stream}.{self._tokens.keep(self._cursors)}"

    def frame(self) -> bytes:
        """Returns a frame of the `id` alone: the reader stores the `id` and gets no event."""
        return f"id: {self.text()}\n\n".encode()

    def stamp(self, frame: bytes) -> bytes:
        """Returns the frame of an event with this position as its `id`."""
        return frame[: frame.rindex(b"\nid: ") + 1] + self.frame()


def _sides(text: str) -> Iterable[tuple[str, str]]:
    """Yields the mark and the cursor of each side.

    Raises:
        InvalidCursor: the text is cut short, or no such list.
    """
    at = 0
    while at < len(text):
        match = _SIDE.match(text, at)
        end = at if match is None else match.end() + int(match[2], 16)
        if match is None or end > len(text) or end == match.end():
            raise InvalidCursor("expected an id that this stream gave, got a part of one")
        yield match[1], text[match.end() : end]
        at = end


def beginning(subscription: Any) -> str | None:
    """Returns the position at which a subscription began, if its bus tells before the first event."""
    begun: str | None = getattr(subscription, "beginning", None)
    return begun


async def drained(subscription: Any) -> None:
    """Returns once all that the bus had for a subscription has been read, where its bus can tell."""
    wait = getattr(subscription, "drained", None)
    if wait is not None:
        await wait()
