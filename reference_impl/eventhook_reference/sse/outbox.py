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
        self._writing = False
        self._waiting = 0
        self._room = asyncio.Event()
        self._settled = asyncio.Event()
        self._settling = 0
        # A future of its own for the one who takes: an Event costs three times as much, and this
        # is done once for each event and reader.
        self._taker: asyncio.Future[None] | None = None

    async def settled(self) -> None:
        """Waits until all that was on its way has been written."""
        self._settling += 1
        try:
            while not self.idle:
                self._settled.clear()
                await self._settled.wait()
        finally:
            self._settling -= 1

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._frames and not self._waiting and not self._writing

    def offer(self, frame: bytes) -> bool:
        """Adds a frame if there is room; whether there was."""
        if self._size >= self._limit:
            return False
        self._add(frame)
        return True

    async def put(self, frame: bytes) -> None:
        """Adds a frame; waits first while there is no room."""
        if not self.offer(frame):
            self._waiting += 1
            try:
                while self._size >= self._limit:
                    self._room.clear()
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
        self._wake_taker()

    def _wake_taker(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def take(self) -> bytes | None:
        """All that is there, waiting for something to be; None once closed and empty.

        Whoever takes has written what it took before.
        """
        self._writing = False
        if self._settling:
            self._settled.set()
        if not self._frames and not self._closed:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        if not self._frames:
            return None
        taken = self._frames[0] if len(self._frames) == 1 else b"".join(self._frames)
        self._frames.clear()
        self._size = 0
        self._writing = True
        if self._waiting:
            self._room.set()
        return taken

    def close(self) -> None:
        """Nothing comes after what is in."""
        self._closed = True
        self._wake_taker()
