"""Bugs by which one's trouble becomes another's: across tenants, keys, sides and subscriptions."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, SidedClient

NEIGHBOURS: list[Mutant] = []

_LOST: Final = "which was active and asked for it"
_DELAY_S: Final = 0.3


def _forget_oldest(channel: Channel[Any]) -> None:
    if channel._events:  # noqa: SLF001  # because: the bug reaches in
        channel._events.popleft()  # noqa: SLF001  # because: the bug reaches in


class _OverflowingClient(SidedClient):
    """Does something beside when a buffer on the side with the bug overflows."""

    def hand(self, member: Member, event: Event) -> None:
        before = member.channel.dropped
        super().hand(member, event)
        if member.side == self.bugged and member.channel.dropped > before:
            self.overflowed(member)

    def overflowed(self, member: Member) -> None:
        """Reacts after an event of this subscription was lost to overflow; does nothing here."""

    def full(self) -> list[Member]:
        """Returns the subscriptions with the bug that have lost something and hold unread events."""
        return [
            member
            for member in self.bus.members
            if member.side == self.bugged and member.channel.dropped and member.channel._events  # noqa: SLF001  # because: the bug reaches in
        ]


@bug_on_each_side(NEIGHBOURS, events=["OVF-04"], streams=["OVF-06"], seen=_LOST)
class OverflowEvictsTheOtherSide(_OverflowingClient):
    """Shares one pool of slots between events and streams: an overflow of one evicts from the other."""

    def overflowed(self, member: Member) -> None:
        for other in self.bus.members:
            if other.side != member.side:
                _forget_oldest(other.channel)


@bug_on_each_side(NEIGHBOURS, events=["TEN-06"], streams=["OVF-06"], seen=_LOST)
class OverflowLandsNextDoor(_OverflowingClient):
    """Evicts the oldest event of the next buffer too, since it miscounts the slot to be freed."""

    def overflowed(self, member: Member) -> None:
        members = [other for other in self.bus.members if other.side == member.side]
        place = members.index(member)
        _forget_oldest(members[(place + 1) % len(members)].channel)


@bug_on_each_side(NEIGHBOURS, events=["OVF-04"], streams=["OVF-06"], seen=_LOST)
class ThreeStalledReadersStarveAll(_OverflowingClient):
    """Delivers nothing to anybody while three readers stand still, since it has three senders."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        audience = super().audience(side, event)
        full = self.full()
        return audience if len(full) < 3 else [member for member in audience if member in full]


@bug_on_each_side(NEIGHBOURS, events=["TEN-06"], streams=["OVF-06"], seen="stand")
class FullReadersDelayEverybody(_OverflowingClient):
    """Delays every publish while a reader has overrun."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == self.bugged and any(not self.admits(one, event) for one in self.full()):
            await asyncio.sleep(_DELAY_S)


@bug_on_each_side(NEIGHBOURS, events=["TEN-06"], streams=["OVF-06"], seen="stand")
class FullReadersDelayTheOtherSide(_OverflowingClient):
    """Delays every publish of the other side while a reader has overrun."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side != self.bugged and self.full():
            await asyncio.sleep(_DELAY_S)


@bug_on_each_side(NEIGHBOURS, events=["PUB-06"], streams=["STR-06"], seen="got #")
class NewEventsOvertakeABacklog(SidedClient):
    """Delivers new events before the backlog that a reader works off."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Overtaken(capacity)


class _Overtaken(Channel[Any]):
    _reading = 0

    def push(self, event: Event) -> bool:
        if self._reading >= 2 and len(self._events) >= 2:
            self._events.appendleft(event)
            return False
        return super().push(event)

    async def __anext__(self) -> Any:
        event = await super().__anext__()
        self._reading = self._reading + 1 if self._events else 0
        return event


@bug_on_each_side(
    NEIGHBOURS, events=["PUB-12"], streams=["STR-06"], seen="the consumer's own exception"
)
class SwallowsTheConsumersException(SidedClient):
    """Swallows the exception of the consumer when its subscription is left."""

    def subscription(self, side: Side, selects: Any) -> Any:
        context = super().subscription(side, selects)
        return _Swallowing(context) if side == self.bugged else context


class _Swallowing:
    def __init__(self, context: Any) -> None:
        self._context = context

    async def __aenter__(self) -> Any:
        return await self._context.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        try:
            await self._context.__aexit__(kind, error, traceback)
        except Exception as raised:  # because: the bug is that it swallows what the consumer raised
            if raised is not error:
                raise
        return True


@bug(NEIGHBOURS, "TEN-01", seen="")
class LargeEventsShareABuffer(PliableClient):
    """Assembles events above 16 KiB in one buffer of the client, and mixes up two at once."""

    async def publish(self, side: Side, event: Event) -> None:
        if side == "streams" or len(event.to_json()) <= 16_384:
            await super().publish(side, event)
            return
        self.check_open()
        self.check(side, event)
        self.bus.memory[str(id(self))] = event
        await self.pause()
        await super().publish(side, self.bus.memory[str(id(self))])


@bug_on_each_side(NEIGHBOURS, events=["PUB-18"], streams=["STR-06"], seen=_LOST)
class HoldsAMegabyte(SidedClient):
    """Holds as many events as it claims, but no more than a megabyte of them."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Weighed(capacity)


class _Weighed(Channel[Any]):
    def push(self, event: Event) -> bool:
        woken = super().push(event)
        while sum(len(one.to_json()) for one in self._events) > 1 << 20:
            self._events.popleft()
            self.dropped += 1
        return woken


@bug_on_each_side(NEIGHBOURS, events=["CLN-02"], streams=["CLN-02"], seen=_LOST)
class CleanupForgetsOtherClients(SidedClient):
    """Removes another client's subscriptions of one side at cleanup."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        self.bus.members = [
            member
            for member in self.bus.members
            if member.side != self.bugged or member.client is self
        ]
        return removed


@bug_on_each_side(NEIGHBOURS, events=["CLN-02"], streams=["CLN-02"], seen=_LOST)
class CleanupEmptiesBuffers(SidedClient):
    """Discards the unread events of active subscriptions at cleanup."""

    async def cleanup_inactive_channels(self) -> int:
        for member in self.bus.members:
            if member.side == self.bugged:
                member.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in
        return await super().cleanup_inactive_channels()


@bug_on_each_side(NEIGHBOURS, events=["PUB-04"], streams=["STR-06"], seen=_LOST)
class ActiveLaterElsewhere(SidedClient):
    """Makes a subscription active for other clients a few turns after entering returned."""

    def enter(self, member: Member) -> None:
        super().enter(member)
        if member.side == self.bugged:
            fresh: set[Member] = self.bus.memory.setdefault("fresh", set())
            fresh.add(member)
            asyncio.get_running_loop().call_later(0.001, fresh.discard, member)

    def admits(self, member: Member, event: Event) -> bool:
        if member in self.bus.memory.get("fresh", ()) and member.client is not self:
            return False
        return super().admits(member, event)
