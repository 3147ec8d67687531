"""What waits between the subscriptions and one reader."""

from __future__ import annotations

import asyncio
from typing import Final

LIMIT_BYTES: Final = 65536
"""From so much on, nothing more is taken from the bus for a reader; what is lost there is lost by
the bus's own overflow policy, and memory stays bounded (SSE-13)."""


class Outbox:
    """Frames on their way to one reader; several feeds put in, one writer takes out."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._frames: list[bytes] = []
        self._size = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._written = asyncio.Event()
        self._waiting = 0
        self._writing = False

    async def settled(self) -> None:
        """Waits until all that was on its way has been written."""
        while not self.idle:
            self._written.clear()
            await self._written.wait()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._frames and not self._waiting and not self._writing

    async def put(self, frame: bytes) -> None:
        """Adds a frame; waits first while there is no room."""
        if self._size >= self._limit:
            self._waiting += 1
            try:
                while self._size >= self._limit:
                    await self._room.wait()
            finally:
                self._waiting -= 1
        self._add(frame)

    def put_if_idle(self, frame: bytes) -> None:
        """Adds a frame unless others are on their way."""
        if self.idle:
            self._add(frame)

    def _add(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        self._filled.set()
        if self._size >= self._limit:
            self._room.clear()

    async def take(self) -> bytes | None:
        """All that is there, waiting for something to be; None once closed and empty.

        Whoever takes has written what it took before.
        """
        self._writing = False
        self._written.set()
        await self._filled.wait()
        if not self._frames:
            return None
        taken = self._frames[0] if len(self._frames) == 1 else b"".join(self._frames)
        self._frames.clear()
        self._size = 0
        self._writing = True
        self._room.set()
        if not self._closed:
            self._filled.clear()
        return taken

    def close(self) -> None:
        """Nothing comes after what is in."""
        self._closed = True
        self._filled.set()
