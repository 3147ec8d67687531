"""Bounded queue of frames between a feed and one reader."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Final


class Side(IntEnum):
    """The side of the bus that a frame comes from; each has room of its own."""

    STREAMS = 0
    EVENTS = 1


ROOM: Final = {Side.STREAMS: 512, Side.EVENTS: 2048}
"""Frames kept for a reader that does not read (SSE-13): twice what the bus keeps for a subscription that
is not read, so that what a feed takes from a full one at once costs no reader anything. The bytes are
held once for all readers of a feed."""
AT_ONCE_BYTES: Final = 65536
"""The most bytes of one write, unless one frame is larger: each reader has a copy of its own."""


class Outbox:
    """Queues frames to one reader; a feed puts them in, one writer takes them out.

    If it is full, drops the oldest frame of the same side, as the bus does: unread tokens
    never push out the end of the workflow.
    """

    def __init__(self, streams: int = ROOM[Side.STREAMS], events: int = ROOM[Side.EVENTS]) -> None:
        self._room = (streams, events)
        self._full_from = min(streams, events)
        self._frames: list[bytes] = []
        self._sides = bytearray()
        self._closed = False
        self._taker: asyncio.Future[bytes | None] | None = None

    def put(self, frame: bytes, side: Side) -> None:
        """Adds a frame, unless the outbox is closed."""
        taker = self._taker
        if taker is not None:
            self._taker = None
            if not taker.done():
                taker.set_result(frame)
                return
        if self._closed:
            return
        self._frames.append(frame)
        self._sides.append(side)
        if len(self._frames) > self._full_from and self._sides.count(side) > self._room[side]:
            oldest = self._sides.index(side)
            del self._sides[oldest], self._frames[oldest]

    def put_if_idle(self, comment: bytes) -> None:
        """Adds a comment, unless something is on its way."""
        if self._taker is not None:
            self.put(comment, Side.EVENTS)

    def take(self) -> asyncio.Future[bytes | None]:
        """Returns the waiting frames, or the next one; None once closed and empty.

        The writer awaits this future after each write. A coroutine or an `asyncio.Event` would double
        the cost of an event for each reader. Cancelling the future may lose a frame; it is cancelled
        only when its reader is gone.
        """
        taken = asyncio.get_running_loop().create_future()
        if self._frames:
            number = self._fit()
            taken.set_result(b"".join(self._frames[:number]))
            del self._frames[:number], self._sides[:number]
        elif self._closed:
            taken.set_result(None)
        else:
            self._taker = taken
        return taken

    def _fit(self) -> int:
        """Returns how many frames go into one write."""
        size = 0
        for number, frame in enumerate(self._frames):
            size += len(frame)
            if number and size > AT_ONCE_BYTES:
                return number
        return len(self._frames)

    async def roomy(self) -> None:
        """Returns at once: where there is no room, the oldest gives way."""

    def close(self) -> None:
        """Closes the outbox: nothing comes after what is in it."""
        self._closed = True
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)


class PatientOutbox(Outbox):
    """Frames of a reader that can come back: none is dropped, and a feed waits for room."""

    def __init__(self) -> None:
        super().__init__(2 * ROOM[Side.STREAMS], 2 * ROOM[Side.EVENTS])
        self._taken = asyncio.Event()

    async def roomy(self) -> None:
        """Waits until there is room for another frame of each side."""
        while len(self._frames) >= ROOM[Side.STREAMS] and not self._closed:
            self._taken.clear()
            await self._taken.wait()

    def take(self) -> asyncio.Future[bytes | None]:
        """Returns the waiting frames, as `Outbox` does; there is room then."""
        taken = super().take()
        self._taken.set()
        return taken

    def close(self) -> None:
        """Closes the outbox: nothing comes after what is in it."""
        super().close()
        self._taken.set()
