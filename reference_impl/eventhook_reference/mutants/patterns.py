"""Bugs around filtering: at the gate, between clients, and at the cost of others."""

from __future__ import annotations

from typing import Any

import msgspec

from eventhook_conformance.contract import EventPattern, InvalidPattern
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side
from eventhook_reference.mutants.variants import SharedRingDropsNewest, TakesAll

PATTERNS: list[Mutant] = []


@bug(PATTERNS, "PAT-09", seen="only events with")
class OneFilterForAllOfATenant(PliableClient):
    """Delivers an event that one filter selects to all filters that its client has for the tenant."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        members = super().audience(side, event)
        if side == "events":
            wanted = {
                (member.client, member.scope) for member in members if self.admits(member, event)
            }
            for member in members:
                member.dragged = (member.client, member.scope) in wanted  # type: ignore[attr-defined]  # because: the bug's own note
        return members

    def admits(self, member: Member, event: Event) -> bool:
        return super().admits(member, event) or (
            getattr(member, "dragged", False) and member.scope == event.tenant_id
        )


@bug(PATTERNS, "PAT-09", seen="came instead")
class MissesThePrefixElsewhere(PliableClient):
    """Takes a prefix of two tokens or more for an exact type, between two clients."""

    def admits(self, member: Member, event: Event) -> bool:
        prefix = getattr(member.selects, "event_type_prefix", None) or ""
        elsewhere = member.client is not self and "." in prefix
        return super().admits(member, event) and not (elsewhere and event.event_type != prefix)


@bug(PATTERNS, "PAT-10", seen="it was entered")
class TakesAnyPrefix(PliableClient):
    """Accepts malformed prefixes when subscribing."""

    def check_selects(self, side: Side, selects: Any) -> None:
        if side == "streams":
            super().check_selects(side, selects)


@bug(PATTERNS, "PAT-10", seen="entering to raise InvalidPattern for EventPattern")
class TrimsPrefixes(PliableClient):
    """Trims dots and blanks of a prefix before it checks it."""

    def check_selects(self, side: Side, selects: Any) -> None:
        if side == "events" and selects.event_type_prefix is not None:
            trimmed = selects.event_type_prefix.strip(" .") or None
            selects = msgspec.structs.replace(selects, event_type_prefix=trimmed)
        super().check_selects(side, selects)


@bug(PATTERNS, "PAT-10", seen="entering the subscription to succeed")
class WantsALetterFirst(PliableClient):
    """Refuses a prefix that begins with a digit or a hyphen."""

    def check_selects(self, side: Side, selects: Any) -> None:
        super().check_selects(side, selects)
        if side == "events" and (selects.event_type_prefix or "a")[0] in "0123456789-":
            raise InvalidPattern("event_type_prefix must begin with a letter")


@bug(PATTERNS, "PAT-12", seen="which was active and asked for it")
class StopsAtTheIdle(PliableClient):
    """Stops the fan-out at a subscription whose filter rejected 40 events in a row."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        reached: list[Member] = []
        for member in super().audience(side, event):
            idle = 0 if self.admits(member, event) else getattr(member, "idle", 0)
            if side == "events" and member.scope == event.tenant_id:
                member.idle = idle + 1  # type: ignore[attr-defined]  # because: the bug's own note
                if idle > 40:
                    break
            reached.append(member)
        return reached


@bug(PATTERNS, "PAT-12", seen="which was active and asked for it")
class ReapsTheIdle(PliableClient):
    """Removes a subscription that selected none of its tenant's first 50 events."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        members = super().audience(side, event)
        for member in members:
            if side == "events" and member.scope == event.tenant_id:
                member.passed = getattr(member, "passed", 0) + 1  # type: ignore[attr-defined]  # because: the bug's own note
        return [member for member in members if getattr(member, "passed", 0) < 50]

    def hand(self, member: Member, event: Event) -> None:
        member.passed = float("-inf")  # type: ignore[attr-defined]  # because: the bug's own note
        super().hand(member, event)


class _FilteringChannel(Channel[Any]):
    """Holds all events of its tenant and filters when it is read."""

    selects: EventPattern | None = None

    async def __anext__(self) -> Any:
        while True:
            event = await super().__anext__()
            if self.selects is None or self.selects.matches(event):
                return event


class _SharedRing(PliableClient):
    """Every subscription of a tenant sees the same ring."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return _FilteringChannel(self.capabilities.event_capacity)

    def enter(self, member: Member) -> None:
        if isinstance(member.channel, _FilteringChannel):
            member.channel.selects = member.selects
        super().enter(member)

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events":
            return bool(member.scope == event.tenant_id)
        return super().admits(member, event)


@bug(PATTERNS, "PAT-13", seen="came instead")
class FiltersWhenRead(_SharedRing):
    """Buffers all events of the tenant, and applies the filter when they are read."""


@bug(PATTERNS, "PAT-13", seen="came instead")
class RingCountsTwice(_SharedRing):
    """Lets each event take two places of the shared ring that it claims."""

    capabilities = Capabilities(
        total_order=True, causal_order=True, overflow_scope="tenant", event_capacity=64
    )

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return _FilteringChannel(self.capabilities.event_capacity // 2)


@bug(PATTERNS, "PAT-13", seen="nothing of it within")
class FullRingCountsTwice(SharedRingDropsNewest):
    """Drops new events when half of its shared ring, which keeps the oldest, is full."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return TakesAll(self.capabilities.event_capacity // 2)


class _MakesRoom(TakesAll):
    def push(self, event: Any) -> bool:
        if len(self._events) == self._capacity:
            self._events.popleft()
            self.dropped += 1
        return super().push(event)


@bug(PATTERNS, "PAT-13", seen="came instead")
class FullRingMakesRoom(SharedRingDropsNewest):
    """Drops the oldest events of a full shared ring, and claims drop_newest."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return _MakesRoom(self.capabilities.event_capacity)
