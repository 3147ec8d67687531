"""Bugs of closing a client, and of calls cancelled half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from eventhook_conformance.contract import Subscription, SubscriptionLost
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

CLOSING: list[Mutant] = []


def _equal(one: Member, other: Member) -> bool:
    return (one.side, one.selects) == (other.side, other.selects)


@bug(CLOSING, "PUB-17", seen="it accepted")
class PublishesAfterClosing(PliableClient):
    """Returns from a publish on a closed client without an error, and drops the event."""

    async def publish(self, side: Side, event: Event) -> None:
        if not self.closed:
            await super().publish(side, event)


@bug(CLOSING, "PUB-17", seen="it was entered")
class SubscribesToStreamsAfterClosing(PliableClient):
    """Refuses subscriptions to events on a closed client, but accepts those to streams."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if self.closed and side == "streams":
            yield self.make_channel(side)
            return
        async with super().subscription(side, selects) as subscription:
            yield subscription


@bug(CLOSING, "PUB-17", seen="it still waits")
class ClosingWakesNobody(PliableClient):
    """Lets a reader wait for ever when its client closes."""

    async def aclose(self) -> None:
        self.bus.members = [member for member in self.bus.members if member.client is not self]
        await super().aclose()


@bug(CLOSING, "PUB-17", seen="the reader ended without it")
class ClosingDropsTheBuffer(PliableClient):
    """Discards the unread events of a client when it closes."""

    async def aclose(self) -> None:
        for member in list(self.bus.members):
            if member.client is self:
                self.leave(member)
        await super().aclose()


@bug(CLOSING, "PUB-17", seen="SubscriptionLost")
class ClosingLooksLikeLoss(PliableClient):
    """Tells a reader whose client was closed in order that its subscription was lost."""

    async def aclose(self) -> None:
        for member in self.bus.members:
            if member.client is self:
                member.channel.lose(SubscriptionLost("the connection is gone"))
        await super().aclose()


@bug(CLOSING, "PUB-17", seen="it raised RuntimeError: already closed")
class ClosesOnlyOnce(PliableClient):
    """Raises when a client is closed a second time."""

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("already closed")
        await super().aclose()


@bug(CLOSING, "PUB-21", seen="it ended")
class ClosingEndsTheTenant(PliableClient):
    """Ends its tenants' channels when a client closes, with the subscriptions of other clients."""

    async def aclose(self) -> None:
        scopes = {member.scope for member in self.bus.members if member.client is self}
        for member in list(self.bus.members):
            if member.scope in scopes:
                self.bus.members.remove(member)
                member.channel.finish()
        await super().aclose()


@bug(CLOSING, "PUB-21", seen="nothing of it within")
class ClosingRemovesEqualOnes(PliableClient):
    """Unsubscribes by pattern at closing, and so ends the equal subscription of another client."""

    async def aclose(self) -> None:
        own = [member for member in self.bus.members if member.client is self]
        await super().aclose()
        self.bus.members = [
            member for member in self.bus.members if not any(_equal(member, one) for one in own)
        ]


@bug(CLOSING, "PUB-23", seen="cancelled entering")
class CancelledEnteringStays(PliableClient):
    """Registers a subscription before it waits for the bus, and leaves it there if cancelled."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        member = self.join(side, selects)
        await self.pause()
        try:
            yield member.channel
        finally:
            self.leave(member)


@bug(CLOSING, "PUB-23", seen="entering did not return")
class CancelledEnteringKeepsTheLock(PliableClient):
    """Keeps the registry's lock if entering is cancelled."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        lock: asyncio.Lock = self.bus.memory.setdefault("lock", asyncio.Lock())
        await lock.acquire()
        await self.pause()
        lock.release()
        async with super().subscription(side, selects) as subscription:
            yield subscription


@bug(CLOSING, "PUB-23", seen="cancelled leaving")
class CancelledLeavingStays(PliableClient):
    """Never deregisters a subscription if leaving is cancelled: it tells the bus first."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        member = self.join(side, selects)
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


@bug(CLOSING, "PUB-23", seen="cancelled reading")
class CancelledReadersStay(PliableClient):
    """Never deregisters a subscription whose read was cancelled, since it takes it for gone."""

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


@bug(CLOSING, "PUB-17", seen="closing")
class RefusesASecondClosingMeanwhile(PliableClient):
    """Refuses a second call of close while the first one waits for the server."""

    _under_way = False

    async def aclose(self) -> None:
        if self._under_way and not self.closed:
            raise RuntimeError("this client is being closed")
        self._under_way = True
        await asyncio.sleep(0)
        await super().aclose()


@bug(CLOSING, "PUB-17", seen="it still waits")
class ClosingWakesThirtyTwo(PliableClient):
    """Wakes 32 readers at closing, and leaves the rest for a batch that never comes."""

    async def aclose(self) -> None:
        if self.closed:
            return
        mine = [member for member in self.bus.members if member.client is self]
        for member in mine[32:]:
            self.bus.members.remove(member)
        await super().aclose()
