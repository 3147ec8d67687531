"""Shares one feed among all readers of the same stream.

A workflow then costs the bus one subscription for each side, and an event is decoded, filtered and encoded
once, for one reader or for thousands. The first reader has the feed opened, the last one closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from eventhook_reference.sse.feed import Feed
from eventhook_reference.sse.outbox import Outbox


class _Shared:
    """A feed and how many keep it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.kept_by = 0
        # Nobody's own: the reader who came first may leave while others wait.
        self._opening = asyncio.get_running_loop().create_task(feed.begin())

    async def opened(self) -> None:
        """Waits until the feed is open.

        Raises:
            StreamingError: the bus refuses.
        """
        await asyncio.wait({self._opening})
        self._opening.result()

    async def aclose(self) -> None:
        """Closes the feed, be it open or not."""
        self._opening.cancel()
        await asyncio.gather(self._opening, return_exceptions=True)
        await self.feed.aclose()


class Feeds:
    """The feeds of one server."""

    def __init__(self) -> None:
        self._joinable: dict[Hashable, _Shared] = {}
        self._open: set[_Shared] = set()
        self._finished = False

    @asynccontextmanager
    async def reading(self, key: Hashable, make: Callable[[], Feed]) -> AsyncIterator[Outbox]:
        """Adds a reader; yields the outbox with its frames.

        Args:
            key: of the stream and its filter.
            make: makes the feed if there is none yet.

        Raises:
            StreamingError: the bus refuses; nothing is left behind then.
        """
        shared = self._joinable.get(key)
        joins = shared is not None and not shared.feed.ending
        if shared is None or not joins:
            shared = self._joinable[key] = _Shared(make())
            self._open.add(shared)
        shared.kept_by += 1
        try:
            await shared.opened()
            if joins:
                await shared.feed.fence()
            with shared.feed.joined() as outbox:
                if self._finished:
                    outbox.close()
                yield outbox
        finally:
            shared.kept_by -= 1
            if not shared.kept_by:
                if self._joinable.get(key) is shared:
                    del self._joinable[key]
                self._open.discard(shared)
                await shared.aclose()

    def all_open(self) -> list[Feed]:
        """Returns the feeds with readers."""
        return [shared.feed for shared in self._open]

    def finish(self) -> None:
        """Ends all streams, later ones too, after the events on their way."""
        self._finished = True
        for shared in self._open:
            shared.feed.finish()
