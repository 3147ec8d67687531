"""Makes a fresh tenant or key for one operation of a program."""

from __future__ import annotations

from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Probe


class Scope:
    """One tenant's events, or one key's stream.

    Args:
        probe: makes them.
        side: of the bus.
    """

    def __init__(self, probe: Probe, side: Side) -> None:
        self.side: Side = side
        self._make = probe.make
        claimed = probe.capabilities
        self.tenant: UUID = probe.make.tenant()
        self._key = probe.make.key() if side == "streams" else ""
        self.capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        """The claimed number of unread events that a subscription here holds."""

    @property
    def all(self) -> EventPattern | str:
        """Selects everything here."""
        return self._key if self.side == "streams" else EventPattern.all(self.tenant)

    def event(self, text: str | None = None) -> Event:
        """Makes one more event; the text is its data, or its payload."""
        if self.side == "streams":
            return self._make.stream_event(self._key, text)
        return (
            self._make.event(self.tenant)
            if text is None
            else self._make.event(self.tenant, data=text)
        )

    def events(self, count: int) -> list[Event]:
        """Makes so many more events."""
        return [self.event() for _ in range(count)]

    def alike(self, count: int) -> list[Event]:
        """Makes events with equal contents; only ids differ, or the times of stream events."""
        if self.side == "streams":
            return [self._make.stream_event(self._key, "same", sequence=0) for _ in range(count)]
        first = self._make.event(self.tenant, data={"same": True})
        ids = [self._make.event(self.tenant).id for _ in range(count - 1)]
        return [first, *(msgspec.structs.replace(first, id=one) for one in ids)]
