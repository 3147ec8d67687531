"""Keeps the channels of the in-memory bus: the subscriptions to each tenant's events and key's stream.

A publish must cost what its matching subscriptions cost, not what all of the tenant's do. So those
that ask for the same form a `Crowd`, to which an event is handed once. The crowds lie in *buckets*,
each under the most selective filter that its pattern sets, and an event looks only into the few
buckets that could hold a match. A UUID counts as its integer here, which is hashed several times as
fast.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_reference.subscriber_group import SharedChannel, SubscriberGroup

E = TypeVar("E")
K = TypeVar("K", bound=Hashable)

Facet: TypeAlias = Callable[[Any], int | str | None]
"""Returns the member of an event that tells its bucket of a kind."""
Bucket: TypeAlias = tuple[Facet, int | str | None]

_NOBODY: Final[dict[Hashable, SubscriberGroup[Any]]] = {}


def _category(event: FlovynEvent) -> str:
    return event.event_type.partition(".")[0]


def _workflow(event: FlovynEvent) -> int | None:
    workflow = event.workflow_execution_id
    return None if workflow is None else workflow.int


def _task(event: FlovynEvent) -> int | None:
    task = event.task_execution_id
    return None if task is None else task.int


@dataclass(frozen=True)
class Interest(Generic[E]):
    """One subscription's request, and the bucket that it belongs in."""

    asks: Hashable = None
    """Subscriptions that ask for the same join the same group."""
    bucket: Bucket | None = None
    """None: every event may be a match."""
    matches: Callable[[E], bool] | None = None
    """The part of the filter that the bucket does not decide; None if it decides all."""


def event_interest(pattern: EventPattern) -> Interest[FlovynEvent]:
    """Returns the narrowest bucket for a pattern."""
    prefix = pattern.event_type_prefix
    if pattern.workflow_execution_id is not None:
        bucket: Bucket | None = (_workflow, pattern.workflow_execution_id.int)
        decides = EventPattern.for_workflow(pattern.tenant_id, pattern.workflow_execution_id)
    elif pattern.task_execution_id is not None:
        bucket = (_task, pattern.task_execution_id.int)
        decides = EventPattern.for_task(pattern.tenant_id, pattern.task_execution_id)
    elif prefix is not None:
        category = prefix.partition(".")[0]
        bucket = (_category, category)
        decides = EventPattern.by_type(pattern.tenant_id, category)
    else:
        bucket = None
        decides = EventPattern.all(pattern.tenant_id)
    return Interest(pattern, bucket, None if decides == pattern else pattern.matches)


@dataclass(eq=False)
class Topic(Generic[E]):
    """One channel of the bus, held by the clients that used it."""

    holders: set[object] = field(default_factory=set)
    _for_all: dict[Hashable, SubscriberGroup[E]] = field(default_factory=dict)
    """The bucket that every event looks into."""
    _open_to_all: tuple[SubscriberGroup[E], ...] = ()
    """Its groups, which are looked through faster than a dictionary."""
    _buckets: dict[Facet, dict[int | str | None, dict[Hashable, SubscriberGroup[E]]]] = field(
        default_factory=dict
    )

    @property
    def active(self) -> bool:
        """True if a subscription is active on it."""
        return bool(self._for_all or self._buckets)

    def join(self, interest: Interest[E], capacity: int) -> SharedChannel[E]:
        """Makes a subscription active."""
        bucket = self._for_all
        if interest.bucket is not None:
            facet, value = interest.bucket
            bucket = self._buckets.setdefault(facet, {}).setdefault(value, {})
        crowd = bucket.get(interest.asks)
        if crowd is None:
            crowd = bucket[interest.asks] = SubscriberGroup(capacity, interest.matches)
            self._open_to_all = tuple(self._for_all.values())
        return crowd.join()

    def depart(self, interest: Interest[E], channel: SharedChannel[E]) -> None:
        """Ends a subscription that was active."""
        if channel.crowd.depart(channel):
            return
        if interest.bucket is None:
            del self._for_all[interest.asks]
            self._open_to_all = tuple(self._for_all.values())
            return
        facet, value = interest.bucket
        bucket = self._buckets[facet][value]
        del bucket[interest.asks]
        if not bucket:
            del self._buckets[facet][value]
        if not self._buckets[facet]:
            del self._buckets[facet]

    def push(self, event: E) -> bool:
        """Hands the event to all that match; returns whether a reader needs a turn (see `Channel.push`)."""
        crowded = False
        for crowd in self._open_to_all:
            if (crowd.matches is None or crowd.matches(event)) and crowd.push(event):
                crowded = True
        if self._buckets:
            for facet, buckets in self._buckets.items():
                for crowd in buckets.get(facet(event), _NOBODY).values():
                    if (crowd.matches is None or crowd.matches(event)) and crowd.push(event):
                        crowded = True
        return crowded


class Topics(dict[K, Topic[E]], Generic[K, E]):
    """The topics of one side of the bus, by tenant or by stream key."""

    def held_by(self, holder: object, key: K) -> Topic[E]:
        """Returns the topic of that key, made where there is none; from now on held by `holder`."""
        topic = self.get(key)
        if topic is None:
            topic = self[key] = Topic()
        topic.holders.add(holder)
        return topic

    def remove_idle(self) -> int:
        """Removes what no subscription is active on (CLN-01); returns how many."""
        return self._remove([key for key, topic in self.items() if not topic.active])

    def let_go(self, holder: object) -> None:
        """Forgets a closed client, and the channels that no other client uses."""
        for topic in self.values():
            topic.holders.discard(holder)
        self._remove([key for key, topic in self.items() if not topic.holders])

    def _remove(self, keys: list[K]) -> int:
        for key in keys:
            del self[key]
        return len(keys)
