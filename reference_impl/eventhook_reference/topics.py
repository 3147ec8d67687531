"""The channels of the in-memory bus: who subscribed to one tenant's events, or to one key's stream.

A publish must cost what its matching subscriptions cost, not what all of the tenant's do. So the
subscribers lie in *buckets*, each under the most selective filter that its pattern sets, and an event
looks only into the few buckets that could hold a match.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_reference.channel import Channel

E = TypeVar("E")
K = TypeVar("K", bound=Hashable)

Bucket = tuple[str, UUID | str | None]
EVERYTHING: Final[Bucket] = ("everything", None)


@dataclass(eq=False, frozen=True)
class Subscriber(Generic[E]):
    """One active subscription, and where it lies."""

    channel: Channel[E]
    bucket: Bucket = EVERYTHING
    matches: Callable[[E], bool] | None = None
    """What the bucket alone does not decide; None if it decides all."""


def event_subscriber(
    pattern: EventPattern, channel: Channel[FlovynEvent]
) -> Subscriber[FlovynEvent]:
    """A subscriber in the narrowest bucket for its pattern."""
    prefix = pattern.event_type_prefix
    if pattern.workflow_execution_id is not None:
        bucket: Bucket = ("workflow", pattern.workflow_execution_id)
        decides = EventPattern.for_workflow(pattern.tenant_id, pattern.workflow_execution_id)
    elif pattern.task_execution_id is not None:
        bucket = ("task", pattern.task_execution_id)
        decides = EventPattern.for_task(pattern.tenant_id, pattern.task_execution_id)
    elif prefix is not None:
        category = prefix.partition(".")[0]
        bucket = ("category", category)
        decides = EventPattern.by_type(pattern.tenant_id, category)
    else:
        bucket = EVERYTHING
        decides = EventPattern.all(pattern.tenant_id)
    return Subscriber(channel, bucket, None if decides == pattern else pattern.matches)


def event_buckets(event: FlovynEvent) -> list[Bucket]:
    """Every bucket in which a pattern that matches the event can lie."""
    buckets = [EVERYTHING, ("category", event.event_type.partition(".")[0])]
    if event.workflow_execution_id is not None:
        buckets.append(("workflow", event.workflow_execution_id))
    if event.task_execution_id is not None:
        buckets.append(("task", event.task_execution_id))
    return buckets


@dataclass(eq=False)
class Topic(Generic[E]):
    """One channel of the bus, held by the clients that used it."""

    holders: set[object] = field(default_factory=set)
    _buckets: dict[Bucket, tuple[Subscriber[E], ...]] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether a subscription is active on it."""
        return bool(self._buckets)

    def add(self, subscriber: Subscriber[E]) -> None:
        """Makes the subscriber active."""
        bucket = subscriber.bucket
        self._buckets[bucket] = (*self._buckets.get(bucket, ()), subscriber)

    def discard(self, subscriber: Subscriber[E]) -> None:
        """Ends the subscriber, if it is active."""
        bucket = subscriber.bucket
        crowd = self._buckets.get(bucket, ())
        if subscriber not in crowd:
            return
        place = crowd.index(subscriber)
        rest = crowd[:place] + crowd[place + 1 :]
        if rest:
            self._buckets[bucket] = rest
        else:
            self._buckets.pop(bucket, None)

    def push(self, event: E, buckets: Iterable[Bucket]) -> bool:
        """Hands the event to all that match; whether a reader needs a turn (see `Channel.push`).

        A bucket is an immutable tuple, replaced by subscribing and leaving: neither disturbs a push.
        """
        crowded = False
        for bucket in buckets:
            for subscriber in self._buckets.get(bucket, ()):
                matches = subscriber.matches
                if (matches is None or matches(event)) and subscriber.channel.push(event):
                    crowded = True
        return crowded


class Topics(dict[K, Topic[E]], Generic[K, E]):
    """All topics of one side of the bus, by tenant or by stream key."""

    def held_by(self, holder: object, key: K) -> Topic[E]:
        """The topic of that key, made where there is none; from now on held by `holder`."""
        topic = self.get(key)
        if topic is None:
            topic = self[key] = Topic()
        topic.holders.add(holder)
        return topic

    def remove_idle(self) -> int:
        """Removes what no subscription is active on (CLN-01); returns how many."""
        return self._remove([key for key, topic in self.items() if not topic.active])

    def let_go(self, holder: object) -> None:
        """Forgets a client that closed, and with it what nobody else holds."""
        for topic in self.values():
            topic.holders.discard(holder)
        self._remove([key for key, topic in self.items() if not topic.holders])

    def _remove(self, keys: list[K]) -> int:
        for key in keys:
            del self[key]
        return len(keys)
