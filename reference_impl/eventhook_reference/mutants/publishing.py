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
    """Wraps its sequence number at 100, and takes the event that wraps for a control frame."""

    handed = 0

    def hand(self, member: Member, event: Event) -> None:
        self.handed += 1
        if self.handed % 100:
            super().hand(member, event)


@bug(PUBLISHING, "PUB-01", seen="it ended (StopAsyncIteration)")
class EndsAfterTwoHundred(PliableClient):
    """Ends a subscription after 200 events, by a limit left over from a test."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        handed: dict[Member, int] = self.bus.memory.setdefault("handed", {})
        handed[member] = handed.get(member, 0) + 1
        if handed[member] == 200:
            member.channel.finish()


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class DeliversOncePerFilter(PliableClient):
    """Delivers an event once for each filter of the pattern that it matches."""

    def hand(self, member: Member, event: Event) -> None:
        pattern = member.selects
        copies = 1
        if member.side == "events" and pattern.event_type_prefix and pattern.workflow_execution_id:
            copies = 2
        for _ in range(copies):
            super().hand(member, event)


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class HearsOthersTwice(PliableClient):
    """Delivers another client's event twice: once from the shared list, once from the relay."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.client is not self:
            super().hand(member, event)


@bug(PUBLISHING, "PUB-02", seen="it was delivered again")
class RedeliversWhenTheAckIsLate(PliableClient):
    """Sends every fortieth event again after a while, since its acknowledgement is late."""

    handed = 0

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        self.handed += 1
        if self.handed % 40 == 0:
            later(0.03, member, event)


@bug(PUBLISHING, "PUB-03", seen="which nobody published")
class AnnouncesArrivals(PliableClient):
    """Tells a tenant's subscribers of each new subscription by an event that nobody published."""

    def enter(self, member: Member) -> None:
        for other in self.bus.members:
            if member.side == other.side == "events" and other.scope == member.scope:
                joined = FlovynEvent.new(member.selects.tenant_id, "bus.joined", "bus", None)
                if self.admits(other, joined):
                    self.hand(other, joined)
        super().enter(member)


@bug(PUBLISHING, "PUB-03", seen="source = ")
class SignsWhatItForwards(PliableClient):
    """Replaces the source of an event that it forwards by its own name."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent) and member.client is not self:
            event = msgspec.structs.replace(event, source=f"{event.source}@bus")
        super().hand(member, event)


@bug(PUBLISHING, "PUB-04", seen="came instead")
class SwallowsTheFirst(PliableClient):
    """Uses the first event after entering to wake the dispatcher, and does not deliver it."""

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
    """Makes the subscription active with its first read, not with entering."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _LazyChannel(self.capabilities.event_capacity)


@bug(PUBLISHING, "PUB-04", seen="came instead")
class AsksForInterestTooLate(PliableClient):
    """Learns of another client's subscription by the first publish to it, and does not deliver that."""

    def hand(self, member: Member, event: Event) -> None:
        known: set[tuple[PliableClient, Member]] = self.bus.memory.setdefault("known", set())
        if member.client is self or (self, member) in known:
            super().hand(member, event)
        known.add((self, member))


@bug(PUBLISHING, "PUB-05", seen="it got #")
class RetainsTheLast(PliableClient):
    """Delivers the tenant's last event first to a new subscription, as a retained message."""

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
    """Queues an event that has no subscription, and delivers it to the next one."""

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
    """Raises when an event is published that has no subscription."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if not any(self.admits(member, event) for member in self.audience(side, event)):
            raise PublishError("nobody is listening")


@bug(PUBLISHING, "PUB-08", seen="the channel is closed")
class SendsIntoAClosedChannel(PliableClient):
    """Raises when an event is published after the tenant's last subscription has left."""

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
    """Keeps one slot of its ring free, and so holds one event less than it claims."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return Channel(self.capabilities.event_capacity - 1)


@bug(PUBLISHING, "PUB-18", seen="came instead")
class RoundsTheCapacity(PliableClient):
    """Rounds the claimed capacity down to a power of two."""

    capabilities = replace(PliableClient.capabilities, event_capacity=1000)

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "streams":
            return super().make_channel(side)
        return Channel(1 << (self.capabilities.event_capacity.bit_length() - 1))
