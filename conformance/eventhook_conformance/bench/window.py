"""Bounds how far publishers run ahead of the slowest reader."""

from __future__ import annotations

import asyncio


class Stalled(Exception):
    """The slowest reader did not advance in time."""


class Window:
    """Lets two blocks of events be under way: a block begins when all have read the one before last.

    Args:
        readers: the number of readers that read each block.
        block: the number of events in a block.
        start: the place of the first event.
        wait_s: how long to wait for the slowest reader.
    """

    def __init__(self, readers: int, block: int, start: int, wait_s: float) -> None:
        self.limit = start + 2 * block
        """Returns the place at which publishers must wait."""
        self._readers = readers
        self._block = block
        self._start = start
        self._wait_s = wait_s
        self._passed: dict[int, int] = {}
        self._done = 0
        self._waiting: asyncio.Future[None] | None = None

    def end_of(self, block: int) -> int:
        """Returns the place after the last event of a block, by its number."""
        return self._start + (block + 1) * self._block

    def passed(self, block: int) -> None:
        """Notes that one more reader has read a block, and every block before."""
        self._passed[block] = self._passed.get(block, 0) + 1
        while self._passed.get(self._done) == self._readers:
            del self._passed[self._done]
            self._done += 1
            self.limit += self._block
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def room(self, place: int) -> None:
        """Waits until the event at that place may be published.

        Raises:
            Stalled: the slowest reader did not advance in time.
        """
        while place >= self.limit:
            if self._waiting is None or self._waiting.done():
                self._waiting = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(self._wait_s):
                    await asyncio.shield(self._waiting)
            except TimeoutError:
                # After a pause of the whole process, timers fire before reads.
                await asyncio.sleep(0.05)
                if place >= self.limit:
                    raise Stalled from None
