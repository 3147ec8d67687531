"""Writes events and patterns as JSON for a driver, wrong values included.

A driver has to refuse what is invalid, so invalid values are carried as they are wherever JSON has
them. What JSON cannot carry, or only as something else that would be valid, is refused here.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.contract.errors import StreamingError

_WIRE_NAMES: Final = {
    "task_execution_id": "taskExecutionId",
    "workflow_execution_id": "workflowExecutionId",
    "event_type": "type",
    "timestamp_ms": "timestampMs",
}
_UUIDS: Final = frozenset({"id", "tenant_id", "workflow_execution_id", "task_execution_id"})
_INTEGERS: Final = frozenset({"timestamp_ms", "sequence"})


class _NoJson(Exception):
    """JSON cannot carry it."""


def event_text(event: Any) -> bytes:
    """Returns the wire form of an event, valid or not.

    Raises:
        InvalidEvent: JSON cannot carry it.
    """
    try:
        event.validate()
        text: bytes = event.to_json()
    except (InvalidEvent, AttributeError, RecursionError):
        return _carried(event, FlovynEvent | StreamEvent, InvalidEvent)
    return text


def pattern_text(pattern: Any) -> bytes:
    """Returns the wire form of a pattern, valid or not.

    Raises:
        InvalidPattern: JSON cannot carry it.
    """
    try:
        pattern.validate()
        text: bytes = pattern.to_json()
    except (InvalidPattern, AttributeError, TypeError):
        return _carried(pattern, EventPattern, InvalidPattern)
    return text


def key_text(key: Any) -> bytes:
    """Returns a stream's key as JSON, valid or not.

    Raises:
        InvalidPattern: JSON cannot carry it.
    """
    try:
        return json.dumps(_plain(key, "the key")).encode()
    except _NoJson as error:
        raise InvalidPattern(str(error)) from error


def _carried(value: Any, kind: Any, refusal: type[StreamingError]) -> bytes:
    if not isinstance(value, kind):
        raise refusal(f"a {type(value).__name__} has no wire form")
    streams = isinstance(value, StreamEvent)
    try:
        members = {
            (_WIRE_NAMES.get(name, name) if streams else name): _member(
                name, getattr(value, name), streams
            )
            for name in value.__struct_fields__
        }
        # ASCII, so that a lone surrogate travels as its escape.
        return json.dumps(members, separators=(",", ":"), allow_nan=False).encode()
    except (_NoJson, RecursionError) as error:
        raise refusal(f"JSON cannot carry this to the driver: {error}") from error


def _member(name: str, value: Any, streams: bool) -> Any:
    if name in _UUIDS and not streams:
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, str) and _is_uuid(value):
            raise _NoJson(f"{name} is text, and on the wire would be a UUID")
    if name in _INTEGERS and isinstance(value, float) and value.is_integer():
        raise _NoJson(f"{name} is {value!r}, and on the wire would be an integer")
    if name == "event_type" and streams:
        if isinstance(value, StreamEventType):
            return value.value
        if isinstance(value, str) and value in set(StreamEventType):
            raise _NoJson(f"{name} is text, and on the wire would be a StreamEventType")
    return _plain(value, name)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _plain(value: Any, where: str) -> Any:
    """Returns the value, if JSON has exactly that."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [_plain(item, where) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise _NoJson(f"{where} has the key {key!r}, which is no text")
        return {key: _plain(item, where) for key, item in value.items()}
    raise _NoJson(f"{where} holds {value!r:.100}, which is no JSON value")
