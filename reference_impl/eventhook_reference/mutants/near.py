"""Bugs that take things for one another that are nearly alike, or lose a count on the way."""

from __future__ import annotations

import unicodedata
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, SidedClient

NEAR: list[Mutant] = []

_EVERYBODY: Final = UUID(int=(1 << 128) - 1)
_TOKENS: Final = 8


@bug(NEAR, "TEN-01", seen="nothing of another tenant")
class ComparesTenantsWithoutTheLastDigit(PliableClient):
    """Compares tenants by 31 of their 32 digits."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.tenant_id.int >> 4 == event.tenant_id.int >> 4:
            event = msgspec.structs.replace(event, tenant_id=pattern.tenant_id)
        return super().matches(pattern, event)


@bug(NEAR, "TEN-01", seen="nothing of another tenant")
class TakesAllOnesForEverybody(PliableClient):
    """Takes the id of all ones for every tenant."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.tenant_id == _EVERYBODY:
            event = msgspec.structs.replace(event, tenant_id=pattern.tenant_id)
        return super().matches(pattern, event)


@bug(NEAR, "PAT-07", seen="expected only events with source")
class ComparesSourcesAsNumbers(PliableClient):
    """Compares sources that are numbers by value."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        source = pattern.source
        if source is not None and source.isdecimal() and event.source.isdecimal():
            source = event.source if int(source) == int(event.source) else source
        return super().matches(msgspec.structs.replace(pattern, source=source), event)


@bug(NEAR, "PAT-07", seen="expected only events with source")
class ComparesComposedSources(PliableClient):
    """Normalizes sources to one Unicode form before it compares them."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.source is not None:
            composed = unicodedata.normalize("NFKC", pattern.source)
            pattern = msgspec.structs.replace(pattern, source=composed)
            source = unicodedata.normalize("NFKC", event.source)
            event = msgspec.structs.replace(event, source=source)
        return super().matches(pattern, event)


@bug(NEAR, "PAT-03", seen="expected only events with event_type_prefix")
class ComparesTheFirstEightTokens(PliableClient):
    """Compares the first eight tokens of a prefix only."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        prefix = pattern.event_type_prefix
        if prefix is not None:
            prefix = ".".join(prefix.split(".")[:_TOKENS])
            pattern = msgspec.structs.replace(pattern, event_type_prefix=prefix)
        return super().matches(pattern, event)


@bug(NEAR, "STR-02", seen="got an event of the stream")
class ComparesTheEndOfKeys(PliableClient):
    """Compares the last 36 letters of keys only, the length of a UUID."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "streams":
            return bool(member.selects[-36:] == event.workflow_execution_id[-36:])
        return super().admits(member, event)


class _ClosesItsBooks(Channel[Any]):
    def finish(self) -> None:
        super().finish()
        self.dropped = 0


@bug_on_each_side(NEAR, events=("OVF-07",), streams=("OVF-07",), seen="when its client was closed")
class ForgetsLossesWhenItsClientCloses(SidedClient):
    """Sets `dropped` to 0 when the client closes."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ClosesItsBooks(capacity)


class _MakesRoomToCount(Channel[Any]):
    """Keeps the newest events beside the buffer, until `dropped` is read or the buffer is empty."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._beside: list[Any] = []

    @property
    def dropped(self) -> int:
        """Looked at, and so worked out."""
        self._catch_up()
        return self._count

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._count = count

    def push(self, event: Any) -> bool:
        if self._end is None:
            self._beside.append(event)
            if len(self._beside) >= self._capacity // 4:
                self._catch_up()
            self.wake()
        return False

    def _catch_up(self) -> None:
        beside, self._beside = self._beside, []
        for event in beside:
            super().push(event)


@bug_on_each_side(
    NEAR, events=("OVF-01",), streams=("OVF-06",), seen="though `dropped` was looked at"
)
class MakesRoomWhenSomebodyLooks(SidedClient):
    """Holds the newest events beside a full buffer, and evicts for them when `dropped` is looked at."""

    def make(self, capacity: int) -> Channel[Any]:
        return _MakesRoomToCount(capacity)


@bug(NEAR, "STR-06", seen="which was active and asked for it")
class LeavesAllKeysThatBeginAlike(PliableClient):
    """Ends the subscriptions to all keys that begin with the one that is left."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        for other in list(self.bus.members):
            if member.side == other.side == "streams" and _begins_with(other, member):
                self.bus.members.remove(other)


def _begins_with(one: Member, other: Member) -> bool:
    return bool(one.selects != other.selects and one.selects.startswith(other.selects))


@bug(NEAR, "CLN-02", seen="which was active and asked for it")
class CleansUpTenantsByHalves(PliableClient):
    """Ends the subscriptions of all tenants at cleanup that share half of an idle tenant's id."""

    async def cleanup_inactive_channels(self) -> int:
        idle = {scope.int >> 64 for side, scope in self.idle_channels() if isinstance(scope, UUID)}
        removed = await super().cleanup_inactive_channels()
        for member in list(self.bus.members):
            if member.side == "events" and member.selects.tenant_id.int >> 64 in idle:
                self.bus.members.remove(member)
        return removed
