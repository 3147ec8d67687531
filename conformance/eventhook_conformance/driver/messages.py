"""Defines the messages of the driver protocol, and says why a line is not one.

The protocol is JSON-RPC 2.0, one object a line. `schemas/driver.schema.json` of `eventhook_fixtures`
says the same for other languages.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

import msgspec

from eventhook_conformance.contract import (
    BusClosed,
    CursorExpired,
    InvalidCursor,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamingError,
    SubscribeError,
    SubscriptionLost,
)

PROTOCOL: Final = 2
"""The newest version: it adds `since`, `cursors` and `purge`."""
PROTOCOLS: Final = (1, PROTOCOL)
"""Versions of the protocol that are served, the oldest first."""
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""The longest line either side may write, its end included."""

UNKNOWN_METHOD: Final = -32601
"""Unknown method, or unsupported by the bus."""
UNKNOWN_NAME: Final = -32602
"""Unknown client or subscription."""
DRIVER_FAULT: Final = -32603
ERRORS: Final[dict[int, type[StreamingError]]] = {
    -32001: InvalidEvent,
    -32002: InvalidPattern,
    -32003: PublishError,
    -32004: BusClosed,
    -32005: SubscribeError,
    -32006: SubscriptionLost,
    -32007: InvalidCursor,
    -32008: CursorExpired,
}
CODES: Final = {kind: code for code, kind in ERRORS.items()}

RESULTS: Final = {
    "initialize": '{"protocol": 2, "name": …, "version": …, "language": …, "capabilities": {…}}',
    "open": '{"client": "c1"}',
    "close": "{}",
    "publish": "{}",
    "publish_stream": "{}",
    "subscribe": '{"subscription": "s1"}',
    "subscribe_stream": '{"subscription": "s1"}',
    "next": '{"events": […], "cursors": […], "ended": false, "dropped": … or null}',
    "unsubscribe": "{}",
    "cleanup": '{"removed": 0}',
    "channels": '{"events": 0, "streams": 0}',
    "purge": "{}",
    "shutdown": "{}",
}
"""Every method, and what its result looks like."""

R = TypeVar("R")


class NotAMessage(Exception):
    """A line is no answer of the protocol; the message goes on after "it printed"."""


class Initialized(msgspec.Struct):
    """The result of `initialize`."""

    protocol: int
    name: str
    version: str
    language: str
    capabilities: dict[str, Any]


class Opened(msgspec.Struct):
    """The result of `open`."""

    client: str


class Subscribed(msgspec.Struct):
    """The result of `subscribe` and `subscribe_stream`."""

    subscription: str


class Nexts(msgspec.Struct):
    """The result of `next`."""

    events: list[msgspec.Raw]
    ended: bool
    dropped: int | None
    cursors: list[str] | None = None
    """The cursor of each event; only where replay is claimed (protocol 2)."""


class Removed(msgspec.Struct):
    """The result of `cleanup`."""

    removed: int


class Channels(msgspec.Struct):
    """The result of `channels`."""

    events: int
    streams: int


class Empty(msgspec.Struct):
    """The result of all others."""


class Failure(msgspec.Struct):
    """The error of an answer."""

    code: int
    message: str


class Answer(msgspec.Struct):
    """One line of a driver."""

    jsonrpc: str
    id: int
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Failure | msgspec.UnsetType = msgspec.UNSET


_answers: Final = msgspec.json.Decoder(Answer)


def request_line(number: int, method: str, params: bytes) -> bytes:
    """Returns a request, as a line."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}\n' % (
        number,
        method.encode(),
        params,
    )


def read_answer(line: bytes) -> Answer:
    """Returns the answer on a line.

    Raises:
        NotAMessage: it is none; the message says why.
    """
    try:
        answer = _answers.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotAMessage(_what_is_wrong(line) or f"{shown(line)}: {error}") from error
    if answer.jsonrpc != "2.0" or (answer.result is msgspec.UNSET) is (
        answer.error is msgspec.UNSET
    ):
        raise NotAMessage(_what_is_wrong(line) or shown(line))
    return answer


def read_result(method: str, raw: msgspec.Raw, kind: type[R]) -> R:
    """Returns the result of a method.

    Raises:
        NotAMessage: it has another shape.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotAMessage(
            f"{shown(bytes(raw))} as the result of `{method}`; expected {RESULTS[method]} ({error})"
        ) from error


def shown(line: bytes) -> str:
    """Returns a line as messages show it: shortened, in one line."""
    text = repr(line.rstrip(b"\n").decode("utf-8", "backslashreplace"))
    return text if len(text) <= 160 else text[:150] + "…" + text[-1]


def _what_is_wrong(line: bytes) -> str | None:
    if line.startswith(b"\xef\xbb\xbf"):
        return f"{shown(line[3:])} behind a byte order mark; expected UTF-8 without one"
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return f"{shown(line)}, which is no UTF-8"
    except (ValueError, RecursionError):
        return f"{shown(line)}, which is no JSON; what is for people belongs on standard error"
    if isinstance(value, list):
        return f"{shown(line)}, a batch; expected one object a line"
    if not isinstance(value, dict):
        return f"{shown(line)}; expected an object, the answer to a request"
    return _what_is_wrong_with(value, line)


def _what_is_wrong_with(members: dict[str, Any], line: bytes) -> str | None:
    text = shown(line)
    if "method" in members:
        return f"{text}, a request or a notification; a driver only answers"
    if members.get("jsonrpc") != "2.0":
        return f'{text}, without "jsonrpc": "2.0"'
    number, error = members.get("id"), members.get("error")
    if isinstance(number, bool) or not isinstance(number, int):
        return f"{text}, whose id is {number!r}; expected the request's id, an integer"
    if "result" in members and "error" in members:
        return f"{text}, which has a result and an error; expected one of them"
    if "result" not in members and not isinstance(error, dict):
        return f"{text}, which has neither a result nor an error"
    if isinstance(error, dict) and (
        type(error.get("code")) is not int or not isinstance(error.get("message"), str)
    ):
        return f'{text}; expected an error of {{"code": an integer, "message": "text"}}'
    return None
