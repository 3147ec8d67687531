"""Holds one channel with a history, a tenant's or a key's, for the cases of both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias, get_args

import pytest

from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern, FlovynEvent, Since
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, NotOffered, Probe, Via
from eventhook_conformance.specification import needs

LOST: Final[frozenset[ViolationKind]] = frozenset(
    {"lost", "lost-first", "lost-retained", "lost-resumed", "lost-handover", "skipped", "ended"}
)
"""The breaches that show that a subscription from the past missed owed events."""
WRONG: Final[frozenset[ViolationKind]] = LOST | {
    *("repeated", "reordered", "at-or-before", "order-changed", "cursor-refused")
}
"""The breaches that show that such a subscription began or went on at the wrong place."""

MOST_EVENTS: Final = 5000
"""The longest history that a case fills; a longer claim is tested by so many events."""
MOST_S: Final = 3.0
"""The longest age or grace, in seconds, that a case waits for."""
_LANES: Final = 8
_UNCLAIMED_EVENTS: Final = 2000
_BRIEF_EVENTS: Final = 100
"""So many events are surely published before the first grows too old."""

sides: Final = pytest.mark.parametrize(
    "side", [pytest.param(side, marks=needs(replay=side)) for side in get_args(Side)]
)
"""Runs a case on each side of the bus that claims replay."""

Events: TypeAlias = Sequence[Event]


class ReplayChannel:
    """A fresh tenant or stream key."""

    def __init__(self, probe: Probe, side: Side) -> None:
        self.probe = probe
        self.side: Side = side
        self.tenant = probe.make.tenant()
        self.selects: EventPattern | str = (
            EventPattern.all(self.tenant) if side == "events" else probe.make.key()
        )
        claimed = probe.capabilities
        self.capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        """The most unread live events."""

    def event(self) -> Event:
        """Returns a fresh event of this channel."""
        if isinstance(self.selects, str):
            return self.probe.make.stream_event(self.selects)
        return self.probe.make.event(self.tenant, data={"n": [1, None]}, correlation_id="request 1")

    def events(self, count: int) -> list[Event]:
        """Makes so many fresh events."""
        return [self.event() for _ in range(count)]

    async def publish(self, count: int, via: Via = None) -> list[Event]:
        """Publishes so many events, one after the other; returns them."""
        events = self.events(count)
        if events:
            await self.probe.publish(*events, via=via)
        return events

    async def fill(self, size: int, via: Via = None) -> None:
        """Publishes so many events, by several publishers at once, which is faster."""
        lanes = max(1, min(_LANES, size))
        each, rest = divmod(size, lanes)
        chains = [self.events(each + (number < rest)) for number in range(lanes)]
        await self.probe.burst([chain for chain in chains if chain], via=via)

    def published(self) -> list[Event]:
        """Returns all that the case published in this channel so far, fences too."""
        return [
            event
            for event in published(self.probe)
            if (event.tenant_id if isinstance(event, FlovynEvent) else event.workflow_execution_id)
            == (self.tenant if isinstance(self.selects, EventPattern) else self.selects)
        ]

    async def subscribe(self, since: Since, via: Via = None) -> Listener:
        """Enters a subscription to the whole channel."""
        return await self.probe.subscribe(self.selects, via, since=since)

    async def resume(self, cursor: str, *events: Event, via: Via = None) -> Listener:
        """Subscribes since a cursor, reads these events, and proves by a fence that no others come."""
        listener = await self.subscribe(cursor, via)
        await listener.receive(*events)
        await self.probe.fence(listener)
        return listener


def published(probe: Probe) -> list[Event]:
    """Returns all that a case published so far, fences too."""
    return [publish.event for publish in probe.history.publishes]


def history_size(probe: Probe) -> int:
    """Returns the number of events that fills the claimed history, as far as a case fills it."""
    claimed = probe.capabilities
    size = _UNCLAIMED_EVENTS if claimed.replay_events is None else claimed.replay_events
    brief = claimed.replay_s is not None and claimed.replay_s <= MOST_S
    return min(size, _BRIEF_EVENTS if brief else MOST_EVENTS)


def evicted_by(probe: Probe) -> int:
    """Returns the number of events after which the oldest must be gone or refused.

    Raises:
        NotOffered: the claimed history is longer than a case fills, or has no limit by number.
    """
    claimed = probe.capabilities.replay_events
    if claimed is None or claimed > MOST_EVENTS:
        raise NotOffered(
            f"replay_events: expected at most {MOST_EVENTS} to be tested, got {claimed}"
        )
    return claimed


async def outlive(probe: Probe, name: str, seconds: float | None) -> None:
    """Waits until a claimed time is surely over.

    Raises:
        NotOffered: the claimed time is longer than a case waits.
    """
    if seconds is None or seconds > MOST_S:
        raise NotOffered(f"{name}: expected at most {MOST_S:g} s to be tested, got {seconds}")
    # Sleeps, since no event announces that another one grew too old.
    await asyncio.sleep(seconds * 1.2 + 0.1)
