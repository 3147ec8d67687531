"""Bugs that show on subscriptions beside an action, in any state, under any name."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import (
    Event,
    Member,
    PliableBus,
    PliableClient,
    Side,
    SidedClient,
)

BESIDE: list[Mutant] = []

_PAGE: Final = 16
_IDLE_S: Final = 0.15


class _ForgetsLosses(Channel[Any]):
    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except asyncio.CancelledError:
            self.dropped = 0
            raise


@bug_on_each_side(BESIDE, events=("OVF-07",), streams=("OVF-07",), seen="after a cancelled read")
class ForgetsLossesWhenAReadIsCancelled(SidedClient):
    """Sets `dropped` back to 0 when a read is cancelled."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ForgetsLosses(capacity)


@bug_on_each_side(
    BESIDE,
    events=("PUB-21",),
    streams=("STR-06",),
    seen="which was active and asked for it",
)
class LeavesASlotThatIsAnothersByNow(SidedClient):
    """Ends another's subscription, by its place in a list, when one of a closed client is left."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._places: dict[Member, int] = {}

    def enter(self, member: Member) -> None:
        self._places[member] = len(self._alike(member))
        super().enter(member)

    def leave(self, member: Member) -> None:
        alike, place = self._alike(member), self._places.pop(member)
        if member.side == self.bugged and self.closed and place < len(alike):
            self.bus.members.remove(alike[place])
        super().leave(member)

    def _alike(self, member: Member) -> list[Member]:
        return [one for one in self.bus.members if one.side == member.side]


class _MakesRoom(Channel[Any]):
    def make_room(self) -> None:
        """Takes the oldest event out, if it is full."""
        if len(self._events) == self._capacity:
            self._events.popleft()


@bug_on_each_side(
    BESIDE, events=("CLN-02",), streams=("CLN-02",), seen="a reader that overran to hold"
)
class CleanupMakesRoomInFullBuffers(SidedClient):
    """Evicts the oldest event of each full buffer at cleanup."""

    def make(self, capacity: int) -> Channel[Any]:
        return _MakesRoom(capacity)

    async def cleanup_inactive_channels(self) -> int:
        for member in self.bus.members:
            if isinstance(member.channel, _MakesRoom):
                member.channel.make_room()
        return await super().cleanup_inactive_channels()


@bug_on_each_side(
    BESIDE, events=("PUB-01",), streams=("STR-01",), seen="which was active and asked for it"
)
class CleanupTakesTheSilentForIdle(SidedClient):
    """Ends an active subscription at cleanup that got nothing for a while."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._heard: dict[Member, float] = bus.memory.setdefault("heard", {})

    def enter(self, member: Member) -> None:
        self._heard[member] = time.monotonic()
        super().enter(member)

    def hand(self, member: Member, event: Event) -> None:
        self._heard[member] = time.monotonic()
        super().hand(member, event)

    def leave(self, member: Member) -> None:
        self._heard.pop(member, None)
        super().leave(member)

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        since = time.monotonic() - _IDLE_S
        for member in list(self.bus.members):
            if member.side == self.bugged and self._heard.get(member, since) < since:
                self.bus.members.remove(member)
        return removed


@bug_on_each_side(
    BESIDE, events=("PUB-12",), streams=("STR-06",), seen="which was active and asked for it"
)
class WalksALivingListInPages(SidedClient):
    """Fans out in pages of 16 by number, and skips one when another leaves meanwhile."""

    async def publish(self, side: Side, event: Event) -> None:
        if side != self.bugged:
            await super().publish(side, event)
            return
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        place = handed = 0
        while place < len(self.bus.members):
            member = self.bus.members[place]
            place += 1
            if member.side == side and self.admits(member, event):
                self.hand(member, self.copy(event))
                handed += 1
                if handed % _PAGE == 0:
                    await self.pause()
        await self.pause()


@bug(BESIDE, "CLN-01", seen="shared names with active ones")
class TakesAKeyForItsTenant(PliableClient):
    """Takes a channel for active if one of the other side with the same text is."""

    def idle_channels(self) -> list[tuple[Side, object]]:
        active = {str(member.scope) for member in self.bus.members}
        return [channel for channel in self.bus.channels if str(channel[1]) not in active]


@bug(BESIDE, "PUB-12", seen="which was active and asked for it")
class LeavingAStreamEndsTheWorkflowsEvents(PliableClient):
    """Ends a client's subscriptions to a workflow's events when it leaves the workflow's stream."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        if member.side == "streams":
            for other in list(self.bus.members):
                if other.client is self and _workflow(other) == member.selects:
                    self.bus.members.remove(other)


def _workflow(member: Member) -> str:
    return str(member.selects.workflow_execution_id) if member.side == "events" else ""


@bug(BESIDE, "EVT-03", seen="</script>")
class EscapesSlashes(PliableClient):
    """Escapes slashes for web pages, and never takes that back."""

    def copy(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent) and isinstance(event.data, str):
            return msgspec.structs.replace(event, data=event.data.replace("</", "<\\/"))
        return super().copy(event)


@bug(BESIDE, "EVT-01", seen="correlation_id = None")
class LeavesOutACorrelationIdThatIsTheId(PliableClient):
    """Leaves out a correlation id that equals the event's id, since that is its default."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, FlovynEvent) and copied.correlation_id == str(copied.id):
            return msgspec.structs.replace(copied, correlation_id=None)
        return copied
