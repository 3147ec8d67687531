"""Holds a subscription's events between the bus and its reader; one for both reference backends.

A subscription is open, then ends in one of three ways:

    finish()   the client closed        what is buffered is read first, then StopAsyncIteration
    lose(e)    nothing can come again   what is buffered is read first, then SubscriptionLost
    leave()    its owner left           what is buffered is gone; StopAsyncIteration at once
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, TypeVar

from eventhook_conformance.contract import SubscribeError, Subscription, SubscriptionLost

E = TypeVar("E")


class Channel(Subscription[E], Generic[E]):
    """A bounded buffer with one reader; at capacity the oldest event gives way (OVF-01, OVF-05).

    Args:
        capacity: how many unread events it holds.
    """

    dropped: int
    """Events lost to overflow so far, exactly (OVF-07)."""

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._crowded_from = capacity // 2
        self._events: deque[E] = deque(maxlen=capacity)
        self._wakeup: asyncio.Future[None] | None = None
        self._end: Exception | None = None

    @property
    def waiting(self) -> int:
        """Returns how many events wait for the reader."""
        return len(self._events)

    def push(self, event: E) -> bool:
        """Appends the event, unless the subscription has ended.

        Returns whether a woken reader has not run yet and the buffer is more than half full. The caller
        should then give the event loop a turn before it pushes more. Else a producer that never waits
        overruns a reader that keeps up (OVF-04).
        """
        if self._end is not None:
            return False
        events = self._events
        if len(events) == self._capacity:
            self.dropped += 1
        events.append(event)
        return self._wakeup is not None and self.wake() and len(events) > self._crowded_from

    def wake(self) -> bool:
        """Wakes the reader; returns whether there is one that waits, or was woken and has not run yet."""
        wakeup = self._wakeup
        if wakeup is None:
            return False
        if not wakeup.done():
            wakeup.set_result(None)
        return True

    def finish(self) -> None:
        """Notes that the client closed: no event comes after the buffered ones (PUB-17)."""
        self._end_with(StopAsyncIteration())

    def lose(self, error: SubscriptionLost) -> None:
        """Notes that nothing can come again, which is a loss (REC-10)."""
        self._end_with(error)

    def leave(self) -> None:
        """Discards the buffer and ends every read: the owner left (PUB-11)."""
        self._events.clear()
        self._end = None
        self._end_with(StopAsyncIteration())

    def _end_with(self, end: Exception) -> None:
        if self._end is None:
            self._end = end
            self.wake()

    async def __anext__(self) -> E:
        """Returns the next event. A cancelled read takes none: only the last step removes one (PUB-14).

        Raises:
            StopAsyncIteration: the subscription was left, or the client closed and all is read.
            SubscriptionLost: nothing can come again.
            RuntimeError: another read is waiting; a subscription has one reader at a time.
        """
        if self._events:
            return self._events.popleft()
        return await self._wait()

    async def _wait(self) -> E:
        """Waits for the next event. It is apart, so that reading a buffered event stays short."""
        while True:
            self._catch_up()
            if self._events:
                return self._events.popleft()
            if self._end is not None:
                raise self._end.with_traceback(None)
            if self._wakeup is not None and not self._wakeup.done():
                raise RuntimeError("another read is waiting on this subscription; await it first")
            wakeup = self._wakeup = asyncio.get_running_loop().create_future()
            try:
                await wakeup
            finally:
                if self._wakeup is wakeup:
                    self._wakeup = None

    def _catch_up(self) -> None:
        """Takes events of this subscription that are still in another place."""


class SubscribeContext(AbstractAsyncContextManager[Subscription[E]], ABC, Generic[E]):
    """The context that `subscribe` returns: does nothing before it is entered, and is entered once."""

    _entered = False

    async def __aenter__(self) -> Subscription[E]:
        self._check()
        if self._entered:
            raise SubscribeError(
                "this subscription was entered before; call subscribe() again for another"
            )
        self._entered = True
        return await self._enter()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    @abstractmethod
    def _check(self) -> None:
        """Raises `BusClosed`, or `InvalidPattern` for a malformed selection."""

    @abstractmethod
    async def _enter(self) -> Subscription[E]:
        """Makes the subscription active, or raises and leaves nothing behind (PUB-23)."""

    @abstractmethod
    async def _leave(self) -> None:
        """Ends the subscription; does nothing where it never became active."""
