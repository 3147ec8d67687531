"""Knows the order of one channel, as far as its readers saw it and its publishers fixed it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eventhook_conformance.checker.excuses import Overflow
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.history import Publish, Subscribed
from eventhook_conformance.target import Capabilities


@dataclass(frozen=True)
class Reading:
    """The events that one subscription read of a channel, first deliveries only."""

    subscription: Subscribed
    reads: Sequence[Publish]
    places: dict[Publish, int]
    earliest: Sequence[int]
    """For each place, the least step at which an event there or later was called."""
    never_read: Sequence[Publish]
    """Events owed to it live that it did not read."""


class ChannelOrder:
    """Tells which events come before and after one in its channel, as far as that is known.

    Args:
        subscriptions: those of the channel.
        origins: where their deliveries come from.
        capabilities: the claims.
    """

    def __init__(
        self, subscriptions: Sequence[Subscribed], origins: Origins, capabilities: Capabilities
    ) -> None:
        self._origins = origins
        self._claimed = capabilities
        self._readings = [self._reading(one) for one in subscriptions]
        self._with: dict[Publish, list[Reading]] = defaultdict(list)
        for reading in self._readings:
            for publish in reading.reads:
                self._with[publish].append(reading)
        self._scope = origins.in_scope(subscriptions[0]) if subscriptions else []
        self._called = [publish.called.step for publish in self._scope]

    def _reading(self, subscription: Subscribed) -> Reading:
        reads = [publish for publish, _ in self._origins.reads[subscription]]
        earliest: list[int] = []
        least = 1 << 62
        for publish in reversed(reads):
            least = min(least, publish.called.step)
            earliest.append(least)
        earliest.reverse()
        places = {publish: place for place, publish in enumerate(reads)}
        never_read = [one for one in self._owed_live(subscription) if one not in places]
        return Reading(subscription, reads, places, earliest, never_read)

    def _owed_live(self, reader: Subscribed) -> Iterator[Publish]:
        entered, ends = reader.entered, reader.ends
        if entered is None:
            return
        for publish in self._origins.matching(reader):
            if (
                publish.outcome == "ok"
                and publish.called.step >= entered.step
                and (ends is None or publish.called.step < ends.step)
                and (self._claimed.activation == "bus" or publish.client == reader.client)
            ):
                yield publish

    def readings_of(self, publish: Publish, but: Subscribed) -> Iterable[Reading]:
        """Returns the readings that contain an event, without those of one subscription."""
        return (one for one in self._with.get(publish, ()) if one.subscription is not but)

    def comes_before(self, publish: Publish, cursor: Publish, reader: Subscribed) -> bool:
        """Returns whether an event is known to come before another, by readers other than one."""
        if self._fixed(publish, cursor):
            return True
        return any(
            one.places.get(publish, 1 << 62) < one.places[cursor]
            for one in self.readings_of(cursor, reader)
        )

    def _fixed(self, first: Publish, second: Publish) -> bool:
        """Returns whether publishers fixed the order of two events."""
        same = (first.client, first.epoch) == (second.client, second.epoch)
        return (same or self._claimed.causal_order) and first.before(second)

    def after(self, cursor: Publish, reader: Subscribed, until: int) -> set[Publish]:
        """Returns the events known to come after one, and called before a step.

        Args:
            cursor: the event.
            reader: whose own deliveries do not count.
            until: the step.
        """
        found: set[Publish] = set()
        if cursor.settled is not None:
            first = bisect_left(self._called, cursor.settled.step)
            for publish in self._scope[first : bisect_left(self._called, until)]:
                if self._fixed(cursor, publish):
                    found.add(publish)
        for one in self.readings_of(cursor, reader):
            for place in range(one.places[cursor] + 1, len(one.reads)):
                if one.earliest[place] >= until:
                    break
                if one.reads[place].called.step < until:
                    found.add(one.reads[place])
            found.update(self._missed(one, cursor, until))
        return found

    def _missed(self, reading: Reading, cursor: Publish, until: int) -> Iterator[Publish]:
        """Yields events that a reader was owed after the cursor's event, and never got."""
        if not reading.never_read:
            return
        reader = reading.subscription
        known = next(
            delivery.returned.step
            for publish, delivery in self._origins.reads[reader]
            if publish is cursor
        )
        overflow = Overflow.of(reader, self._origins, self._claimed)
        for publish in reading.never_read:
            if publish.called.step < until and not (
                overflow is not None and overflow.covers(publish, known)
            ):
                yield publish

    def disagreement(self, reader: Subscribed) -> tuple[Subscribed, Publish, Publish] | None:
        """Returns another reader that got two events in the opposite order, and these two events."""
        mine = next(one for one in self._readings if one.subscription is reader)
        others = {
            id(one): one for publish in mine.reads for one in self.readings_of(publish, reader)
        }
        for other in others.values():
            short, long = sorted((mine, other), key=lambda one: len(one.reads))
            common = [publish for publish in short.reads if publish in long.places]
            for first, second in pairwise(common):
                if long.places[first] > long.places[second]:
                    one, two = (first, second) if short is mine else (second, first)
                    return other.subscription, one, two
        return None
