"""Bugs that show only where two things meet: a refusal, a loss, an end, and what lies unread beside it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, SidedClient

MEETING: list[Mutant] = []

_LOST: Final = "which was active and asked for it"
_STANDING_STILL: Final = 3
_SOME: Final = 4


@bug_on_each_side(MEETING, events=["EVT-06"], streams=["STR-06"], seen=_LOST)
class RefusingTakesTheLastUnread(SidedClient):
    """Removes the newest unread event of each reader when it refuses a publish."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except ValueError:
            if side == self.bugged:
                for member in self.bus.members:
                    self._roll_back(member, event)
            raise

    def _roll_back(self, member: Member, event: Event) -> None:
        unread = member.channel._events  # noqa: SLF001  # because: the bug reaches in
        text = str(self.scope(member.side, event)).partition(".")[0]
        if member.side == self.bugged and str(member.scope) == text and unread:
            unread.pop()


class _Watching(SidedClient):
    """Knows which subscriptions of its side hold all that they can."""

    def full(self) -> list[Member]:
        """Returns them."""
        capacity = self.capabilities
        most = capacity.event_capacity if self.bugged == "events" else capacity.stream_capacity
        return [
            member
            for member in self.bus.members
            if member.side == self.bugged and member.channel.waiting == most
        ]


@bug_on_each_side(MEETING, events=["OVF-04"], streams=["OVF-06"], seen=_LOST)
class SeveralThatStandStillStarveWhoHoldsSome(_Watching):
    """Delivers nothing more to a reader with a small backlog while three buffers are full."""

    def hand(self, member: Member, event: Event) -> None:
        waiting = member.channel.waiting
        full = self.full() if waiting > _SOME and member.side == self.bugged else []
        if len(full) < _STANDING_STILL or member in full:
            super().hand(member, event)


@bug(MEETING, "OVF-04", seen=_LOST)
class OverrunEndsOtherFilters(PliableClient):
    """Ends a tenant's subscriptions by other sources after an overrun."""

    def hand(self, member: Member, event: Event) -> None:
        before = member.channel.dropped
        super().hand(member, event)
        if member.side == "events" and member.channel.dropped > before:
            self.bus.members = [
                other
                for other in self.bus.members
                if other.side == "streams"
                or other.scope != member.scope
                or other.selects.source is None
            ]


class _Weary(Channel[Any]):
    _cancelled = 0

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except asyncio.CancelledError:
            self._cancelled += 1
            if self._cancelled == 50:
                self.finish()
            raise


@bug_on_each_side(MEETING, events=["PUB-14"], streams=["STR-06"], seen="it ended")
class EndsAfterFiftyCancelledReads(SidedClient):
    """Ends a subscription after 50 cancelled reads, since it takes its reader for gone."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Weary(capacity)


@bug_on_each_side(MEETING, events=["PUB-24"], streams=["PUB-24"], seen=_LOST)
class CancellingSkipsTheNextPublish(SidedClient):
    """Drops a client's next publish after a cancelled one."""

    _marked = False

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        if self._marked and side == self.bugged:
            self._marked = False
            return
        await super().publish(side, event)
        self._marked = False

    async def pause(self) -> None:
        try:
            await super().pause()
        except asyncio.CancelledError:
            self._marked = True
            raise


@bug(MEETING, "CLN-01", seen="once a client was closed")
class StreamsOfAClosedClientCountOn(PliableClient):
    """Counts the streams of a closed client until the next cleanup."""

    async def aclose(self) -> None:
        own = {
            channel: users
            for channel, users in self.bus.channels.items()
            if channel[0] == "streams" and self in users
        }
        await super().aclose()
        if own:
            self.bus.channels.update(own)


@bug(MEETING, "STR-05", seen="payload")
class PayloadsThatFillABufferLoseTheirEnd(PliableClient):
    """Cuts the last letter of a payload of exactly 8,192 letters."""

    def copy(self, event: Event) -> Event:
        event = super().copy(event)
        if isinstance(event, StreamEvent) and len(event.payload) == 8192:
            return msgspec.structs.replace(event, payload=event.payload[:-1])
        return event


@bug(MEETING, "EVT-02", seen="data")
class ListsThatFillAPageLoseTheirEnd(PliableClient):
    """Drops the last member of a list of exactly 500."""

    def copy(self, event: Event) -> Event:
        event = super().copy(event)
        if isinstance(event, FlovynEvent) and isinstance(event.data, list):
            kept = event.data[:-1] if len(event.data) == 500 else event.data
            return msgspec.structs.replace(event, data=kept)
        return event


@bug(MEETING, "STR-06", seen=_LOST)
class StreamsHaveSoManyReaders(PliableClient):
    """Delivers nothing to readers of a stream beyond the first 128."""

    def enter(self, member: Member) -> None:
        others = [other for other in self.bus.members if other.side == "streams"]
        if member.side == "events" or sum(one.scope == member.scope for one in others) < 128:
            super().enter(member)
