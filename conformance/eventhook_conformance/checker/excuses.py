"""Decides whether a missing event is excused: by overflow under the claimed policy, or by a fault."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eventhook_conformance.checker.origins import Origins, Read
from eventhook_conformance.history import Delivery, FaultWindow, Publish, Subscribed
from eventhook_conformance.target import Capabilities

_NEVER: Final = 1 << 62


@dataclass(frozen=True)
class _Crowd:
    """Publishes that may take room: the step of each call, and the step from which it takes none."""

    called: list[int]
    gone: list[int]

    @classmethod
    def of(cls, publishes: Sequence[Publish], gone: Mapping[Publish, int]) -> _Crowd:
        return cls(
            sorted(publish.called.step for publish in publishes),
            sorted(gone.get(publish, _NEVER) for publish in publishes),
        )

    def within(self, since: int, until: int) -> int:
        """Returns how many publishes were called before `until` and still took room at `since`."""
        return bisect_left(self.called, until) - bisect_right(self.gone, since)


class Overflow:
    """Decides whether overflow may have cost a subscription an event.

    Counts generously: every event that may have been in the buffer with this one, and events of other
    clients may arrive at any later time, unless causal order is claimed. So it may
    excuse a few events too many around an overrun; the OVF cases are exact there.
    """

    def __init__(
        self,
        crowd: Sequence[Publish],
        reads: Mapping[Publish, Delivery],
        capacity: int,
        capabilities: Capabilities,
    ) -> None:
        self._capacity = capacity
        self._newest_first = capabilities.overflow == "drop_newest"
        self._crowd = set(crowd)
        settled = {p: p.settled.step for p in crowd if p.settled is not None}
        read = {publish: delivery.returned.step for publish, delivery in reads.items()}
        gone = settled if capabilities.causal_order and not self._newest_first else read
        clients: dict[str, list[Publish]] = defaultdict(list)
        for publish in crowd:
            clients[publish.client].append(publish)
        self._everybody = _Crowd.of(crowd, gone)
        self._client = {client: _Crowd.of(its, gone) for client, its in clients.items()}
        self._publisher = {client: _Crowd.of(its, settled) for client, its in clients.items()}

    @classmethod
    def of(
        cls,
        subscription: Subscribed,
        origins: Origins,
        capabilities: Capabilities,
    ) -> Overflow | None:
        """Makes the `Overflow` of a subscription; returns None if nothing may be lost."""
        if capabilities.overflow in ("block", "unbounded"):
            return None
        events = subscription.side == "events"
        capacity = capabilities.event_capacity if events else capabilities.stream_capacity
        # In one ring for the whole tenant, filtered-out events take room too (PAT-13).
        shared = capabilities.overflow_scope == "tenant"
        takes_room = origins.in_scope(subscription) if shared else origins.matching(subscription)
        came = dict(origins.reads[subscription])
        entering = subscription.entering.step
        crowd = [
            publish
            for publish in takes_room
            if publish.outcome != "refused"
            and (publish.settled is None or publish.settled.step > entering)
            # Dropped newest events never took room: only those that were read did.
            and (shared or capabilities.overflow != "drop_newest" or publish in came)
        ]
        return cls(crowd, came, capacity, capabilities) if len(crowd) >= capacity else None

    def covers(self, missing: Publish, known: int) -> bool:
        """Returns whether `capacity` others may have stood in the buffer with the missing one.

        Args:
            known: the step at which it was known not to come.
        """
        since, client = missing.called.step, missing.client
        nobody = _Crowd([], [])
        others = self._everybody.within(since, known) - self._client.get(client, nobody).within(
            since, known
        )
        if self._newest_first:
            until = missing.returned.step if missing.returned else known
            mine = self._client.get(client, nobody).within(since, until)
        else:
            mine = self._publisher.get(client, nobody).within(since, known)
        itself = missing in self._crowd
        return others + mine - itself >= self._capacity


def faulted(
    publish: Publish, known: int, reads: Sequence[Read], faults: Iterable[FaultWindow]
) -> bool:
    """Returns whether a fault may have cost a subscription the event (REC-03).

    Args:
        known: the step at which it was known not to come.
        reads: the subscription's deliveries.
    """
    return any(
        fault.began.step < known and publish.called.step < _over(fault, reads) for fault in faults
    )


def _over(fault: FaultWindow, reads: Sequence[Read]) -> int:
    """Returns when a fault was over for a subscription: at its first read of a later publish.

    The fault excuses nothing for a subscription that never got anything again.
    """
    if fault.ended is None:
        return _NEVER
    ended = fault.ended.step
    heard = (read.returned.step for publish, read in reads if publish.called.step > ended)
    return min(heard, default=ended)
