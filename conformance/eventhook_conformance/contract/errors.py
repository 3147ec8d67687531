"""The errors between a caller and a bus.

    publish(event)           InvalidEvent      the event breaks the contract; nothing was sent
                             PublishError      it could not be handed over; outside a fault it never was
                             BusClosed         this client was closed
    entering subscribe(...)  InvalidPattern    the pattern or key breaks the contract
                             InvalidCursor     the cursor to begin after is none of this channel
                             CursorExpired     the history no longer reaches back to the cursor
                             SubscribeError    the bus could not make it active
                             BusClosed         this client was closed
    reading                  SubscriptionLost  nothing can ever come again (an orderly end is
                                               StopAsyncIteration instead)
    cleanup, counting        Unsupported       this backend does not offer it
                             BusClosed         this client was closed

Each takes one message that says what was wrong, which value, and what would be right.
"""

from __future__ import annotations


class StreamingError(Exception):
    """The root of all errors of the contract.

    Args:
        message: what was wrong, which value, and what would be right.
        **fields: the same facts for programs, kept in `fields`.
    """

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.fields))


def _rebuild(kind: type[StreamingError], message: str, fields: dict[str, object]) -> StreamingError:
    return kind(message, **fields)


class InvalidEvent(StreamingError, ValueError):
    """The event (or its wire form) breaks the contract; it was not sent."""


class InvalidPattern(StreamingError, ValueError):
    """The pattern, or a stream's key to subscribe to, breaks the contract."""


class PublishError(StreamingError):
    """The bus could not take the event."""


class InvalidCursor(StreamingError, ValueError):
    """The cursor is malformed, or none that this channel ever gave."""


class CursorExpired(StreamingError):
    """The history no longer reaches back to the cursor; begin with `START` or `LIVE` instead."""


class SubscribeError(StreamingError):
    """The bus could not make the subscription active."""


class SubscriptionLost(StreamingError):
    """The subscription can never deliver again, and was not left by its owner."""


class BusClosed(StreamingError):
    """The client was closed before the call."""


class Unsupported(StreamingError):
    """The backend does not offer this; its capabilities should say so."""
