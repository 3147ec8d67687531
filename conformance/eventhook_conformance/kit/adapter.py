"""From a bare client library to a `StreamingBackend`, in some forty lines of the vendor's.

The vendor writes four methods. Codec, validation, filtering, buffers, errors and closing are the
kit's, each in a method of its own that can be overridden; `kit_parts` says which are in use. The kit
never retries, reorders, removes repeats, or drops but by the claimed policy: what the client library
gets wrong is seen.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamEvent,
    StreamingBackend,
    StreamingError,
    SubscriptionLost,
    Unsupported,
    check_stream_key,
)
from eventhook_conformance.kit._sides import AdapterSubscription, EventSide, StreamSide
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.target import Capabilities

Kind: TypeAlias = Literal["event", "stream"]
"""Which side of the bus: the tenants' events, or the streams by key."""

_PARTS: Final = {
    "codec": ("encode", "decode"),
    "validation": ("check", "check_selects"),
    "size check": ("check_size",),
    "filtering": ("admits",),
    "buffer": ("make_buffer",),
    "errors": ("publish_error", "subscribe_error"),
    "closing": ("aclose",),
}


class Sink:
    """What `attach` hands a subscription's messages to, in the order in which they come.

    `sink(body)` takes the message at once. What it returns may be awaited, and should be wherever the
    code that calls it can wait: it holds a publisher back under `block`, and otherwise gives the
    reader its turn when the buffer fills up. Call it in the client's event loop (from another thread:
    `loop.call_soon_threadsafe(sink, body)`).
    """

    def __init__(self, adapter: Adapter, kind: Kind, selects: Any, buffer: Buffer[Any]) -> None:
        self._adapter = adapter
        self._kind: Kind = kind
        self._selects = selects
        self._buffer = buffer

    def __call__(self, body: bytes) -> Awaitable[None]:
        """Takes a message; one that is no valid event, or is not asked for, goes nowhere."""
        adapter = self._adapter
        try:
            event = adapter.decode(self._kind, body)
        except InvalidEvent:
            return _nothing()
        if not adapter.admits(self._selects, event):
            return _nothing()
        return self._buffer.push(event)

    def lose(self, reason: str) -> None:
        """Says that nothing can ever come again, and why: the reader gets `SubscriptionLost`."""
        self._buffer.lose(SubscriptionLost(reason))
