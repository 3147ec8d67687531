"""Bugs of subscriptions: many of them, and those that are left, cancelled, or fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from eventhook_conformance.contract import SubscribeError, Subscription
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

LIFETIMES: list[Mutant] = []


@bug(LIFETIMES, "PUB-09", "STR-06", seen="maximum consumers reached")
class TakesFortyConsumers(PliableClient):
    """Serves 40 subscriptions, the server's default limit, and claims a thousand."""

    def enter(self, member: Member) -> None:
        if len(self.bus.members) >= 40:
            raise SubscribeError("maximum consumers reached")
        super().enter(member)


def _equal(one: Member, other: Member) -> bool:
    return (one.side, one.selects) == (other.side, other.selects)


@bug(LIFETIMES, "PUB-09", seen="nothing of it within")
class ServesFiveHundred(PliableClient):
    """Serves 500 subscriptions, and delivers nothing to those beyond."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        return super().audience(side, event)[:500]


@bug(LIFETIMES, "PUB-09", seen="nothing of it within")
class ForgetsTheLastPage(PliableClient):
    """Leaves out the last of more than 50 recipients, beyond a multiple of ten."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        found = [member for member in super().audience(side, event) if self.admits(member, event)]
        return found[: len(found) // 10 * 10] if len(found) > 50 else found


@bug(LIFETIMES, "PUB-10", seen="another read is waiting")
class SharesAQueuePerPattern(PliableClient):
    """Lets two subscriptions of one client with equal patterns read from one queue."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if other.client is self and _equal(other, member):
                member.channel = other.channel
                self.bus.memory.setdefault(str(id(other.channel)), []).append(member)
                return
        super().enter(member)

    def leave(self, member: Member) -> None:
        twins: list[Member] = self.bus.memory.get(str(id(member.channel)), [])
        if member in twins:
            twins.remove(member)
        elif twins:
            self.bus.members[self.bus.members.index(member)] = twins.pop()
        else:
            super().leave(member)


@bug(LIFETIMES, "PUB-10", seen="came instead")
class LeavingEmptiesTheTwin(PliableClient):
    """Discards the unread events of an equal subscription when its twin is left."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        for other in self.bus.members:
            if other.client is self and _equal(other, member):
                other.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in


@bug(LIFETIMES, "PUB-11", seen="it still waits")
class LeavingWakesNobody(PliableClient):
    """Never wakes a read that waits when its subscription is left."""

    def leave(self, member: Member) -> None:
        if member in self.bus.members:
            self.bus.members.remove(member)


@bug(LIFETIMES, "PUB-11", seen="it delivered #")
class DrainsAfterLeaving(PliableClient):
    """Delivers events that were unread when the subscription was left."""

    def leave(self, member: Member) -> None:
        if member in self.bus.members:
            self.bus.members.remove(member)
        member.channel.finish()


@bug(LIFETIMES, "PUB-12", seen="nothing of it within")
class FailureStopsTheDispatcher(PliableClient):
    """Stops delivering to all of a tenant when one consumer raises."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as subscription:
            try:
                yield subscription
            except Exception:  # because: this is the bug
                scope = selects.tenant_id if side == "events" else selects
                self.bus.members = [m for m in self.bus.members if m.scope != scope]
                raise


@bug(LIFETIMES, "PUB-12", seen="nothing of it within")
class CancellationHitsTheNeighbour(PliableClient):
    """Removes a cancelled consumer by its old place in the list, and so removes another one."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as subscription:
            members = self.bus.members
            place = next(p for p, m in enumerate(members) if m.channel is subscription)
            try:
                yield subscription
            except asyncio.CancelledError:
                del self.bus.members[place + 1 : place + 2]
                raise


@bug(LIFETIMES, "PUB-12", "PUB-16", seen="nothing of it within")
class LeavingRemovesAnEqualOne(PliableClient):
    """Removes the first subscription with an equal pattern when one leaves, of any client."""

    def leave(self, member: Member) -> None:
        for other in self.bus.members:
            if _equal(other, member):
                self.bus.members.remove(other)
                break
        member.channel.leave()


@bug(LIFETIMES, "PUB-13", seen="it got #")
class KeepsTheQueueByPattern(PliableClient):
    """Keeps events unread at leaving, and delivers them to the next subscription with an equal pattern."""

    def enter(self, member: Member) -> None:
        super().enter(member)
        for event in self.bus.memory.pop(f"{member.side}{member.selects}", ()):
            self.hand(member, event)

    def leave(self, member: Member) -> None:
        unread = list(member.channel._events)  # noqa: SLF001  # because: the bug reaches in
        self.bus.memory[f"{member.side}{member.selects}"] = unread
        super().leave(member)


class _HastyChannel(Channel[Any]):
    """Takes the event, then gives others a turn, and only then returns."""

    async def __anext__(self) -> Any:
        event = await super().__anext__()
        await asyncio.sleep(0)
        return event


@bug(LIFETIMES, "PUB-14", seen="came instead")
class TakesBeforeItReturns(PliableClient):
    """Takes an event off the queue before it waits once more, and loses it if cancelled there."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _HastyChannel(
            claimed.event_capacity if side == "events" else claimed.stream_capacity
        )


class _HauntedChannel(Channel[Any]):
    """Keeps a cancelled read in its list of waiters."""

    ghosts = 0

    def push(self, event: Any) -> bool:
        if self.ghosts:
            self.ghosts -= 1
            return False
        return super().push(event)

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except asyncio.CancelledError:
            self.ghosts += 1
            raise


@bug(LIFETIMES, "PUB-14", seen="nothing of it within")
class ServesCancelledReads(PliableClient):
    """Delivers the next event to a read that was cancelled."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _HauntedChannel(
            claimed.event_capacity if side == "events" else claimed.stream_capacity
        )


@bug(LIFETIMES, "PUB-16", seen="nothing of it")
class SkipsTheNeighbour(PliableClient):
    """Walks the living list of subscriptions and waits in between: one that leaves makes it skip one."""

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        for member in self.bus.members:
            if member.side == side and self.admits(member, event):
                self.hand(member, self.copy(event))
                await self.pause()


@bug(LIFETIMES, "PUB-16", seen="came instead")
class NewcomersEmptyTheRing(PliableClient):
    """Empties the tenant's ring when a subscription enters, with the unread events of others."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if (other.side, other.scope) == (member.side, member.scope):
                other.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in
        super().enter(member)
