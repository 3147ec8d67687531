"""Bugs of streams in their lifetimes and keys; the event side of each of these clients is correct."""

from __future__ import annotations

from typing import Any

import msgspec

from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants._streaming_clients import Keyed
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

STREAMING_LIFETIMES: list[Mutant] = []


# How long it lives (STR-06)


class _Replaying(PliableClient):
    """A client that keeps the last stream event of each key."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if side == "streams":
            self.bus.memory[event.workflow_execution_id] = event


@bug(STREAMING_LIFETIMES, "STR-06", seen="nothing published before")
class StreamsRetainTheLast(_Replaying):
    """Delivers the last event of a stream at once to a new reader."""

    def enter(self, member: Member) -> None:
        super().enter(member)
        if member.side == "streams" and member.selects in self.bus.memory:
            member.channel.push(self.bus.memory[member.selects])


class _Lazy(Channel[Any]):
    started = False

    async def __anext__(self) -> Any:
        self.started = True
        return await super().__anext__()


@bug(STREAMING_LIFETIMES, "STR-06", seen="which was active and asked for it")
class StreamsBeginAtTheFirstRead(PliableClient):
    """Makes a stream's subscription active with its first read, not with entering."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "events":
            return super().make_channel(side)
        return _Lazy(self.capabilities.stream_capacity)

    def hand(self, member: Member, event: Event) -> None:
        if not isinstance(member.channel, _Lazy) or member.channel.started:
            super().hand(member, event)


@bug(STREAMING_LIFETIMES, "STR-06", seen="it was delivered again")
class RepeatsEveryFiftieth(PliableClient):
    """Delivers every fiftieth event of a stream twice, since its acknowledgement came late."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.side == "streams":
            count = self.bus.memory["sent"] = self.bus.memory.get("sent", 0) + 1
            if count % 50 == 0:
                super().hand(member, event)


@bug(STREAMING_LIFETIMES, "STR-06", seen="which was active and asked for it")
class ReadersCompete(PliableClient):
    """Shares the events of a stream out among the readers of one client."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        audience = super().audience(side, event)
        if side == "events":
            return audience
        mine = [member for member in audience if self.admits(member, event)]
        turn = self.bus.memory["turn"] = self.bus.memory.get("turn", 0) + 1
        own = [member for member in mine if member.client is self]
        return [m for m in mine if m not in own or m is own[turn % len(own)]]


@bug(STREAMING_LIFETIMES, "STR-06", seen="which was active and asked for it")
class LeavingLeavesAllEquals(PliableClient):
    """Removes all of the client's subscriptions to a key when one of them leaves."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        for other in list(self.bus.members):
            if member.side == other.side == "streams" and other.selects == member.selects:
                self.bus.members.remove(other)


class _Deaf(Channel[Any]):
    def leave(self) -> None:
        self._end_with(StopAsyncIteration())


@bug(STREAMING_LIFETIMES, "STR-06", seen="a read called after leaving")
class ReadsOnAfterLeaving(PliableClient):
    """Delivers buffered events of a stream after its reader left."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "events":
            return super().make_channel(side)
        return _Deaf(self.capabilities.stream_capacity)


class _Kept(Channel[Any]):
    def unread(self) -> list[Event]:
        return list(self._events)


@bug(STREAMING_LIFETIMES, "STR-06", seen="nothing published before")
class ResumesWhereItLeft(PliableClient):
    """Delivers the events unread at leaving to the same client's next subscription to the stream."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "events":
            return super().make_channel(side)
        return _Kept(self.capabilities.stream_capacity)

    def enter(self, member: Member) -> None:
        super().enter(member)
        for event in self.bus.memory.pop(str(member.selects), ()):
            member.channel.push(event)

    def leave(self, member: Member) -> None:
        if isinstance(member.channel, _Kept):
            self.bus.memory[member.selects] = member.channel.unread()
        super().leave(member)


@bug(STREAMING_LIFETIMES, "STR-06", seen="BusClosed")
class StreamsOutliveTheClient(PliableClient):
    """Publishes stream events after its client was closed."""

    async def publish(self, side: Side, event: Event) -> None:
        closed, self.closed = self.closed, self.closed and side == "events"
        try:
            await super().publish(side, event)
        finally:
            self.closed = closed


# Its key (STR-08)


@bug(STREAMING_LIFETIMES, "STR-08", seen="it accepted the key ''")
class TakesAnEmptyKey(PliableClient):
    """Accepts an event with an empty stream key."""

    def check(self, side: Side, event: Event) -> None:
        if side == "events" or event.workflow_execution_id:
            super().check(side, event)


@bug(STREAMING_LIFETIMES, "STR-08", seen="to raise InvalidPattern for '*'")
class StarReadsEverything(Keyed):
    """Takes `*` as a stream key for a wildcard, and delivers every stream."""

    def check_selects(self, side: Side, selects: Any) -> None:
        if side == "events" or selects not in ("*", ">"):
            super().check_selects(side, selects)

    def same(self, key: str, event: StreamEvent) -> bool:
        return key in ("*", ">", event.workflow_execution_id)


@bug(STREAMING_LIFETIMES, "STR-08", seen="it accepted the key")
class TrimsItsKeys(PliableClient):
    """Trims blanks around a stream key, instead of refusing it."""

    def check(self, side: Side, event: Event) -> None:
        if side == "streams":
            key = event.workflow_execution_id.strip()
            event = msgspec.structs.replace(event, workflow_execution_id=key)
        super().check(side, event)
