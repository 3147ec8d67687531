"""Checks arguments of `publish` and `subscribe`, for both references, before anything is sent."""

from __future__ import annotations

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamEvent,
    check_stream_key,
)
from eventhook_conformance.target import Capabilities

MAX_EVENT_BYTES = Capabilities().max_event_bytes
"""The largest wire form taken, in bytes (EVT-08)."""


def checked_body(event: FlovynEvent | StreamEvent, kind: type[FlovynEvent | StreamEvent]) -> bytes:
    """Returns the wire form of a valid event of that kind.

    Raises:
        InvalidEvent: it is of another kind, or breaks the contract (EVT-05, EVT-12).
        PublishError: it is larger than `MAX_EVENT_BYTES` (EVT-08).
    """
    if not isinstance(event, kind):
        raise InvalidEvent(f"expected a {kind.__name__}, got a {type(event).__name__}")
    event.validate()
    body = event.to_json()
    if len(body) > MAX_EVENT_BYTES:
        raise PublishError(
            f"the event has {len(body)} bytes; at most {MAX_EVENT_BYTES} are allowed",
            size=len(body),
        )
    return body


def check_pattern(pattern: EventPattern) -> None:
    """Raises `InvalidPattern` unless it is a valid `EventPattern` (PAT-10)."""
    if not isinstance(pattern, EventPattern):
        raise InvalidPattern(f"expected an EventPattern, got a {type(pattern).__name__}")
    pattern.validate()


def check_key(workflow_execution_id: str) -> None:
    """Raises `InvalidPattern` unless it is a stream's key (STR-08)."""
    if problem := check_stream_key(workflow_execution_id):
        raise InvalidPattern(f"workflow_execution_id {problem}", value=workflow_execution_id)
