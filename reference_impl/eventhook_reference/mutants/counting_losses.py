"""Bugs of `dropped`: the number of events that a subscription lost to overflow."""

from __future__ import annotations

from typing import Any

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, SidedClient

COUNTING_LOSSES: list[Mutant] = []


class _ByEpisode(Channel[Any]):
    """Counts one for each time that it overflows between two reads."""

    _overflowing = False

    def push(self, event: Event) -> bool:
        before = self.dropped
        woken = super().push(event)
        if self.dropped > before:
            self.dropped = before + (not self._overflowing)
            self._overflowing = True
        return woken

    async def __anext__(self) -> Any:
        self._overflowing = False
        return await super().__anext__()


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsEpisodes(SidedClient):
    """Counts overruns in `dropped`, not lost events."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ByEpisode(capacity)


class _Wrapping(Channel[Any]):
    def push(self, event: Event) -> bool:
        woken = super().push(event)
        self.dropped &= 0xFF
        return woken


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsInOneByte(SidedClient):
    """Keeps `dropped` in eight bits."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Wrapping(capacity)


class _ResetOnRead(Channel[Any]):
    async def __anext__(self) -> Any:
        event = await super().__anext__()
        self.dropped = 0
        return event


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class ReadingClearsTheCount(SidedClient):
    """Sets `dropped` back to 0 at each read."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ResetOnRead(capacity)


class _ResetOnSight(Channel[Any]):
    _lost = 0

    @property
    def dropped(self) -> int:
        lost, self._lost = self._lost, 0
        return lost

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._lost = count

    def push(self, event: Event) -> bool:
        full = len(self._events) == self._capacity and self._end is None
        lost = self._lost + full
        woken = super().push(event)
        self._lost = lost
        return woken


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class LookingClearsTheCount(SidedClient):
    """Sets `dropped` back to 0 each time that it is read."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ResetOnSight(capacity)


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CleanupClearsTheCount(SidedClient):
    """Sets `dropped` of all subscriptions back to 0 at cleanup."""

    async def cleanup_inactive_channels(self) -> int:
        for member in self.bus.members:
            if member.side == self.bugged:
                member.channel.dropped = 0
        return await super().cleanup_inactive_channels()


class _Never(Channel[Any]):
    def push(self, event: Event) -> bool:
        woken = super().push(event)
        self.dropped = 0
        return woken


@bug(COUNTING_LOSSES, "OVF-07", seen="`dropped`")
class StreamsCountNoLosses(SidedClient):
    """Counts no lost events of streams: `dropped` stays 0."""

    bugged: Side = "streams"

    def make(self, capacity: int) -> Channel[Any]:
        return _Never(capacity)


@bug(COUNTING_LOSSES, "OVF-07", seen="`dropped`")
class CountsWhatAFilterLeftOut(PliableClient):
    """Counts the tenant's events that the filter left out as `dropped`."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        for member in self.audience(side, event):
            if side == "events" and member.scope == event.tenant_id:
                member.channel.dropped += not self.admits(member, event)


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsForTheWholeScope(SidedClient):
    """Counts a loss of one subscription on all of its tenant or key."""

    def hand(self, member: Member, event: Event) -> None:
        before = member.channel.dropped
        super().hand(member, event)
        if member.side == self.bugged and member.channel.dropped > before:
            for other in self.bus.members:
                same = (other.side, other.scope) == (member.side, member.scope)
                if same and other is not member:
                    other.channel.dropped += 1


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class ClosingCountsWhatIsUnread(SidedClient):
    """Counts events unread at closing as `dropped`, though they can still be read."""

    async def aclose(self) -> None:
        for member in self.bus.members:
            if member.client is self and member.side == self.bugged:
                member.channel.dropped += member.channel.waiting
        await super().aclose()


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class LeavingClearsTheCount(SidedClient):
    """Sets `dropped` to 0 once the subscription was left."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        if member.side == self.bugged:
            member.channel.dropped = 0


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class LeavingHandsItsLossesOn(SidedClient):
    """Counts the losses of a subscription that left on others of its tenant or key."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        for other in self.bus.members:
            if other.side == member.side == self.bugged and other.scope == member.scope:
                other.channel.dropped += member.channel.dropped


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsTheFirstOfSeveral(SidedClient):
    """Counts an event that several full buffers lose on the first of them alone."""

    def hand(self, member: Member, event: Event) -> None:
        before = member.channel.dropped
        super().hand(member, event)
        if member.side != self.bugged or member.channel.dropped == before:
            return
        lost = (event.id if self.bugged == "events" else event.sequence, member.scope)
        if self.bus.memory.get("lost") == lost:
            member.channel.dropped = before
        self.bus.memory["lost"] = lost


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsWhatItsOwnClientLost(SidedClient):
    """Counts losses where its own client publishes, and has no number for other clients' readers."""

    def hand(self, member: Member, event: Event) -> None:
        before = member.channel.dropped
        super().hand(member, event)
        if member.side == self.bugged and member.client is not self:
            member.channel.dropped = before


class _InFloatingPoint(Channel[Any]):
    def push(self, event: Event) -> bool:
        woken = super().push(event)
        count: Any = float(self.dropped)
        self.dropped = count
        return woken


@bug_on_each_side(COUNTING_LOSSES, events=["OVF-07"], streams=["OVF-07"], seen="`dropped`")
class CountsInFloatingPoint(SidedClient):
    """Keeps `dropped` as a floating-point number."""

    def make(self, capacity: int) -> Channel[Any]:
        return _InFloatingPoint(capacity)
