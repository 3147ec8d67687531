"""The parts of the kit that an adapter may override: codec, validation, filtering, buffer, errors."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamEvent,
    SubscribeError,
    check_stream_key,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.target import Capabilities

Kind: TypeAlias = Literal["event", "stream"]
"""One side of the bus: the tenants' events, or the streams by key."""


class AdapterParts:
    """Turns events into messages and back, checks, filters and buffers them.

    Args:
        capabilities: what the target claims.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    def encode(self, kind: Kind, event: Any) -> bytes:
        """Returns the message of a valid event: its wire form."""
        body: bytes = event.to_json()
        return body

    def decode(self, kind: Kind, body: bytes) -> Any:
        """Returns the event of a message.

        Raises:
            InvalidEvent: it is none; the message goes nowhere.
        """
        return (FlovynEvent if kind == "event" else StreamEvent).from_json(body)

    def check(self, kind: Kind, event: Any) -> None:
        """Raises `InvalidEvent` for events that the contract refuses (EVT-05, EVT-12, STR-08)."""
        right = FlovynEvent if kind == "event" else StreamEvent
        if not isinstance(event, right):
            raise InvalidEvent(f"expected a {right.__name__}, got a {type(event).__name__}")
        event.validate()

    def check_selects(self, kind: Kind, selects: Any) -> None:
        """Refuses a malformed pattern or key, with `InvalidPattern` (PAT-10, STR-08)."""
        if kind == "stream":
            if problem := check_stream_key(selects):
                raise InvalidPattern(f"workflow_execution_id {problem}", value=selects)
        elif isinstance(selects, EventPattern):
            selects.validate()
        else:
            raise InvalidPattern(f"expected an EventPattern, got a {type(selects).__name__}")

    def check_size(self, kind: Kind, body: bytes) -> None:
        """Raises `PublishError` for events larger than claimed (EVT-08)."""
        limit = self.capabilities.max_event_bytes
        if len(body) > limit:
            raise PublishError(
                f"the event has {len(body)} bytes; at most {limit} are allowed", size=len(body)
            )

    def admits(self, selects: Any, event: Any) -> bool:
        """Returns whether a subscription asks for an event: before it is buffered (PAT-13)."""
        if isinstance(selects, EventPattern):
            return selects.matches(event)
        return bool(event.workflow_execution_id == selects)

    def make_buffer(self, kind: Kind) -> Buffer[Any]:
        """Returns the buffer for the unread events of a subscription."""
        claimed = self.capabilities
        capacity = claimed.event_capacity if kind == "event" else claimed.stream_capacity
        return Buffer(capacity, claimed.overflow)

    def publish_error(self, error: Exception) -> StreamingError:
        """Returns the error that a publisher gets when `send` raised one."""
        return PublishError(f"the bus did not take the event: {_described(error)}")

    def subscribe_error(self, error: Exception) -> StreamingError:
        """Returns the exception that a subscriber gets for that of `attach`."""
        return SubscribeError(f"the bus did not take the subscription: {_described(error)}")


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
