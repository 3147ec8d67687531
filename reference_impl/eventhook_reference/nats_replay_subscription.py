"""One subscription to a history on JetStream: events with their cursors, fed by a consumer."""

from __future__ import annotations

from typing import Generic, TypeVar

from eventhook_conformance.contract import FlovynEvent, StreamEvent, Subscription, SubscriptionLost
from eventhook_reference.channel import Channel
from eventhook_reference.nats_replay_consumer import HistoryConsumer
from eventhook_reference.nats_replay_streams import Place

E = TypeVar("E", FlovynEvent, StreamEvent)


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
        self.consumer: HistoryConsumer
        self._channel: Channel[tuple[E, str]] = Channel(capacity)
        self._unread = 0
        self._window = capacity // 2
        """How much history is read ahead of a slow reader, in events."""

    def push(self, event: E, number: int) -> None:
        """Takes an event of the consumer."""
        before = self._channel.dropped
        self._channel.push((event, self.place.cursor(number)))
        self._unread += 1 - (self._channel.dropped - before)

    def room(self) -> int:
        """Returns how much more history is welcome."""
        return self._window - self._unread

    async def __anext__(self) -> E:
        event, self.cursor = await anext(self._channel)
        self._unread -= 1
        self.dropped = self._channel.dropped
        if self._unread < self._window // 2:
            self.consumer.more_room()
        return event

    async def caught_up(self) -> None:
        """Waits until the consumer has delivered what the server had for it."""
        await self.consumer.caught_up()

    def finish(self) -> None:
        """Ends the subscription after what is buffered: its client closes."""
        self._channel.finish()

    def lose(self, error: SubscriptionLost) -> None:
        """Ends the subscription after what is buffered: nothing can come any more."""
        self._channel.lose(error)

    def leave(self) -> None:
        """Ends the subscription at once: its owner left."""
        self._channel.leave()
