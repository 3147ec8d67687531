"""One tenant or one stream, for cases that are the same on both sides of the bus."""

from __future__ import annotations

from typing import TypeAlias

from eventhook_conformance.contract import EventPattern, StreamEventType
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, Probe, Via

Selects: TypeAlias = EventPattern | str

_STREAM_TYPES = tuple(StreamEventType)


class Ground:
    """One tenant's events or one key's stream, fresh unless `selects` names it.

    Args:
        probe: the case's.
        side: of the bus.
        selects: the pattern for all of a tenant, or the key; None: a fresh one.
    """

    def __init__(self, probe: Probe, side: Side, selects: Selects | None = None) -> None:
        self._probe = probe
        self.side: Side = side
        if selects is None:
            selects = (
                EventPattern.all(probe.make.tenant()) if side == "events" else probe.make.key()
            )
        self.all: Selects = selects
        """Selects everything here."""
        self._workflow, self._task = probe.make.tenant(), probe.make.tenant()
        self._made = 0

    @property
    def part(self) -> Selects:
        """Selects everything that `event` makes, by a filter where the side has filters."""
        if isinstance(self.all, str):
            return self.all
        return EventPattern.by_type(self.all.tenant_id, "task")

    @property
    def kinds(self) -> list[Selects]:
        """One pattern with each filter; each selects everything that `event` makes."""
        if isinstance(self.all, str):
            return [self.all] * 3
        tenant = self.all.tenant_id
        return [
            self.all,
            EventPattern.by_type(tenant, "task"),
            EventPattern.by_type(tenant, "task.created"),
            EventPattern.for_workflow(tenant, self._workflow),
            EventPattern.for_task(tenant, self._task),
            EventPattern(tenant_id=tenant, source="suite"),
        ]

    @property
    def capacity(self) -> int:
        """The claimed number of unread events that a subscription here holds."""
        return capacity_of(self._probe, self.side)

    def event(self) -> Event:
        """Makes one more event."""
        self._made += 1
        if isinstance(self.all, str):
            kind = _STREAM_TYPES[self._made % len(_STREAM_TYPES)]
            return self._probe.make.stream_event(self.all, event_type=kind)
        return self._probe.make.event(self.all.tenant_id, workflow=self._workflow, task=self._task)

    def events(self, count: int) -> list[Event]:
        """Makes so many more events."""
        return [self.event() for _ in range(count)]

    async def subscribe(self, via: Via = None) -> Listener:
        """Subscribes to everything here."""
        return await self._probe.subscribe(self.all, via)


def capacity_of(probe: Probe, side: Side) -> int:
    """Returns how many unread events a subscription of that side holds, as claimed."""
    claimed = probe.capabilities
    return claimed.event_capacity if side == "events" else claimed.stream_capacity
