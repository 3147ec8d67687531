"""Bugs that let tenants see, or slow, one another."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent, InvalidEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side
from eventhook_reference.mutants.variants import Blocks

TENANTS: list[Mutant] = []


def of_tenant(event: FlovynEvent, tenant: UUID) -> FlovynEvent:
    """Returns the event as if it were that tenant's."""
    return msgspec.structs.replace(event, tenant_id=tenant)


class _Leaky(PliableClient):
    """Asks for the tenant, but not always; a bug says when not."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        own = pattern.matches(event)
        return own or (
            self.overlooks(pattern, event) and pattern.matches(of_tenant(event, pattern.tenant_id))
        )

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        """Returns whether the tenant is not looked at."""
        return False


@bug(TENANTS, "TEN-01", seen="nothing of another tenant")
class AsksForNoTenantOnTypes(_Leaky):
    """Delivers an event to other tenants' subscriptions to its exact type."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return pattern.event_type_prefix == event.event_type


@bug(TENANTS, "TEN-01", seen="nothing of another tenant")
class RoutesByHalfTheTenant(_Leaky):
    """Routes events by the last 64 bits of the tenant."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return (pattern.tenant_id.int ^ event.tenant_id.int) % 2**64 == 0


@bug(TENANTS, "TEN-01", seen="nothing of another tenant")
class LeaksLater(PliableClient):
    """Sends each event again 50 ms later, to the newest subscription of any tenant."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        last = self.bus.members[-1]
        if last is not member and last.side == member.side == "events":
            asyncio.get_running_loop().call_later(0.05, self._retry, last, event)

    def _retry(self, last: Member, event: Event) -> None:
        if last in self.bus.members and last.scope != event.tenant_id:
            last.channel.push(event)


@bug(TENANTS, "TEN-02", seen="nothing of another tenant")
class FindsWorkflowsByIdAlone(_Leaky):
    """Delivers a workflow's events to a filter for its id under any tenant."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return pattern.workflow_execution_id is not None


@bug(TENANTS, "TEN-02", seen="on s2, which was active and asked for it")
class RemovesRepeatsAcrossTenants(PliableClient):
    """Drops an event whose id another tenant has used before."""

    async def publish(self, side: Side, event: Event) -> None:
        seen = self.bus.memory.setdefault("ids", set())
        if side == "events" and isinstance(event.id, UUID):
            if event.id in seen:
                await self.pause()
                return
            seen.add(event.id)
        await super().publish(side, event)


@bug(TENANTS, "TEN-03", seen="nothing of another tenant")
class KeepsTheTenantOnTheClient(PliableClient):
    """Notes the tenant of a publish on the client, where a concurrent publish overwrites it."""

    _tenant: UUID | None = None

    async def publish(self, side: Side, event: Event) -> None:
        if side == "events":
            self._tenant = event.tenant_id
            await asyncio.sleep(0)
        await super().publish(side, event)

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        current = pattern.tenant_id == self._tenant
        return current and pattern.matches(of_tenant(event, pattern.tenant_id))


@bug(TENANTS, "TEN-03", seen="nothing of another tenant")
class CollidesInATable(_Leaky):
    """Keeps tenants in 512 slots, and mixes up two tenants in one slot."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return (pattern.tenant_id.int ^ event.tenant_id.int) >> 119 == 0


@bug(TENANTS, "TEN-04", seen="nothing of another tenant")
class SubscribesTooWideAfterAnOverrun(PliableClient):
    """Subscribes to all tenants after an overrun."""

    def admits(self, member: Member, event: Event) -> bool:
        wide = member.side == "events" and bool(member.channel.dropped)
        return super().admits(member, event) or (wide and isinstance(event, FlovynEvent))


@bug(TENANTS, "TEN-04", seen="nothing of another tenant")
class ReusesTheChannelOfTheCleanedUp(PliableClient):
    """Gives a channel that was cleaned up to the next tenant, with its old key."""

    async def cleanup_inactive_channels(self) -> int:
        self.bus.memory["spare"] = [
            scope for side, scope in self.idle_channels() if side == "events"
        ]
        return await super().cleanup_inactive_channels()

    def enter(self, member: Member) -> None:
        spare = self.bus.memory.get("spare", [])
        if member.side == "events" and spare:
            member.also = set(spare)  # type: ignore[attr-defined]  # because: the bug's own note
        super().enter(member)

    def admits(self, member: Member, event: Event) -> bool:
        also = getattr(member, "also", ()) if member.side == "events" else ()
        return super().admits(member, event) or getattr(event, "tenant_id", None) in also


@bug(TENANTS, "TEN-04", seen="nothing of another tenant")
class ReusesThePlaceOfWhoLeft(PliableClient):
    """Gives the next subscription the place of one that left, with its tenant."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        if member.side == "events":
            self.bus.memory["place"] = member.scope

    def enter(self, member: Member) -> None:
        if member.side == "events":
            member.also = self.bus.memory.pop("place", None)  # type: ignore[attr-defined]  # because: the bug's own note
        super().enter(member)

    def admits(self, member: Member, event: Event) -> bool:
        also = getattr(member, "also", None)
        return super().admits(member, event) or (
            also is not None and also == getattr(event, "tenant_id", None)
        )


@bug(TENANTS, "TEN-04", seen="nothing of another tenant")
class TellsOthersOfRefusals(PliableClient):
    """Delivers a refused event to the two subscriptions made last."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except InvalidEvent:
            for member in self.audience("events", event)[-2:] if side == "events" else ():
                self.hand(member, event)
            raise


@bug(TENANTS, "TEN-05", seen="nothing of another tenant")
class WildcardSourceCrossesTenants(_Leaky):
    """Puts the source of a pattern unescaped before the tenant: `>` matches every tenant."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return pattern.source in (">", "*")

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if self.overlooks(pattern, event):
            pattern = msgspec.structs.replace(pattern, source=None)
            event = of_tenant(event, pattern.tenant_id)
        return super().matches(pattern, event)


@bug(TENANTS, "TEN-05", seen="nothing of another tenant")
class BelievesTheData(PliableClient):
    """Routes an event by a member `tenant_id` of its data, if there is one."""

    def scope(self, side: Side, event: Event) -> object:
        data = getattr(event, "data", None)
        named = data.get("tenant_id") if isinstance(data, dict) else None
        return named or super().scope(side, event)

    def admits(self, member: Member, event: Event) -> bool:
        scope = self.scope(member.side, event)
        return super().admits(member, event) or str(member.scope) == scope


@bug(TENANTS, "TEN-05", seen="nothing of another tenant")
class BelievesTheType(_Leaky):
    """Takes a type that begins with its own prefix and a tenant for a full subject."""

    def overlooks(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return event.event_type.startswith(f"flovyn.events.{pattern.tenant_id}.")


class _Crowded(PliableClient):
    """Counts what a neighbour holds; each bug says for what."""

    def neighbours(self, member: Member) -> list[Member]:
        """Returns the subscriptions of other tenants."""
        return [
            other
            for other in self.bus.members
            if other.side == member.side == "events" and other.scope != member.scope
        ]


def held(member: Member) -> Any:
    """Returns the unread events of a subscription, as they lie in its buffer."""
    return member.channel._events  # noqa: SLF001  # because: the bug reaches in there


@bug(TENANTS, "TEN-06", seen="came instead")
class CountsCapacityOverTenants(_Crowded):
    """Shares one pool of buffers among tenants: a publish to a full pool evicts the oldest event."""

    def hand(self, member: Member, event: Event) -> None:
        others = sum(len(held(other)) for other in self.neighbours(member))
        if held(member) and others + len(held(member)) >= self.capabilities.event_capacity:
            held(member).popleft()
        super().hand(member, event)


@bug(TENANTS, "TEN-06", seen="came instead")
class MakesRoomAtTheNeighbours(_Crowded):
    """Evicts the oldest event of every buffer when one overruns."""

    def hand(self, member: Member, event: Event) -> None:
        if len(held(member)) == self.capabilities.event_capacity:
            for other in self.neighbours(member):
                if held(other):
                    held(other).popleft()
        super().hand(member, event)


@bug(TENANTS, "TEN-06", seen="another's reader standing still")
class WaitsForFullNeighbours(PliableClient):
    """Delays a publish while another tenant's buffer is full."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == "events" and any(
            len(held(member)) == self.capabilities.event_capacity
            for member in self.bus.members
            if member.side == "events" and member.scope != event.tenant_id
        ):
            await asyncio.sleep(0.3)


@bug(TENANTS, "TEN-06", seen="to return")
class WaitsWithTheLockHeld(Blocks):
    """Holds one lock for the whole bus while a publish waits for a full reader."""

    async def publish(self, side: Side, event: Event) -> None:
        lock: asyncio.Lock = self.bus.memory.setdefault("lock", asyncio.Lock())
        async with lock:
            await super().publish(side, event)
