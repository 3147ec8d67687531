"""Reads before a case publishes more than a subscription claims to hold.

Cases are written for a capacity of `AMPLE` unread events or more. For a target that claims less, what would
be too much is read first, so that the cases ask it what they ask all others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from eventhook_conformance.contract import EventPattern, StreamEvent
from eventhook_conformance.history import Event, History, Publish, Subscribed
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.publisher_order import event_key
from eventhook_conformance.target import Capabilities

AMPLE: Final = 8
"""From this capacity on, no case leaves more unread than is claimed, but where overflow is the matter."""


class Relief:
    """Keeps the subscriptions of one case from being overrun.

    Args:
        listeners: the subscriptions of the case, those that it is still to make too.
        history: the case's.
        capabilities: the target's claims.
    """

    def __init__(
        self, listeners: Sequence[Listener], history: History, capabilities: Capabilities
    ) -> None:
        self._listeners = listeners
        self._history = history
        self._capabilities = capabilities
        self._overrun: set[str] = set()
        self._held: dict[Subscribed, _Held] = {}
        self._dry: set[Subscribed] = set()
        """Subscriptions that did not deliver all that they hold: the rest is waited for only once."""
        self._turn = asyncio.Lock()
        smallest = min(capabilities.event_capacity, capabilities.stream_capacity)
        self._tight = capabilities.overflow != "unbounded" and smallest < AMPLE

    def overrun(self, scope: object) -> None:
        """Makes no more room for a tenant or a key: the case overruns it on purpose."""
        self._overrun.add(str(scope))

    def concerns(self, *of: Event | EventPattern | str) -> bool:
        """Returns whether something may have to be read before what these ask for is published."""
        return self._tight and any(_scope(one) not in self._overrun for one in of)

    @asynccontextmanager
    async def room_for(self, event: Event) -> AsyncIterator[None]:
        """Makes room for an event that is published within the context.

        Each subscription that asks for it has room then, unless a read brought nothing."""
        async with self._turn:  # two at once would both count on the same room
            await self._make_room(event)
            yield

    async def _make_room(self, event: Event) -> None:
        for listener in self._listeners:
            entry = listener.entry
            alive = listener.open and entry.closing is None and entry not in self._dry
            if alive and self.takes_room(entry, event):
                excess = self._excess(entry)
                if excess > 0 and not await listener.read(excess):
                    self._dry.add(entry)

    def takes_room(self, entry: Subscribed, event: Event) -> bool:
        """Returns whether an event takes room in a subscription: in a tenant's ring, all of it do."""
        if self._capabilities.overflow_scope == "subscription":
            return entry.matches(event)
        return in_scope(entry, event)

    def _excess(self, entry: Subscribed) -> int:
        """Returns how many events are to be read before one more is published."""
        held = self._held.setdefault(entry, _Held(entry, self._history))
        unread = held.unread(partial(self.takes_room, entry))
        room = capacity_of(entry, self._capabilities) - 1
        wanted = [publish for publish in unread if entry.matches(publish.event)]
        if len(wanted) == len(unread):
            return len(unread) - room
        # What a filter leaves out is read past only with what comes after it.
        late = unread.index(wanted[0]) if wanted else len(unread)
        return len(wanted) if len(unread) - late > room else 0


class _Held:
    """The events that one subscription holds, followed as they are published and read."""

    def __init__(self, entry: Subscribed, history: History) -> None:
        self._entry = entry
        self._publishes = history.publishes
        self._seen = 0
        self._read = 0
        self._came: Counter[object] = Counter()
        self._under_way: list[Publish] = []
        self._left: list[Publish] = []

    def unread(self, takes_room: Callable[[Event], bool]) -> list[Publish]:
        """Returns what takes room and was surely published to it, the oldest first."""
        entered = self._entry.entered
        if entered is None:
            return []
        new, self._seen = self._publishes[self._seen :], len(self._publishes)
        looked_at = [*self._under_way, *new]
        self._under_way = [one for one in looked_at if one.returned is None]
        self._left += [
            one
            for one in looked_at
            if one.outcome == "ok" and one.called.step > entered.step and takes_room(one.event)
        ]
        deliveries = self._entry.deliveries
        # What was read before its publish returned is known to have been published only later.
        self._came.update(event_key(one.event) for one in deliveries[self._read :])
        self._read = len(deliveries)
        still: list[Publish] = []
        for publish in self._left:
            key = event_key(publish.event)
            if self._came[key]:
                self._came[key] -= 1
            else:
                still.append(publish)
        self._left = still
        return still


def in_scope(entry: Subscribed, event: Event) -> bool:
    """Returns whether an event is of the subscription's tenant or key, whatever its filters."""
    same = isinstance(event, StreamEvent) == isinstance(entry.selects, str)
    return same and _scope(event) == _scope(entry.selects)


def _scope(of: Event | EventPattern | str) -> str:
    if isinstance(of, str):
        return of
    return of.workflow_execution_id if isinstance(of, StreamEvent) else str(of.tenant_id)


def capacity_of(entry: Subscribed, capabilities: Capabilities) -> int:
    """Returns how many unread events a subscription claims to hold."""
    events = entry.side == "events"
    return capabilities.event_capacity if events else capabilities.stream_capacity
