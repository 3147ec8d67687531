"""Server-sent events, parsed by the rules of WHATWG HTML 9.2.5 and 9.2.6.

Pure: takes bytes in chunks of any size, and returns events. Also keeps parts that the rules discard
and that checks need: every field as written, comments, how the stream ended.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

_LINE_END: Final = re.compile("\r\n|\r|\n")
_NAMES: Final = frozenset({"event", "data", "id", "retry"})
_DIGITS: Final = frozenset("0123456789")

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""The names and values of one block's fields, in order."""


@dataclass(frozen=True)
class ServerSentEvent:
    """One event that a browser would dispatch."""

    type: str
    """Its name; `message` where it has none."""
    data: str
    last_event_id: str
    """The last id of the stream so far, this event's included."""
    fields: Fields = ()
    """Every field of its block as it stood, unknown ones too, in order."""

    def values(self, name: str) -> list[str]:
        """Returns the values of a field of its block."""
        return [value for field, value in self.fields if field == name]


class Parser:
    """Parses one stream."""

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        """The last valid reconnection time, in milliseconds."""
        self.comments: list[str] = []
        """The text after the colon of each comment line."""
        self.strays: list[Fields] = []
        """Blocks of fields that dispatched nothing."""
        self.last_event_id = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._line = ""
        self._after_cr = False
        self._at_start = True
        self._type = ""
        self._data: list[str] = []
        self._fields: list[tuple[str, str]] = []

    @property
    def unfinished(self) -> bool:
        """True if the bytes so far end within a line or a block."""
        return bool(self._line or self._fields)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Returns the events that these bytes complete."""
        text = self._decode(chunk)
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        return list(self._parse(text))

    def _parse(self, text: str) -> Iterator[ServerSentEvent]:
        for line in self._lines(text):
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                yield event

    def _lines(self, text: str) -> Iterator[str]:
        """Yields the lines that this text completes. A CR ends one at once, with an LF right after it."""
        if not text:
            return
        if self._after_cr:
            text = text.removeprefix("\n")
        start = 0
        if "\n" not in text and "\r" not in text:  # by far faster than the pattern, in long lines
            self._line += text
            self._after_cr = False
            return
        for end in _LINE_END.finditer(text):
            yield self._line + text[start : end.start()]
            self._line = ""
            start = end.end()
        self._after_cr = text.endswith("\r")
        self._line += text[start:]

    def _take(self, line: str) -> None:
        if line.startswith(":"):
            self.comments.append(line[1:])
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        self._fields.append((name, value))
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self.last_event_id = value
        elif name == "retry" and value and _DIGITS.issuperset(value):
            self.retry_ms = int(value)

    def _dispatch(self) -> ServerSentEvent | None:
        fields, self._fields = tuple(self._fields), []
        data, self._data = self._data, []
        name, self._type = self._type or "message", ""
        if data:
            return ServerSentEvent(name, "\n".join(data), self.last_event_id, fields)
        if fields:
            self.strays.append(fields)
        return None


def unknown_fields(event: ServerSentEvent) -> list[str]:
    """Returns the names of fields in its block that the rules do not know."""
    return [name for name, _ in event.fields if name not in _NAMES]
