"""Bugs of buffers: what happens to a reader that does not keep up, and to everybody else."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from eventhook_conformance.contract import SubscriptionLost
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

OVERFLOWING: list[Mutant] = []


class _Room(Channel[Any]):
    """A buffer that knows when it is full; a bug overrides what happens then."""

    def push(self, event: Event) -> bool:
        if self._end is None and len(self._events) >= self._capacity:
            self.overflow()
        return super().push(event)

    def overflow(self) -> None:
        """Reacts before an event is pushed into a full buffer, which will drop its oldest."""


class _Roomy(PliableClient):
    """A client whose buffers are of another make."""

    make: type[Channel[Any]] = _Room
    sides: tuple[Side, ...] = ("events", "streams")

    def make_channel(self, side: Side) -> Channel[Any]:
        if side not in self.sides:
            return super().make_channel(side)
        claimed = self.capabilities
        capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        return self.make(self.room(capacity))

    def room(self, capacity: int) -> int:
        """Returns how much is really held."""
        return capacity


class _Full(Channel[Any]):
    def push(self, event: Event) -> bool:
        if self._end is None and len(self._events) >= self._capacity:
            self.dropped += 1
            return False
        return super().push(event)


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="to get the newest event")
class DropsTheNewest(_Roomy):
    """Drops the newest events of a full buffer, and claims drop_oldest."""

    make = _Full


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="to get the newest event")
class DropsTheNewestOfTwice(_Roomy):
    """Holds twice its capacity in two buffers, and drops the newest: it claims drop_oldest."""

    make = _Full

    def room(self, capacity: int) -> int:
        return 2 * capacity


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="it read 1023")
class KeepsOneSlotFree(_Roomy):
    """Keeps one slot of its ring free, and so holds one event less than it claims."""

    def room(self, capacity: int) -> int:
        return capacity - 1


class _Cleared(_Room):
    def overflow(self) -> None:
        self.dropped += len(self._events)
        self._events.clear()


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="events at least; seen: it read")
class ClearsAllWhenFull(_Roomy):
    """Empties a full buffer, instead of making room for one event."""

    make = _Cleared


class _Second(_Room):
    def overflow(self) -> None:
        oldest = self._events.popleft()
        self._events.popleft()
        self._events.appendleft(oldest)
        self.dropped += 1


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="with a gap")
class EvictsTheSecondOldest(_Roomy):
    """Evicts the second oldest event of a full buffer, not the oldest."""

    make = _Second


@bug(OVERFLOWING, "OVF-02", "OVF-06", seen="it did not within")
class WaitsForTheReader(PliableClient):
    """Blocks every publish while one buffer is full."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if any(m.channel.dropped for m in self.audience(side, event) if self.admits(m, event)):
            await asyncio.Event().wait()


@bug(OVERFLOWING, "OVF-02", "OVF-06", seen="it still had not in time")
class WaitsABitForTheReader(PliableClient):
    """Waits 100 ms for room in a full buffer at each publish before it drops."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if any(m.channel.dropped for m in self.audience(side, event) if self.admits(m, event)):
            await asyncio.sleep(0.1)


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="SubscriptionLost")
class LagEndsTheStream(PliableClient):
    """Raises an overrun to the reader as the end of its subscription."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            member.channel.lose(SubscriptionLost("the reader lagged behind"))


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="StopAsyncIteration")
class LagClosesSilently(PliableClient):
    """Ends a subscription that overran once its buffer is read, as if it had been left."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            member.channel.finish()


class _Forgotten(Channel[Any]):
    def push(self, event: Event) -> bool:
        return bool(not self.dropped or self._events) and super().push(event)


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="nothing more came")
class ForgetsAReaderThatLagged(_Roomy):
    """Wakes a reader that overran no more once it has read all."""

    make = _Forgotten


@bug(OVERFLOWING, "OVF-04", "OVF-06", seen="nothing of it within")
class FullBufferStopsTheFanOut(PliableClient):
    """Stops the fan-out at the first full buffer: later subscriptions miss the event."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        audience = [m for m in super().audience(side, event) if self.admits(m, event)]
        for place, member in enumerate(audience, 1):
            if member.channel.dropped:
                return audience[:place]
        return audience


class _Ring(Channel[Any]):
    def clear(self) -> None:
        self._events.clear()


@bug(OVERFLOWING, "OVF-04", "OVF-06", seen="which was active and asked for it")
class OneRingForAll(_Roomy):
    """Shares one ring among a tenant's subscriptions: a slow reader makes all of them lose events."""

    make = _Ring

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            for other in self.bus.members:
                if other.side == member.side and other.scope == member.scope:
                    cast(_Ring, other.channel).clear()


@bug(OVERFLOWING, "OVF-05", "OVF-06", seen="it read 10")
class HoardsForASlowReader(_Roomy):
    """Buffers without a bound for a reader that does not read."""

    def room(self, capacity: int) -> int:
        return capacity * 1_000


@bug(OVERFLOWING, "OVF-05", "OVF-06", seen="it read 3072")
class TakesThriceTheRoom(_Roomy):
    """Holds three times the claimed capacity, in three buffers in a row."""

    def room(self, capacity: int) -> int:
        return capacity * 3


class _CountsOverruns(_Room):
    def overflow(self) -> None:
        self.dropped = 0


class _ForgetsWhenRead(Channel[Any]):
    async def __anext__(self) -> Any:
        event = await super().__anext__()
        if not self._events:
            self.dropped = 0
        return event


@bug(OVERFLOWING, "OVF-07", seen="it is 1")
class CountsOverrunsNotEvents(_Roomy):
    """Counts overruns in `dropped`, not lost events."""

    make = _CountsOverruns


@bug(OVERFLOWING, "OVF-07", seen="it is 0")
class ForgetsWhatWasDropped(_Roomy):
    """Sets `dropped` back to 0 each time that the reader has caught up."""

    make = _ForgetsWhenRead


class _Uncounted(Channel[Any]):
    dropped = None  # type: ignore[assignment]  # because: that it does not know is the bug

    def __setattr__(self, name: str, value: object) -> None:
        if name != "dropped":
            super().__setattr__(name, value)

    def push(self, event: Event) -> bool:
        if self._end is None and len(self._events) == self._capacity:
            self._events.popleft()
        return super().push(event)


@bug(OVERFLOWING, "OVF-07", seen="the bus does not tell")
class LagsSilently(_Roomy):
    """Counts no lost events: `dropped` stays 0."""

    make = _Uncounted


@bug(OVERFLOWING, "OVF-06", seen="it read 128")
class HalfTheRoomForStreams(_Roomy):
    """Holds half the claimed capacity for streams."""

    sides = ("streams",)

    def room(self, capacity: int) -> int:
        return capacity // 2


@bug(OVERFLOWING, "OVF-06", seen="it read 25")
class StreamsAreUnbounded(_Roomy):
    """Buffers stream events without a bound."""

    sides = ("streams",)

    def room(self, capacity: int) -> int:
        return capacity * 1_000
