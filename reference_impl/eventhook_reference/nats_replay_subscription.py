"""One subscription to a history on JetStream: events with their cursors, fed by a reader of the stream."""

from __future__ import annotations

import asyncio
from typing import Final, Generic, TypeVar

from eventhook_conformance.contract import FlovynEvent, StreamEvent, Subscription, SubscriptionLost
from eventhook_reference.channel import Channel
from eventhook_reference.nats_replay_live import Reader
from eventhook_reference.nats_replay_streams import Place

E = TypeVar("E", FlovynEvent, StreamEvent)

_LOOK_S: Final = 0.01


class ReplaySubscription(Subscription[E], Generic[E]):
    """A bounded buffer of events and cursors.

    While history is read, no more is asked for than there is room for; a live reader that falls behind
    loses the oldest (OVF-01).

    Args:
        place: gives the cursors.
        capacity: how many unread events it holds.
    """

    dropped: int | None

    def __init__(self, place: Place, capacity: int) -> None:
        self.place = place
        self.reader: Reader
        self.beginning: str | None = None
        """The cursor of where it begins; None: at the start of all that is retained."""
        self._channel: Channel[tuple[E, str]] = Channel(capacity)
        self._unread = 0
        self._window = capacity // 2
        """How much history is read ahead of a slow reader, in events."""

    def push(self, event: E, number: int) -> bool:
        """Takes an event of the stream; returns whether its reader needs a turn before the next."""
        before = self._channel.dropped
        crowded = self._channel.push((event, self.place.cursor(number)))
        self._unread += 1 - (self._channel.dropped - before)
        return crowded

    def room(self) -> int:
        """Returns how much more history is welcome."""
        return self._window - self._unread

    async def __anext__(self) -> E:
        event, self.cursor = await anext(self._channel)
        self._unread -= 1
        self.dropped = self._channel.dropped
        if self._unread < self._window // 2:
            self.reader.more_room()
        return event

    async def caught_up(self) -> None:
        """Waits until the stream has delivered the history of this subscription."""
        await self.reader.caught_up()

    async def drained(self) -> None:
        """Returns once everything that the stream had for this subscription has been read."""
        while not await self.reader.caught_up() or self._unread:  # noqa: ASYNC110  # because: a reader announces no read, and is not to be slowed
            await asyncio.sleep(_LOOK_S)

    def finish(self) -> None:
        """Ends the subscription after the buffered events: its client closes."""
        self._channel.finish()

    def lose(self, error: SubscriptionLost) -> None:
        """Ends the subscription after the buffered events: nothing can come any more."""
        self._channel.lose(error)

    def leave(self) -> None:
        """Ends the subscription at once: its owner left."""
        self._channel.leave()
