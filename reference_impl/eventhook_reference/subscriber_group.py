"""Groups subscriptions that select the same, and so share the events that come for them.

An event is handed to a crowd once, however many read. It joins the *burst*, which reaches the
buffers of all when a reader finds its own empty, when somebody wants to know what it holds, or when
the burst is a quarter of a buffer long. Nobody can see the difference but by the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from eventhook_reference.channel import Channel

E = TypeVar("E")


class SubscriberGroup(Generic[E]):
    """The subscriptions of one topic that ask for the same.

    Args:
        capacity: how many unread events each of them holds.
        matches: what of the topic's events they ask for; None if all that come here.
    """

    def __init__(self, capacity: int, matches: Callable[[E], bool] | None = None) -> None:
        self.matches = matches
        self._capacity = capacity
        self.longest = max(1, capacity // 4)
        """How many events a burst has before it is handed over."""
        self._channels: dict[SharedChannel[E], None] = {}
        self._burst: list[E] = []

    def push(self, event: E) -> bool:
        """Hands the event to all; returns whether a reader needs a turn (see `Channel.push`)."""
        burst = self._burst
        burst.append(event)
        size = len(burst)
        if size == 1:
            # A waiting reader found the burst before this one empty.
            for channel in self._channels:
                channel.wake()
        return size >= self.longest and self.hand_over()

    def hand_over(self) -> bool:
        """Ends the burst: puts it into every buffer; returns whether a reader needs a turn."""
        if not self._burst:
            return False
        burst, self._burst = self._burst, []
        crowded = False
        for channel in self._channels:
            if channel.take(burst):
                crowded = True
        return crowded

    def join(self) -> SharedChannel[E]:
        """Adds one more subscription, which gets no earlier event (PUB-13)."""
        self.hand_over()
        channel = SharedChannel(self._capacity, self)
        self._channels[channel] = None
        return channel

    def depart(self, channel: SharedChannel[E]) -> bool:
        """Removes a subscription, with the events until now; returns whether there are others."""
        self.hand_over()
        del self._channels[channel]
        return bool(self._channels)


class SharedChannel(Channel[E], Generic[E]):
    """A channel whose newest events may still be in its group's burst."""

    def __init__(self, capacity: int, crowd: SubscriberGroup[E]) -> None:
        super().__init__(capacity)
        self.crowd = crowd
        self._roomy = capacity - crowd.longest
        """With no more than so many events there is room for any burst."""

    @property
    def dropped(self) -> int:
        """Events lost to overflow so far, exactly (OVF-07)."""
        self._catch_up()
        return self._dropped

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._dropped = count

    async def __anext__(self) -> E:
        """Returns the next event; what the burst pushes out is gone before it is read (OVF-01)."""
        events = self._events
        if events:
            if len(events) > self._roomy:
                self._catch_up()
            return events.popleft()
        return await self._wait()

    def take(self, burst: list[E]) -> bool:
        """Appends the burst, of which the reader knows; returns whether that needs a turn."""
        events = self._events
        overrun = len(events) + len(burst) - self._capacity
        if overrun > 0:
            self._dropped += overrun
        events.extend(burst)
        return self._wakeup is not None and len(events) > self._crowded_from

    def _catch_up(self) -> None:
        self.crowd.hand_over()
