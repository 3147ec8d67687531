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
    """A full buffer takes nothing more, as nats-py's own limit does; drop_oldest is claimed."""

    make = _Full


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="to get the newest event")
class DropsTheNewestOfTwice(_Roomy):
    """A pipe before the buffer holds as much again; when both are full, neither takes anything more."""

    make = _Full

    def room(self, capacity: int) -> int:
        return 2 * capacity


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="it read 1023")
class KeepsOneSlotFree(_Roomy):
    """The ring keeps one slot free to tell full from empty: it holds one less than claimed."""

    def room(self, capacity: int) -> int:
        return capacity - 1


class _Cleared(_Room):
    def overflow(self) -> None:
        self.dropped += len(self._events)
        self._events.clear()


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="events at least; seen: it read")
class ClearsAllWhenFull(_Roomy):
    """An overflow empties the buffer, instead of making room for one."""

    make = _Cleared


class _Second(_Room):
    def overflow(self) -> None:
        oldest = self._events.popleft()
        self._events.popleft()
        self._events.appendleft(oldest)
        self.dropped += 1


@bug(OVERFLOWING, "OVF-01", "OVF-06", seen="with a gap")
class EvictsTheSecondOldest(_Roomy):
    """The oldest is already in the reader's hand, so that an overflow evicts the one after it."""

    make = _Second


@bug(OVERFLOWING, "OVF-02", "OVF-06", seen="it did not within")
class WaitsForTheReader(PliableClient):
    """A bounded queue whose put waits for room: one reader that stands still stops everybody."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if any(m.channel.dropped for m in self.audience(side, event) if self.admits(m, event)):
            await asyncio.Event().wait()


@bug(OVERFLOWING, "OVF-02", "OVF-06", seen="it still had not in time")
class WaitsABitForTheReader(PliableClient):
    """A put into a full buffer waits 100 ms for room before it drops: publishing crawls."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if any(m.channel.dropped for m in self.audience(side, event) if self.admits(m, event)):
            await asyncio.sleep(0.1)


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="SubscriptionLost")
class LagEndsTheStream(PliableClient):
    """An overflow is raised to the reader as the end of its subscription."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            member.channel.lose(SubscriptionLost("the reader lagged behind"))


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="StopAsyncIteration")
class LagClosesSilently(PliableClient):
    """A slow consumer is dropped: what it holds is read, then its subscription ends as if left."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            member.channel.finish()


class _Forgotten(Channel[Any]):
    def push(self, event: Event) -> bool:
        return bool(not self.dropped or self._events) and super().push(event)


@bug(OVERFLOWING, "OVF-03", "OVF-06", seen="nothing more came")
class ForgetsAReaderThatLagged(_Roomy):
    """A reader that overran is woken no more once it has read all: its flag stays set."""

    make = _Forgotten


@bug(OVERFLOWING, "OVF-04", "OVF-06", seen="nothing of it within")
class FullBufferStopsTheFanOut(PliableClient):
    """Handing out stops at the first full buffer: whoever subscribed later misses the event."""

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
    """A tenant's subscriptions share one ring: when a slow one is full, all of them are evicted."""

    make = _Ring

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.channel.dropped:
            for other in self.bus.members:
                if other.side == member.side and other.scope == member.scope:
                    cast(_Ring, other.channel).clear()


@bug(OVERFLOWING, "OVF-05", "OVF-06", seen="it read 10")
class HoardsForASlowReader(_Roomy):
    """The buffer has no bound at all: a reader that stands still costs memory for ever."""

    def room(self, capacity: int) -> int:
        return capacity * 1_000


@bug(OVERFLOWING, "OVF-05", "OVF-06", seen="it read 3072")
class TakesThriceTheRoom(_Roomy):
    """Three buffers in a row between publisher and reader, each with the claimed capacity."""

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
    """`dropped` says that events were lost, not how many."""

    make = _CountsOverruns


@bug(OVERFLOWING, "OVF-07", seen="it is 0")
class ForgetsWhatWasDropped(_Roomy):
    """The count of lost events starts anew each time that the reader has caught up."""

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
    """Nobody counts what was lost."""

    make = _Uncounted


@bug(OVERFLOWING, "OVF-06", seen="it read 128")
class HalfTheRoomForStreams(_Roomy):
    """Streams have half the room that is claimed for them; events have theirs."""

    sides = ("streams",)

    def room(self, capacity: int) -> int:
        return capacity // 2


@bug(OVERFLOWING, "OVF-06", seen="it read 25")
class StreamsAreUnbounded(_Roomy):
    """The bound of the event side was forgotten on the stream side."""

    sides = ("streams",)

    def room(self, capacity: int) -> int:
        return capacity * 1_000
