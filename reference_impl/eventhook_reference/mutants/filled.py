"""Bugs that show where a subscription ends while it is full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

from eventhook_conformance.contract import Subscription
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import PliableClient, Side
from eventhook_reference.mutants.variants import Blocks, KeepsOldest, Waiting

FILLED: list[Mutant] = []

_ATTEMPTS = 3
_HYSTERESIS = 4


class _Bounded(PliableClient):
    """Small buffers; what finds one full is dropped."""

    capabilities = Capabilities(overflow="drop_newest", event_capacity=16, stream_capacity=16)
    late: ClassVar[frozenset[Side]] = frozenset({"events", "streams"})
    """The sides that have the bug."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return KeepsOldest(16)

    async def room(self, side: Side, channel: Channel[Any]) -> None:
        """Waits for ever if the buffer is full."""
        if side in self.late and len(channel._events) >= 16:  # noqa: SLF001  # because: the bug reaches in
            await asyncio.get_running_loop().create_future()


@bug(FILLED, "PUB-11", seen="leaving to return")
class LeavesThroughItsQueue(_Bounded):
    """Puts an end mark into the queue when leaving, and waits while that is full."""

    late = frozenset({"events"})

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as subscription:
            channel: Any = subscription
            try:
                yield channel
            finally:
                await self.room(side, channel)


@bug(FILLED, "STR-06", seen="leaving to return")
class LeavesAStreamThroughItsQueue(LeavesThroughItsQueue):
    """Puts an end mark into a stream's queue when leaving, and waits while that is full."""

    late = frozenset({"streams"})


@bug(FILLED, "PUB-17", "STR-06", seen="closing")
class ClosesThroughItsQueues(_Bounded):
    """Puts an end mark into each queue when closing, and waits while one is full."""

    async def aclose(self) -> None:
        for member in [one for one in self.bus.members if one.client is self]:
            await self.room(member.side, member.channel)
        await super().aclose()


@bug(FILLED, "PUB-23", seen="it goes on")
class CancellationWaitsForRoom(_Bounded):
    """Shields the cleanup of a cancelled consumer, which waits for room in its full queue."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as subscription:
            channel: Any = subscription
            try:
                yield channel
            except asyncio.CancelledError:
                for _ in range(_ATTEMPTS):
                    with suppress(asyncio.CancelledError):
                        await self.room(side, channel)
                raise


class _Forgetful(Waiting):
    """An end that no publisher is told of."""

    forgets: ClassVar[str]

    def finish(self) -> None:
        if self.forgets != "finish":
            super().finish()
        elif not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    def leave(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self._ended = True
        if self.forgets != "leave":
            self._space.set()
        self._queue.put_nowait(None)


class _ForgetsWhenLeft(_Forgetful):
    forgets = "leave"


class _ForgetsWhenClosed(_Forgetful):
    forgets = "finish"


@bug(FILLED, "PUB-12", "STR-06", seen="publish, which waited for a reader that was left,")
class LeavingForgetsThePublisher(Blocks):
    """Never wakes a publisher that waits for a full reader when that reader leaves."""

    def make_channel(self, side: Side) -> Any:
        return _ForgetsWhenLeft(50)


@bug(FILLED, "PUB-17", "STR-06", seen="publish, which waited for a reader that was closed,")
class ClosingForgetsThePublisher(Blocks):
    """Never wakes a publisher that waits for a full reader when the reader's client closes."""

    def make_channel(self, side: Side) -> Any:
        return _ForgetsWhenClosed(50)


class _Hysteresis(Channel[Any]):
    """Takes nothing from the moment that it is full until four places are free."""

    _shut = False

    def push(self, event: Any) -> bool:
        free = self._capacity - len(self._events)
        self._shut = free < (_HYSTERESIS if self._shut else 1)
        if self._shut and self._end is None:
            self.dropped += 1
            return False
        return super().push(event)


class _Sided(PliableClient):
    """Claims an overflow of another policy, and has a bug on one side."""

    bugged: ClassVar[Side] = "events"

    def make(self, capacity: int) -> Channel[Any]:
        """Returns the buffer of a subscription on the side with the bug."""
        return Channel(capacity)

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == self.bugged:
            return self.make(16)
        return KeepsOldest(16) if self.capabilities.overflow == "drop_newest" else Channel(1 << 20)


@bug(FILLED, "OVF-01", seen="when there was room again")
class OpensAgainWhenFourAreFree(_Sided):
    """Drops what comes from the moment that a buffer is full until four places in it are free."""

    capabilities = Capabilities(overflow="drop_newest", event_capacity=16, stream_capacity=16)

    def make(self, capacity: int) -> Channel[Any]:
        return _Hysteresis(capacity)


@bug(FILLED, "OVF-06", seen="when there was room again")
class OpensStreamsAgainWhenFourAreFree(OpensAgainWhenFourAreFree):
    """Drops what comes from the moment that a stream's buffer is full until four places are free."""

    bugged = "streams"


@bug(FILLED, "OVF-01", seen="since no bound is claimed")
class HasABoundAfterAll(_Sided):
    """Claims no bound, and has one at eight times the capacity, where nobody would come."""

    capabilities = Capabilities(overflow="unbounded", event_capacity=64, stream_capacity=64)

    def make(self, capacity: int) -> Channel[Any]:
        return Channel(8 * 64)


@bug(FILLED, "OVF-06", seen="since no bound is claimed")
class HasABoundForStreamsAfterAll(HasABoundAfterAll):
    """Claims no bound, and has one for streams at eight times the capacity, where nobody would come."""

    bugged = "streams"
