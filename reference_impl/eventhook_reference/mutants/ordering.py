"""Bugs of order, of many publishers at once, and of how soon events arrive."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants._timing import later
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

ORDERING: list[Mutant] = []


@bug(ORDERING, "PUB-06", seen=" first")
class ReordersAboveABatch(PliableClient):
    """Sends a backlog of more than a hundred events as two batches, the second one first."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        unread: deque[Any] = member.channel._events  # noqa: SLF001  # because: the bug reaches in
        if len(unread) % 128 == 0:
            unread.rotate(64)


@bug(ORDERING, "PUB-06", seen=" first")
class GivesEachCategoryALane(PliableClient):
    """Sends each category of types through a worker of its own, one slower than the others."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent) and event.event_type.startswith("webhook."):
            later(0.001, member, event)
        else:
            super().hand(member, event)


@bug(ORDERING, "PUB-06", seen=" first")
class SendsLargeEventsAside(PliableClient):
    """Sends payloads above 4 KiB by way of a store, where later events overtake them."""

    def hand(self, member: Member, event: Event) -> None:
        if (
            isinstance(event, FlovynEvent)
            and isinstance(event.data, str)
            and len(event.data) > 4096
        ):
            later(0.001, member, event)
        else:
            super().hand(member, event)


@bug(ORDERING, "PUB-07", seen="the other way round")
class FansOutFromBothEnds(PliableClient):
    """Serves the subscriptions backwards at every other publish, and waits between two of them."""

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        turn = self.bus.memory["turn"] = -self.bus.memory.get("turn", -1)
        for member in self.audience(side, event)[::turn]:
            if self.admits(member, event):
                self.hand(member, self.copy(event))
                await self.pause()


@bug(ORDERING, "PUB-07", seen="the other way round")
class CarriesOthersMoreSlowly(PliableClient):
    """Delivers a client's own events directly, and those of others later, by way of the server."""

    capabilities = replace(PliableClient.capabilities, causal_order=False)

    def hand(self, member: Member, event: Event) -> None:
        if member.client is self:
            super().hand(member, event)
        else:
            later(0.001, member, event)


@bug(ORDERING, "PUB-15", seen="came instead")
class DropsWhenBusy(PliableClient):
    """Drops a publish when eight others are under way, since the send queue is full."""

    async def publish(self, side: Side, event: Event) -> None:
        self.bus.memory["in flight"] = self.bus.memory.get("in flight", 0) + 1
        try:
            await asyncio.sleep(0)
            await super().publish(side, event)
        finally:
            self.bus.memory["in flight"] -= 1

    def hand(self, member: Member, event: Event) -> None:
        if self.bus.memory["in flight"] <= 8:
            super().hand(member, event)


@bug(ORDERING, "PUB-15", "PUB-02", seen="it was delivered again")
class RetriesUnderContention(PliableClient):
    """Publishes an event twice if other publishes are under way: it takes the first attempt for failed."""

    async def publish(self, side: Side, event: Event) -> None:
        memory = self.bus.memory
        memory["in flight"] = memory.get("in flight", 0) + 1
        try:
            await asyncio.sleep(0)
            await super().publish(side, event)
            if memory["in flight"] > 8:
                await super().publish(side, event)
        finally:
            memory["in flight"] -= 1


class _WakingChannel(Channel[Any]):
    """Drops events that come after its reader was woken and before it runs."""

    def push(self, event: Any) -> bool:
        if self._wakeup is not None and self._wakeup.done():
            return False
        return super().push(event)


@bug(ORDERING, "PUB-15", seen="came instead")
class LosesTheSecondInATick(PliableClient):
    """Loses the second of two events in the same instant: it overwrites the flag of the first."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _WakingChannel(
            claimed.event_capacity if side == "events" else claimed.stream_capacity
        )


@bug(ORDERING, "PUB-19", seen="within 50 ms")
class PollsTenTimesASecond(PliableClient):
    """Looks for events ten times a second, instead of being woken by them."""

    def hand(self, member: Member, event: Event) -> None:
        later(0.06, member, event)


@bug(ORDERING, "PUB-19", seen="within 50 ms")
class StallsNowAndThen(PliableClient):
    """Holds back every fiftieth event, and those behind it, until a batch is full."""

    handed = 0

    def hand(self, member: Member, event: Event) -> None:
        self.handed += 1
        batch: list[tuple[Member, Event]] = self.bus.memory.setdefault("batch", [])
        if self.handed % 50 and not batch:
            super().hand(member, event)
            return
        if not batch:
            asyncio.get_running_loop().call_later(0.07, self.flush, batch)
        batch.append((member, event))

    def flush(self, batch: list[tuple[Member, Event]]) -> None:
        """Sends the collected events."""
        for member, event in batch:
            super().hand(member, event)
        batch.clear()


@bug(ORDERING, "PUB-20", seen="one after the other")
class HearsItsOwnFirst(PliableClient):
    """Delivers a client's own events at once, and others' when they arrive from the server."""

    capabilities = replace(PliableClient.capabilities, total_order=False)

    def hand(self, member: Member, event: Event) -> None:
        if member.client is self:
            super().hand(member, event)
        else:
            later(0.001, member, event)
