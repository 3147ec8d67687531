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
    """The server's limit of forty consumers was never raised; the claim says a thousand."""

    def enter(self, member: Member) -> None:
        if len(self.bus.members) >= 40:
            raise SubscribeError("maximum consumers reached")
        super().enter(member)


def _equal(one: Member, other: Member) -> bool:
    return (one.side, one.selects) == (other.side, other.selects)


@bug(LIFETIMES, "PUB-09", seen="nothing of it within")
class ServesFiveHundred(PliableClient):
    """The fan-out has room for five hundred subscribers; those beyond get nothing."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        return super().audience(side, event)[:500]


@bug(LIFETIMES, "PUB-09", seen="nothing of it within")
class ForgetsTheLastPage(PliableClient):
    """Recipients are served in pages of ten; a last page that is not full is served only if alone."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        found = [member for member in super().audience(side, event) if self.admits(member, event)]
        return found[: len(found) // 10 * 10] if len(found) > 50 else found


@bug(LIFETIMES, "PUB-10", seen="another read is waiting")
class SharesAQueuePerPattern(PliableClient):
    """Two subscriptions of one client with equal patterns read from one queue, and share its events."""

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
    """Leaving discards what is unread by pattern, and an equal subscription's events with it."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        for other in self.bus.members:
            if other.client is self and _equal(other, member):
                other.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in


@bug(LIFETIMES, "PUB-11", seen="it still waits")
class LeavingWakesNobody(PliableClient):
    """Leaving deregisters the subscription and forgets the read that waits on it."""

    def leave(self, member: Member) -> None:
        if member in self.bus.members:
            self.bus.members.remove(member)


@bug(LIFETIMES, "PUB-11", seen="it delivered #")
class DrainsAfterLeaving(PliableClient):
    """Events unread when the subscription was left are delivered by later reads."""

    def leave(self, member: Member) -> None:
        if member in self.bus.members:
            self.bus.members.remove(member)
        member.channel.finish()


@bug(LIFETIMES, "PUB-12", seen="nothing of it within")
class FailureStopsTheDispatcher(PliableClient):
    """A consumer that raises takes the tenant's dispatcher down: nobody else is served any more."""

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
    """A cancelled consumer is removed by its place in the list, which has moved by then."""

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
    """Subscriptions are found by pattern when they leave: the first equal one goes, whoever's it is."""

    def leave(self, member: Member) -> None:
        for other in self.bus.members:
            if _equal(other, member):
                self.bus.members.remove(other)
                break
        member.channel.leave()


@bug(LIFETIMES, "PUB-13", seen="it got #")
class KeepsTheQueueByPattern(PliableClient):
    """Events unread when leaving are kept under the pattern, and given to the next with an equal one."""

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
    """A read takes the event off the queue and waits once more; cancelled there, it loses it."""

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
    """A cancelled read stays in the list of waiters, and the next event goes to it."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _HauntedChannel(
            claimed.event_capacity if side == "events" else claimed.stream_capacity
        )


@bug(LIFETIMES, "PUB-16", seen="nothing of it")
class SkipsTheNeighbour(PliableClient):
    """The fan-out goes through the living list and waits in between: who leaves makes it skip one."""

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
    """Entering starts the tenant's ring afresh, with what others have not read yet."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if (other.side, other.scope) == (member.side, member.scope):
                other.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in
        super().enter(member)
