"""Room for what cases share: who asks for more than there is waits until others have given some back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class WeightedLimiter:
    """At most `limit` of something at a time; who asks for more than that has it when nobody has any.

    In the order of asking, so that who wants much is not passed over for ever. Nobody may ask for more
    while it holds some, or two could wait for each other.

    Args:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def acquire(self, number: int, *, priority: bool = False) -> AsyncIterator[None]:
        """So many for the time of the context, all at once, so that nobody waits with half of them.

        Args:
            number: how many.
            first: before all that wait; for who holds something else meanwhile.
        """
        if self._waiting or not self._fits(number):
            await self._wait(number, priority=priority)
        else:
            self._taken += number
        try:
            yield
        finally:
            self._taken -= number
            self._admit()

    def _fits(self, number: int) -> bool:
        return not self._taken or self._taken + number <= self._limit

    async def _wait(self, number: int, *, priority: bool) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if priority:
            self._waiting.appendleft((number, turn))
        else:
            self._waiting.append((number, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._taken -= number  # it was let in as it was cancelled
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            number, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
            elif self._fits(number):
                self._waiting.popleft()
                self._taken += number
                turn.set_result(None)
            else:
                break
