"""Holds a subscription's events between the bus and its reader, with any of the overflow policies.

A buffer is open, then ends in one of three ways:

    finish()   the client closed        what is buffered is read first, then StopAsyncIteration
    lose(e)    nothing can come again   what is buffered is read first, then SubscriptionLost
    leave()    its owner left           what is buffered is gone; StopAsyncIteration at once
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Generator
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from eventhook_conformance.contract import Subscription, SubscriptionLost

E = TypeVar("E")

Overflow: TypeAlias = Literal["drop_oldest", "drop_newest", "block", "unbounded"]


class _Nothing(Awaitable[None]):
    """There is nothing to wait for."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


NOTHING: Final = _Nothing()
"""Returned by `push` if nobody has to wait."""


class Buffer(Subscription[E], Generic[E]):
    """A buffer with one reader, used within one event loop.

    Args:
        capacity: how many unread events it holds before it overflows.
        overflow: what happens then (OVF-01). `drop_oldest`: the oldest gives way. `drop_newest`:
            the new one is not taken. `block`: the publisher waits. `unbounded`: it grows.

    Raises:
        ValueError: the capacity is no positive number, or there is no such policy.
    """

    dropped: int
    """Events lost to overflow so far, exactly (OVF-07)."""

    def __init__(self, capacity: int, overflow: Overflow = "drop_oldest") -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; expected a positive integer")
        if overflow not in ("drop_oldest", "drop_newest", "block", "unbounded"):
            raise ValueError(
                f"overflow is {overflow!r}; expected drop_oldest, drop_newest, block, unbounded"
            )
        self.dropped = 0
        self.capacity = capacity
        self.overflow = overflow
        self._crowded_from = capacity // 2
        self._events: deque[tuple[E, str | None]] = deque()
        self._past = 0
        """How many of them, from the oldest, are history: they take no room from live events."""
        self._wakeup: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._end: Exception | None = None

    def __len__(self) -> int:
        """Returns how many unread events it holds."""
        return len(self._events)

    def push(self, event: E, cursor: str | None = None) -> Awaitable[None]:
        """Takes the event at once, by the policy, unless the subscription has ended.

        With a cursor, that is the subscription's after the event was read.

        Its result may be awaited or not. Under `block` it holds the publisher back while there
        are more events than the capacity. Otherwise it gives a reader that was woken its turn when
        the buffer is more than half full: or a reader that keeps up is overrun by a publisher that
        never waits (OVF-04).
        """
        if self._end is not None:
            return NOTHING
        events = self._events
        if len(events) - self._past >= self.capacity:
            if self.overflow == "drop_newest":
                self.dropped += 1
                return NOTHING
            if self.overflow == "drop_oldest":
                self.dropped += 1
                del events[self._past]
        wakeup = self._take(event, cursor)
        if self.overflow == "block":
            return _Room(self) if len(events) - self._past > self.capacity else NOTHING
        crowded = wakeup is not None and len(events) > self._crowded_from
        return _Turn() if crowded else NOTHING

    def _take(self, event: E, cursor: str | None) -> asyncio.Future[None] | None:
        self._events.append((event, cursor))
        wakeup = self._wakeup
        if wakeup is not None and not wakeup.done():
            wakeup.set_result(None)
        return wakeup

    async def put(self, event: E, cursor: str | None = None) -> None:
        """Waits for room, then takes the event, under any policy: history is lost to no overflow.

        Takes nothing once the subscription has ended.
        """
        while self._end is None and len(self._events) >= self.capacity:
            await self._wait_for_room()
        if self._end is None:
            self._past += self._past == len(self._events)
            self._take(event, cursor)

    async def room(self) -> None:
        """Returns when there are no more events than the capacity, or the subscription has ended."""
        while self._end is None and len(self._events) - self._past > self.capacity:
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()
        # Several publishers wait for the same: one that gives up must not take it from the others.
        await asyncio.shield(self._room)

    def _let_publishers_go(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def finish(self) -> None:
        """Notes that the client closed: no event comes after the buffered ones (PUB-17)."""
        self._end_with(StopAsyncIteration())

    def lose(self, error: SubscriptionLost) -> None:
        """Takes note that nothing can come again, and nobody asked for that (REC-10)."""
        self._end_with(error)

    def leave(self) -> None:
        """Discards the buffer and ends every read: the owner left (PUB-11)."""
        self._events.clear()
        self._past = 0
        self._end = None
        self._end_with(StopAsyncIteration())

    def _end_with(self, end: Exception) -> None:
        if self._end is None:
            self._end = end
            if self._wakeup is not None and not self._wakeup.done():
                self._wakeup.set_result(None)
            self._let_publishers_go()

    async def __anext__(self) -> E:
        """Returns the next event. A cancelled read takes none: only the last step removes one (PUB-14).

        Raises:
            StopAsyncIteration: the subscription was left, or the client closed and all is read.
            SubscriptionLost: nothing can come again.
            RuntimeError: another read is waiting; a subscription has one reader at a time.
        """
        while not self._events:
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
        event, cursor = self._events.popleft()
        self._past = max(0, self._past - 1)
        if cursor is not None:
            self.cursor = cursor
        if self._room is not None and len(self._events) <= self.capacity:
            self._let_publishers_go()
        return event


class _Turn(Awaitable[None]):
    """One turn of the event loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class _Room(Awaitable[None]):
    """An awaitable that waits until a buffer has room; no coroutine, since it need not be awaited."""

    def __init__(self, buffer: Buffer[E]) -> None:
        self._buffer = buffer

    def __await__(self) -> Generator[object, None, None]:
        yield from self._buffer.room().__await__()
