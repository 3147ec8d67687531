"""Bugs of subscriptions and clients: many of them, leaving, cancelling, closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from eventhook_conformance.contract import Subscription, SubscriptionLost
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.pliable import Event, Member, PliableClient, Side

LIFETIMES: list[Mutant] = []


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


@bug(LIFETIMES, "PUB-10", seen="nothing of it within")
class SharesAQueuePerPattern(PliableClient):
    """Two subscriptions of one client with equal patterns read from one queue, and share its events."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if other.client is self and _equal(other, member):
                member.channel = other.channel
                return
        super().enter(member)

    def leave(self, member: Member) -> None:
        if member in self.bus.members:
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
    """What was unread when the subscription was left is delivered by later reads."""

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
    """What was unread when leaving is kept under the pattern, and given to the next with an equal one."""

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


@bug(LIFETIMES, "PUB-16", seen="came instead")
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


@bug(LIFETIMES, "PUB-17", seen="it accepted")
class PublishesAfterClosing(PliableClient):
    """Publishing on a closed client returns as if all were well, and the event is gone."""

    async def publish(self, side: Side, event: Event) -> None:
        if not self.closed:
            await super().publish(side, event)


@bug(LIFETIMES, "PUB-17", seen="it was entered")
class SubscribesToStreamsAfterClosing(PliableClient):
    """On a closed client the check was added to the event side and forgotten on the other."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if self.closed and side == "streams":
            yield self.make_channel(side)
            return
        async with super().subscription(side, selects) as subscription:
            yield subscription


@bug(LIFETIMES, "PUB-17", seen="it still waits")
class ClosingWakesNobody(PliableClient):
    """A reader that waits when its client closes waits for ever."""

    async def aclose(self) -> None:
        self.bus.members = [member for member in self.bus.members if member.client is not self]
        await super().aclose()


@bug(LIFETIMES, "PUB-17", seen="the reader ended without it")
class ClosingDropsTheBuffer(PliableClient):
    """What is unread when the client closes is thrown away."""

    async def aclose(self) -> None:
        for member in list(self.bus.members):
            if member.client is self:
                self.leave(member)
        await super().aclose()


@bug(LIFETIMES, "PUB-17", seen="SubscriptionLost")
class ClosingLooksLikeLoss(PliableClient):
    """A reader whose client was closed in order is told that its subscription was lost."""

    async def aclose(self) -> None:
        for member in self.bus.members:
            if member.client is self:
                member.channel.lose(SubscriptionLost("the connection is gone"))
        await super().aclose()


@bug(LIFETIMES, "PUB-17", seen="it raised RuntimeError: already closed")
class ClosesOnlyOnce(PliableClient):
    """Closing a second time raises."""

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("already closed")
        await super().aclose()


@bug(LIFETIMES, "PUB-21", seen="it ended")
class ClosingEndsTheTenant(PliableClient):
    """Closing a client ends its tenants' channels, with every subscription of other clients on them."""

    async def aclose(self) -> None:
        scopes = {member.scope for member in self.bus.members if member.client is self}
        for member in list(self.bus.members):
            if member.scope in scopes:
                self.bus.members.remove(member)
                member.channel.finish()
        await super().aclose()


@bug(LIFETIMES, "PUB-21", seen="nothing of it within")
class ClosingRemovesEqualOnes(PliableClient):
    """Closing unsubscribes by pattern, and another client's equal subscription goes deaf."""

    async def aclose(self) -> None:
        own = [member for member in self.bus.members if member.client is self]
        await super().aclose()
        self.bus.members = [
            member for member in self.bus.members if not any(_equal(member, one) for one in own)
        ]


@bug(LIFETIMES, "PUB-23", seen="cancelled entering")
class CancelledEnteringStays(PliableClient):
    """Entering waits for the bus after it registered; cancelled there, the registration stays."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        self.use_channel(side, member.scope)
        self.enter(member)
        await self.pause()
        try:
            yield member.channel
        finally:
            self.leave(member)


@bug(LIFETIMES, "PUB-23", seen="entering did not return")
class CancelledEnteringKeepsTheLock(PliableClient):
    """Entering takes the registry's lock, and gives it back only if it is not cancelled."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        lock: asyncio.Lock = self.bus.memory.setdefault("lock", asyncio.Lock())
        await lock.acquire()
        await self.pause()
        lock.release()
        async with super().subscription(side, selects) as subscription:
            yield subscription


@bug(LIFETIMES, "PUB-23", seen="cancelled leaving")
class CancelledLeavingStays(PliableClient):
    """Leaving tells the bus first and deregisters afterwards; cancelled in between, it never does."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        self.use_channel(side, member.scope)
        self.enter(member)
        try:
            yield member.channel
        finally:
            await self.pause()
            self.leave(member)


class _MarkedChannel(Channel[Any]):
    """Remembers that a read was cancelled."""

    cancelled = False

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


@bug(LIFETIMES, "PUB-23", seen="cancelled reading")
class CancelledReadersStay(PliableClient):
    """A subscription whose read was cancelled is taken for gone already, and never deregistered."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _MarkedChannel(
            claimed.event_capacity if side == "events" else claimed.stream_capacity
        )

    def leave(self, member: Member) -> None:
        if getattr(member.channel, "cancelled", False):
            member.channel.leave()
        else:
            super().leave(member)
