"""The sink: takes the messages of one subscription from the vendor's client library."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from eventhook_conformance.contract import InvalidEvent, SubscriptionLost
from eventhook_conformance.kit.adapter_parts import AdapterParts, Kind
from eventhook_conformance.kit.buffer import NOTHING, Buffer


class Sink:
    """Takes the messages of one subscription; `attach` calls it with each, in the order in which they come.

    `sink(body)` takes the message at once. Its result may be awaited, and should be wherever the
    code that calls it can wait: it holds a publisher back under `block`, and otherwise gives the
    reader its turn when the buffer fills up. Call it in the client's event loop (from another thread:
    `loop.call_soon_threadsafe(sink, body)`).
    """

    def __init__(
        self, adapter: AdapterParts, kind: Kind, selects: Any, buffer: Buffer[Any]
    ) -> None:
        self._adapter = adapter
        self._kind: Kind = kind
        self._selects = selects
        self._buffer = buffer

    def __call__(self, body: bytes, cursor: str | None = None) -> Awaitable[None]:
        """Takes a message; drops it if it is no valid event, or not selected.

        Args:
            body: the message.
            cursor: its position, for a bus with a history.
        """
        event = self._asked_for(body)
        return NOTHING if event is None else self._buffer.push(event, cursor)

    async def replay(self, body: bytes, cursor: str) -> None:
        """Takes a message of the history; waits while the buffer is full, so that none is dropped."""
        event = self._asked_for(body)
        if event is not None:
            await self._buffer.put(event, cursor)

    def _asked_for(self, body: bytes) -> Any:
        try:
            event = self._adapter.decode(self._kind, body)
        except InvalidEvent:
            return None
        return event if self._adapter.admits(self._selects, event) else None

    def lose(self, reason: str) -> None:
        """Says that nothing can ever come again, and why: the reader gets `SubscriptionLost`."""
        self._buffer.lose(SubscriptionLost(reason))
