"""An event as the bytes that a reader gets (SSE-02, SSE-03)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent

E = TypeVar("E")

KEEP_ALIVE: Final = b": keep-alive\n\n"

_LINE_END: Final = re.compile("\r\n|\r|\n")
_REMEMBERED: Final = 512


def frame(name: str, data: str, id: str) -> bytes:
    """Returns one event as it goes over the wire.

    Each line of `data` becomes a field of its own, with one blank after the colon: the parser takes
    one away, and a payload may begin with one. Only CR, LF and CRLF end lines here; what else Python
    takes for a line end (U+2028, say) is text.
    """
    if "\n" in data or "\r" in data:
        lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    else:
        lines = f"data: {data}\n"
    return f"event: {name}\n{lines}id: {id}\n\n".encode()


def stream_frame(event: StreamEvent) -> bytes:
    """Returns a stream event: its payload as it is, its sequence as id."""
    return frame(event.event_type.lower(), event.payload, str(event.sequence))


def consolidated_frame(event: StreamEvent) -> bytes:
    """Returns a stream event with its workflow, for streams of several workflows."""
    workflow = event.workflow_execution_id
    data = msgspec.json.encode({"workflowExecutionId": workflow, "data": event.payload})
    return frame(event.event_type.lower(), data.decode(), f"{workflow}:{event.sequence}")


def lifecycle_frame(event: FlovynEvent) -> bytes:
    """Returns a lifecycle event: its wire form, its id as id."""
    return frame(event.event_type, event.to_json().decode(), str(event.id))


class Remembering(Generic[E]):
    """Encodes an event once for all readers who get the very same object.

    Args:
        encode: encodes an event.
    """

    def __init__(self, encode: Callable[[E], bytes]) -> None:
        self._encode = encode
        self._frames: dict[int, tuple[E, bytes]] = {}

    def __call__(self, event: E) -> bytes:
        """Returns the event's frame. It is held with the event, whose `id()` is then nobody else's."""
        known = self._frames.get(id(event))
        if known is not None:
            return known[1]
        encoded = self._encode(event)
        if len(self._frames) >= _REMEMBERED:
            del self._frames[next(iter(self._frames))]
        self._frames[id(event)] = (event, encoded)
        return encoded
