"""Requests to a driver in Python: reads their parameters, and writes their errors."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    Begin,
    EventPattern,
    InvalidEvent,
    InvalidPattern,
    StreamingError,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.events import parse
from eventhook_conformance.driver.messages import (
    CODES,
    DRIVER_FAULT,
    UNKNOWN_METHOD,
    UNKNOWN_NAME,
)

_INVALID_REQUEST: Final = -32600


class UnknownName(Exception):
    """There is no such client or subscription."""


class WrongRequest(Exception):
    """A request has not the shape that its method asks for."""


class _Request(msgspec.Struct):
    id: int
    method: str
    params: dict[str, Any] = {}


class _RawRequest(msgspec.Struct):
    id: int
    method: str
    params: dict[str, msgspec.Raw] = {}


_requests: Final = msgspec.json.Decoder(_RawRequest)
_BIG: Final = frozenset({"event", "pattern"})


def parse_request(line: bytes) -> tuple[int, str, dict[str, Any]]:
    """Returns the id, the method and the params of a request; events and patterns stay as bytes.

    Raises:
        WrongRequest: it has not the shape of a request.
    """
    request: _RawRequest | _Request
    try:
        request = _requests.decode(line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        # Lone surrogates are read by Python's own reader alone; they must reach the bus as they are.
        request = _read_by_python(line, error)
    params = {
        name: json.loads(bytes(value))
        if isinstance(value, msgspec.Raw) and name not in _BIG
        else value
        for name, value in request.params.items()
    }
    return request.id, request.method, params


def _read_by_python(line: bytes, why: Exception) -> _Request:
    try:
        members = json.loads(line)
        return _Request(
            id=msgspec.convert(members["id"], int),
            method=msgspec.convert(members["method"], str),
            params=msgspec.convert(members.get("params", {}), dict[str, Any]),
        )
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise WrongRequest(f"expected a request: {why}") from error


def event_of(params: dict[str, Any], kind: type[Any]) -> Any:
    """Returns the event of a request, whose shape alone is checked: the rest is for the bus to judge.

    Raises:
        InvalidEvent: it has not the shape of an event.
    """
    event = params.get("event")
    if isinstance(event, msgspec.Raw):
        return parse(bytes(event), kind)
    return _converted(event, kind, InvalidEvent)


def pattern_of(params: dict[str, Any]) -> Any:
    """Returns the pattern of a request, whose shape alone is checked.

    Raises:
        InvalidPattern: it has not the shape of a pattern.
    """
    pattern = params.get("pattern")
    if isinstance(pattern, msgspec.Raw):
        try:
            return msgspec.json.decode(pattern, type=EventPattern)
        except msgspec.MsgspecError as error:
            raise InvalidPattern(f"expected an EventPattern: {error}") from error
    return _converted(pattern, EventPattern, InvalidPattern)


def _converted(value: Any, kind: type[Any], refusal: type[StreamingError]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.MsgspecError as error:
        raise refusal(f"expected a {kind.__name__}: {error}") from error


def since_of(params: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments that say where a subscription begins; none if the request does not.

    Raises:
        WrongRequest: it is no beginning.
    """
    told = params.get("since")
    if told is None:
        return {}
    if isinstance(told, dict):
        check_since(told.get("cursor"))
        return {"since": told["cursor"]}
    try:
        return {"since": Begin(told)}
    except ValueError as error:
        raise WrongRequest(f'since: expected "live", "start" or a cursor, got {told!r}') from error


def uuid_of(text: Any) -> UUID:
    """Returns a tenant's id.

    Raises:
        WrongRequest: it is no UUID.
    """
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise WrongRequest(f"tenant_id: expected a UUID, got {text!r}") from error


def encode_error(error: Exception) -> bytes:
    """Returns the error of an answer."""
    code = next((number for kind, number in CODES.items() if isinstance(error, kind)), DRIVER_FAULT)
    if isinstance(error, Unsupported):
        code = UNKNOWN_METHOD
    elif isinstance(error, UnknownName):
        code = UNKNOWN_NAME
    elif isinstance(error, WrongRequest):
        code = _INVALID_REQUEST
    message = (
        str(error) if isinstance(error, StreamingError) else f"{type(error).__name__}: {error}"
    )
    # ASCII, since a message may quote text that UTF-8 cannot carry.
    return json.dumps({"code": code, "message": message}).encode()
