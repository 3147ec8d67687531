"""The yardstick: the fastest hand-made broadcast in asyncio, without any guarantee.

It has one list of events, a cursor for each reader, and one future for all that wait. It bounds, filters,
checks and separates nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any


class SharedLog:
    """Keeps all events, and a future for the next one."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._waiting: asyncio.Future[None] | None = None

    def publish(self, event: Any) -> None:
        """Appends an event and wakes all that wait."""
        self.events.append(event)
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None

    async def more(self) -> None:
        """Waits for the next event."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting


class Cursor:
    """A reader, by `async for`."""

    def __init__(self, log: SharedLog) -> None:
        self._log = log
        self._place = len(log.events)

    def __aiter__(self) -> Cursor:
        return self

    async def __anext__(self) -> Any:
        events = self._log.events
        while self._place >= len(events):
            await self._log.more()
        self._place += 1
        return events[self._place - 1]
