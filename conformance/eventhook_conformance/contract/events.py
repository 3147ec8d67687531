"""The two kinds of event, and their wire forms.

Over 300 lines: both kinds of event stand beside each other, with what they share.
"""

from __future__ import annotations

import time
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import msgspec

from eventhook_conformance.contract.errors import InvalidEvent
from eventhook_conformance.contract.grammar import (
    MAX_INTEGER,
    check_event_type,
    check_stream_key,
)
from eventhook_conformance.contract.json_value import (
    check_json,
    check_text,
    json_equal,
    keeps_bounds,
    with_floats,
)

_T = TypeVar("_T")
_LEAST = -MAX_INTEGER
_HAVE_NO_JSON = (UnicodeEncodeError, TypeError, OverflowError, RecursionError)
"""Raised by the encoder for values that it cannot write."""
_encode = msgspec.json.Encoder().encode


class FlovynEvent(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A lifecycle event of one tenant, immutable.

    Constructing does not validate; `validate`, `from_json` and every bus's `publish` do. Two events
    are equal if every field is, `data` compared as JSON.
    """

    id: UUID
    tenant_id: UUID
    workflow_execution_id: UUID | None = None
    task_execution_id: UUID | None = None
    event_type: str
    source: str
    data: Any
    timestamp_ms: int
    """Milliseconds since the epoch; may be negative."""
    correlation_id: str | None = None

    @classmethod
    def new(cls, tenant_id: UUID, event_type: str, source: str, data: Any) -> Self:
        """Returns an event of this moment with a fresh random id."""
        return cls(
            id=uuid4(),
            tenant_id=tenant_id,
            event_type=event_type,
            source=source,
            data=data,
            timestamp_ms=now_ms(),
        )

    def with_workflow(self, workflow_execution_id: UUID) -> Self:
        """Returns a copy that belongs to the workflow."""
        return msgspec.structs.replace(self, workflow_execution_id=workflow_execution_id)

    def with_task(self, task_execution_id: UUID) -> Self:
        """Returns a copy that belongs to the task."""
        return msgspec.structs.replace(self, task_execution_id=task_execution_id)

    def with_correlation_id(self, correlation_id: str) -> Self:
        """Returns a copy that carries the correlation id."""
        return msgspec.structs.replace(self, correlation_id=correlation_id)

    def to_json(self) -> bytes:
        """Returns the wire form, compact UTF-8; its length is the size of the event in bytes.

        Raises:
            InvalidEvent: a value has no JSON form.
        """
        try:
            return _encode(self)
        except _HAVE_NO_JSON as error:
            raise InvalidEvent(f"the event has no JSON form: {error}") from error

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Reads the wire form: unknown members are ignored, missing optionals are None.

        JSON has one kind of number: a float that is written in `data` as an integer too large for one
        is read as the float.

        Raises:
            InvalidEvent: it is no JSON, has the wrong shape, or is no valid event.
        """
        event = parse(text, cls)
        # The decoder has seen to types and text already.
        if (
            check_event_type(event.event_type) is not None
            or not _LEAST <= event.timestamp_ms <= MAX_INTEGER
            or not keeps_bounds(event.data)
        ):
            event = msgspec.structs.replace(event, data=with_floats(event.data))
            event.validate()
        return event

    def validate(self) -> None:
        """Checks all that the contract asks of an event (EVT-03, EVT-05, EVT-12).

        Raises:
            InvalidEvent: names the member, its value, and what would be right.
        """
        if problem := check_event_type(self.event_type):
            raise InvalidEvent(f"event_type {problem}", field="event_type", value=self.event_type)
        # A value of the exact type needs no further look; nearly every one is.
        problem = (
            (type(self.id) is not UUID and _check_uuid(self.id, "id"))
            or (type(self.tenant_id) is not UUID and _check_uuid(self.tenant_id, "tenant_id"))
            or (
                self.workflow_execution_id is not None
                and type(self.workflow_execution_id) is not UUID
                and _check_uuid(self.workflow_execution_id, "workflow_execution_id", optional=True)
            )
            or (
                self.task_execution_id is not None
                and type(self.task_execution_id) is not UUID
                and _check_uuid(self.task_execution_id, "task_execution_id", optional=True)
            )
            or (
                not (type(self.source) is str and self.source.isascii())
                and check_text(self.source, "source")
            )
            or (
                not (type(self.timestamp_ms) is int and _LEAST <= self.timestamp_ms <= MAX_INTEGER)
                and _check_integer(self.timestamp_ms, "timestamp_ms")
            )
            or (
                self.correlation_id is not None
                and check_text(self.correlation_id, "correlation_id")
            )
            or (None if self.data is None else check_json(self.data))
        )
        if problem:
            raise InvalidEvent(problem)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FlovynEvent):
            return NotImplemented
        return self.differs(other) is None

    def __ne__(self, other: object) -> bool:
        # msgspec's own compares by identity where `eq` is off.
        return not self == other

    def __hash__(self) -> int:
        return hash((self.id, self.tenant_id))

    def differs(self, other: FlovynEvent) -> str | None:
        """Returns the first field that differs in type or value; None if the events are equal."""
        if self is other:
            return None
        mine, its = _event_fields(self), _event_fields(other)
        # At once where nothing differs, which is nearly always; one by one only to say what does.
        if mine != its or [*map(type, mine)] != [*map(type, its)]:
            for name, one, another in zip(_EVENT_FIELDS, mine, its, strict=True):
                if not _same(one, another):
                    return name
        return None if json_equal(self.data, other.data) else "data"


_EVENT_FIELDS = (
    "id",
    "tenant_id",
    "workflow_execution_id",
    "task_execution_id",
    "event_type",
    "source",
    "timestamp_ms",
    "correlation_id",
)
_event_fields = attrgetter(*_EVENT_FIELDS)


class StreamEventType(StrEnum):
    """The type of a stream event's content."""

    TOKEN = "TOKEN"
    PROGRESS = "PROGRESS"
    DATA = "DATA"
    ERROR = "ERROR"


class StreamEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "task_execution_id": "taskExecutionId",
        "workflow_execution_id": "workflowExecutionId",
        "event_type": "type",
        "timestamp_ms": "timestampMs",
    },
):
    """A piece of a task's output: a token, a progress report, data, an error. Immutable.

    Constructing does not validate; `validate`, `from_json` and every bus's `publish` do.
    """

    task_execution_id: str
    """The task's id as text; may be empty."""
    workflow_execution_id: str
    """The stream's key: one token; a standalone task's stream carries its task id here too."""
    sequence: int
    """The publisher's own count; delivered as given (STR-07)."""
    event_type: StreamEventType
    payload: str
    timestamp_ms: int
    """Milliseconds since the epoch; may be negative."""

    def to_json(self) -> bytes:
        """Returns the wire form, compact UTF-8 with camelCase names.

        Raises:
            InvalidEvent: a value has no JSON form.
        """
        try:
            return _encode(self)
        except _HAVE_NO_JSON as error:
            raise InvalidEvent(f"the event has no JSON form: {error}") from error

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Reads the wire form: unknown members are ignored.

        Raises:
            InvalidEvent: it is no JSON, has the wrong shape, or is no valid event.
        """
        event = parse(text, cls)
        event.validate()
        return event

    def validate(self) -> None:
        """Checks all that the contract asks of a stream event (STR-08).

        Raises:
            InvalidEvent: names the member, its value, and what would be right.
        """
        if problem := check_stream_key(self.workflow_execution_id):
            raise InvalidEvent(
                f"workflow_execution_id {problem}",
                field="workflow_execution_id",
                value=self.workflow_execution_id,
            )
        problem = (
            check_text(self.task_execution_id, "task_execution_id")
            or check_text(self.payload, "payload")
            or _check_integer(self.sequence, "sequence")
            or _check_integer(self.timestamp_ms, "timestamp_ms")
        )
        if not problem and not isinstance(self.event_type, StreamEventType):
            problem = f"event_type is {self.event_type!r}; expected a StreamEventType"
        if problem:
            raise InvalidEvent(problem)

    def differs(self, other: StreamEvent) -> str | None:
        """Returns the first field that differs in type or value; None if the events are equal."""
        for name in self.__struct_fields__:
            if not _same(getattr(self, name), getattr(other, name)):
                return name
        return None


def _same(mine: object, its: object) -> bool:
    """Returns whether both are equal and of one kind: `True` is no 1, text is no `StreamEventType`."""
    return (
        mine == its
        and isinstance(its, type(mine))
        and isinstance(its, bool) is isinstance(mine, bool)
    )


def now_ms() -> int:
    """Returns this moment in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def parse(text: bytes | str, kind: type[_T]) -> _T:
    """Reads an event's wire form without validating it.

    Raises:
        InvalidEvent: it is no JSON, or has the wrong shape.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as strict:
        try:
            return msgspec.convert(_whole_numbers(msgspec.json.decode(text)), kind)
        except (msgspec.MsgspecError, RecursionError):
            raise InvalidEvent(f"this JSON is no {kind.__name__}: {strict}") from strict
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidEvent(f"this is no JSON: {error}") from error


def _whole_numbers(members: Any) -> Any:
    """Makes integers of whole floats: JSON has one kind of number, and 1.0 or 1e3 may come for one."""
    if not isinstance(members, dict):
        return members
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in members.items()
    }


def _check_uuid(value: object, where: str, *, optional: bool = False) -> str | None:
    if isinstance(value, UUID) or (optional and value is None):
        return None
    return f"{where} is {value!r}; expected a UUID{' or None' if optional else ''}"


def _check_integer(value: object, where: str) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"{where} is {value!r}; expected an integer"
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        return f"{where} is {value}; integers must lie within ±{MAX_INTEGER}"
    return None
