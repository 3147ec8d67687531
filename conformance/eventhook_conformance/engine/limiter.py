"""A weighted semaphore."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class WeightedLimiter:
    """Lets tasks hold at most `limit` tokens together. Requests above `limit` run alone.

    First come, first served, among those that fit. Large requests are passed over until enough is free,
    so they had better come first. A task must not acquire more while it holds some, or two tasks could
    wait for each other.

    Args:
        limit: how many tokens there are.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._borrowed = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def acquire(self, tokens: int, *, priority: bool = False) -> AsyncIterator[None]:
        """Holds tokens for the time of the context, all acquired at once.

        Args:
            tokens: how many.
            priority: before everybody who waits; for tasks that hold tokens of another limiter.
        """
        if not self._fits(tokens):
            await self._wait(tokens, priority=priority)
        else:
            self._borrowed += tokens
        try:
            yield
        finally:
            self._borrowed -= tokens
            self._admit()

    def lend(self, tokens: int) -> None:
        """Gives tokens that are held to others, until `take_back`."""
        self._borrowed -= tokens
        self._admit()

    def take_back(self, tokens: int) -> None:
        """Takes them back at once: for a while more may be held than there are."""
        self._borrowed += tokens

    def _fits(self, tokens: int) -> bool:
        return not self._borrowed or self._borrowed + tokens <= self._limit

    async def _wait(self, tokens: int, *, priority: bool) -> None:
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if priority:
            self._waiting.appendleft((tokens, admitted))
        else:
            self._waiting.append((tokens, admitted))
        try:
            await admitted
        except asyncio.CancelledError:
            if not admitted.cancelled():
                self._borrowed -= tokens  # it was admitted as it was cancelled
            self._admit()
            raise

    def _admit(self) -> None:
        """Admits each that fits, in their order: a large request holds up no small ones."""
        passed: deque[tuple[int, asyncio.Future[None]]] = deque()
        while self._waiting and self._borrowed < self._limit:
            tokens, admitted = self._waiting.popleft()
            if admitted.cancelled():
                continue
            if self._fits(tokens):
                self._borrowed += tokens
                admitted.set_result(None)
            else:
                passed.append((tokens, admitted))
        self._waiting.extendleft(reversed(passed))
