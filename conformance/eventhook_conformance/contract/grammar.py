"""The grammar of names: event types, prefixes, stream keys (EVT-05, PAT-10, STR-08).

Names become parts of subjects on a broker, where dots, blanks and wildcards have a meaning; that is
why they are narrow, and checked before anything is sent.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_NAME_BYTES: Final = 255
"""The longest event type, prefix or stream key, in bytes."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest magnitude of an integer that every JSON reader keeps exactly."""

_TOKEN = r"[A-Za-z0-9_-]+"
_EVENT_TYPE = re.compile(rf"{_TOKEN}(?:\.{_TOKEN})+")
_PREFIX = re.compile(rf"{_TOKEN}(?:\.{_TOKEN})*")
_STREAM_KEY = re.compile(_TOKEN)

# A bus sees the same few again and again; the search is several times the price of remembering it.
_known_event_type = lru_cache(maxsize=1024)(_EVENT_TYPE.fullmatch)
_known_stream_key = lru_cache(maxsize=1024)(_STREAM_KEY.fullmatch)


def check_event_type(value: object) -> str | None:
    """Says what is wrong with an event type; None if it is well formed."""
    if type(value) is str and len(value) <= MAX_NAME_BYTES and _known_event_type(value):
        return None
    return _check(value, _EVENT_TYPE, "two or more tokens of [A-Za-z0-9_-]+ joined by dots")


def check_prefix(value: object) -> str | None:
    """Says what is wrong with an event-type prefix; None if it is well formed."""
    return _check(value, _PREFIX, "one or more tokens of [A-Za-z0-9_-]+ joined by dots")


def check_stream_key(value: object) -> str | None:
    """Says what is wrong with a stream's key; None if it is well formed."""
    if type(value) is str and len(value) <= MAX_NAME_BYTES and _known_stream_key(value):
        return None
    return _check(value, _STREAM_KEY, "one token of [A-Za-z0-9_-]+")


def _check(value: object, form: re.Pattern[str], right: str) -> str | None:
    if not isinstance(value, str):
        return f"is {value!r}, not text; expected {right}"
    if form.fullmatch(value) is None:
        return f"is {value!r}; expected {right}"
    if len(value) > MAX_NAME_BYTES:
        return f"has {len(value)} bytes; at most {MAX_NAME_BYTES} are allowed"
    return None
