"""Clients that a bug of streams alone begins with; the event side of each is correct."""

from __future__ import annotations

from eventhook_conformance.contract import StreamEvent
from eventhook_reference.mutants.base import Event, Member, PliableClient


class Changing(PliableClient):
    """A client that hands on something else than the stream event published."""

    def copy(self, event: Event) -> Event:
        return self.change(event) if isinstance(event, StreamEvent) else super().copy(event)

    def change(self, event: StreamEvent) -> StreamEvent:
        """Returns the event that the subscriber gets."""
        return event


class Keyed(PliableClient):
    """A client that assigns stream events to streams in another way."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events":
            return super().admits(member, event)
        return self.same(member.selects, event)

    def same(self, key: str, event: StreamEvent) -> bool:
        """Returns whether a reader of that key gets it."""
        return key == event.workflow_execution_id
