"""Room for what cases share: a case waits where others have taken too much of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """At most `limit` of something over all cases; one that asks for more has it when no other has any.

    Args:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[object, int] = {}
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def take(self, number: int, owner: object) -> AsyncIterator[None]:
        """So many for the time of the context, all at once, so that nobody waits with half of them."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._fits(number, owner))
            self._taken[owner] = self._taken.get(owner, 0) + number
        try:
            yield
        finally:
            async with self._freed:
                self._taken[owner] -= number
                if not self._taken[owner]:
                    del self._taken[owner]
                self._freed.notify_all()

    def _fits(self, number: int, owner: object) -> bool:
        others = sum(taken for holder, taken in self._taken.items() if holder is not owner)
        return not others or others + self._taken.get(owner, 0) + number <= self._limit
