"""Bugs of publishing: what arrives, what does not, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from eventhook_conformance.contract import FlovynEvent, PublishError
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants._timing import later
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

PUBLISHING: list[Mutant] = []


@bug(PUBLISHING, "PUB-01", seen="came instead")
class LosesEveryHundredth(PliableClient):
    """The sequence number wraps at a hundred; the event that wraps is taken for a control frame."""

    handed = 0

    def hand(self, member: Member, event: Event) -> None:
        self.handed += 1
        if self.handed % 100:
            super().hand(member, event)


@bug(PUBLISHING, "PUB-01", seen="it ended (StopAsyncIteration)")
class EndsAfterTwoHundred(PliableClient):
    """A limit of two hundred messages, left over from a test, ends the subscription."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        handed: dict[Member, int] = self.bus.memory.setdefault("handed", {})
        handed[member] = handed.get(member, 0) + 1
        if handed[member] == 200:
            member.channel.finish()


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class DeliversOncePerFilter(PliableClient):
    """An event that meets two filters of one pattern is delivered for each of them."""

    def hand(self, member: Member, event: Event) -> None:
        pattern = member.selects
        copies = 1
        if member.side == "events" and pattern.event_type_prefix and pattern.workflow_execution_id:
            copies = 2
        for _ in range(copies):
            super().hand(member, event)


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class HearsOthersTwice(PliableClient):
    """Another client's event comes by the shared list and by the relay, and both are delivered."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.client is not self:
            super().hand(member, event)


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class RedeliversWhenTheAckIsLate(PliableClient):
    """Every fortieth acknowledgement is late, and its event is sent again after a while."""

    handed = 0

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        self.handed += 1
        if self.handed % 40 == 0:
            later(0.03, member, event)


@bug(PUBLISHING, "PUB-03", seen="which nobody published")
class AnnouncesArrivals(PliableClient):
    """A tenant's subscribers are told of every newcomer by an event that nobody published."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if member.side == other.side == "events" and other.scope == member.scope:
                joined = FlovynEvent.new(member.selects.tenant_id, "bus.joined", "bus", None)
                if self.admits(other, joined):
                    self.hand(other, joined)
        super().enter(member)


@bug(PUBLISHING, "PUB-03", seen="source = ")
class SignsWhatItForwards(PliableClient):
    """A client that forwards another's event writes itself into its source."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent) and member.client is not self:
            event = msgspec.structs.replace(event, source=f"{event.source}@bus")
        super().hand(member, event)


@bug(PUBLISHING, "PUB-04", seen="came instead")
class SwallowsTheFirst(PliableClient):
    """The first event after entering only wakes the dispatcher and is not delivered."""

    def hand(self, member: Member, event: Event) -> None:
        if getattr(member, "awake", False):
            super().hand(member, event)
        member.awake = True  # type: ignore[attr-defined]  # because: the bug's own note


class _LazyChannel(Channel[Any]):
    """Becomes active with the first read."""

    read = False

    def push(self, event: Any) -> bool:
        return self.read and super().push(event)

    async def __anext__(self) -> Any:
        self.read = True
        return await super().__anext__()


@bug(PUBLISHING, "PUB-04", seen="nothing of it within")
class SubscribesAtTheFirstRead(PliableClient):
    """The subscription is made by the first read, after the work that it was to watch has begun."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _LazyChannel(self.capabilities.event_capacity)


@bug(PUBLISHING, "PUB-04", seen="came instead")
class AsksForInterestTooLate(PliableClient):
    """A client asks who subscribed elsewhere with its first publish, which itself goes out without."""

    def hand(self, member: Member, event: Event) -> None:
        known: set[tuple[PliableClient, Member]] = self.bus.memory.setdefault("known", set())
        if member.client is self or (self, member) in known:
            super().hand(member, event)
        known.add((self, member))


@bug(PUBLISHING, "PUB-05", seen="it got #")
class RetainsTheLast(PliableClient):
    """A new subscriber gets the tenant's last event first, as with a retained message."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        self.bus.memory[str(self.scope(side, event))] = event

    def enter(self, member: Member) -> None:
        super().enter(member)
        last = self.bus.memory.get(str(member.scope))
        if last is not None and self.admits(member, last):
            self.hand(member, last)


@bug(PUBLISHING, "PUB-05", seen="it got #")
class KeepsWhatNobodyHeard(PliableClient):
    """An event without a subscriber is queued, and the next subscriber gets it."""

    async def publish(self, side: Side, event: Event) -> None:
        if not any(self.admits(member, event) for member in self.audience(side, event)):
            self.check_open()
            self.bus.memory.setdefault(str(self.scope(side, event)), []).append(event)
        await super().publish(side, event)

    def enter(self, member: Member) -> None:
        super().enter(member)
        for event in self.bus.memory.pop(str(member.scope), []):
            if self.admits(member, event):
                self.hand(member, event)


@bug(PUBLISHING, "PUB-08", seen="nobody is listening")
class NeedsAResponder(PliableClient):
    """Publishing to nobody raises, as a request that finds no responder does."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if not any(self.admits(member, event) for member in self.audience(side, event)):
            raise PublishError("nobody is listening")


@bug(PUBLISHING, "PUB-08", seen="the channel is closed")
class SendsIntoAClosedChannel(PliableClient):
    """Once a tenant's last subscriber has left, publishing to it fails: no receiver is left."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        gone = self.bus.memory.setdefault("gone", set())
        gone.add(member.scope)

    async def publish(self, side: Side, event: Event) -> None:
        scope = self.scope(side, event)
        active = {member.scope for member in self.bus.members}
        if scope not in active and scope in self.bus.memory.get("gone", ()):
            self.check_open()
            raise PublishError("the channel is closed")
        await super().publish(side, event)


@bug(PUBLISHING, "PUB-18", seen="came instead")
class HoldsOneLess(PliableClient):
    """The ring keeps a slot free to tell full from empty, and holds one less than is claimed."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return Channel(self.capabilities.event_capacity - 1)


@bug(PUBLISHING, "PUB-18", seen="came instead")
class RoundsTheCapacity(PliableClient):
    """The capacity is rounded down to a power of two."""

    capabilities = replace(PliableClient.capabilities, event_capacity=1000)

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return Channel(1 << (self.capabilities.event_capacity.bit_length() - 1))
