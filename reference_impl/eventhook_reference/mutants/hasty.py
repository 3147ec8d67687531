"""Bugs of entries that fail, publishes that return too early, closing, and iteration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from eventhook_conformance.contract import Subscription
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, Side, SidedClient

HASTY: list[Mutant] = []

_LOST: Final = "which was active and asked for it"


@bug_on_each_side(HASTY, events=["CLN-06"], streams=["CLN-06"], seen="no more channels after")
class RefusedEntriesCount(SidedClient):
    """Counts a channel for a pattern or key that it refuses."""

    def check_selects(self, side: Side, selects: Any) -> None:
        try:
            super().check_selects(side, selects)
        except ValueError:
            if side == self.bugged:
                self.use_channel(side, f"refused {len(self.bus.channels)}")
                self.bus.memory["refused"] = self.bus.memory.get("refused", 0) + 1
            raise

    def idle_channels(self) -> list[tuple[Side, object]]:
        return [one for one in super().idle_channels() if not str(one[1]).startswith("refused")]


@bug_on_each_side(HASTY, events=["PUB-23"], streams=["STR-06"], seen=_LOST)
class CancelledEntryDeafensTheNext(SidedClient):
    """Delivers nothing to the next subscription of a tenant or key after a cancelled entry."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if side != self.bugged:
            async with super().subscription(side, selects) as subscription:
                yield subscription
            return
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        self.use_channel(side, member.scope)
        marks: set[object] = self.bus.memory.setdefault("marks", set())
        deaf = member.scope in marks
        marks.add(member.scope)
        await self.pause()
        marks.discard(member.scope)
        if not deaf:
            self.enter(member)
        try:
            yield member.channel
        finally:
            self.leave(member)


class _Early(SidedClient):
    """Returns from publish before the event is out; some turns later it is."""

    turns = 8

    async def publish(self, side: Side, event: Event) -> None:
        if side != self.bugged:
            await super().publish(side, event)
            return
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        self.outbox.append((side, event))
        if len(self.outbox) == 1:
            self.bus.memory["sender"] = asyncio.get_running_loop().create_task(self._send())

    @property
    def outbox(self) -> list[tuple[Side, Event]]:
        """Events that were accepted, and are not out yet."""
        box: list[tuple[Side, Event]] = self.bus.memory.setdefault(str(id(self)), [])
        return box

    async def _send(self) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        while self.outbox:
            side, event = self.outbox.pop(0)
            for member in self.audience(side, event):
                if self.admits(member, event):
                    self.hand(member, self.copy(event))


@bug_on_each_side(HASTY, events=["PUB-05"], streams=["STR-06"], seen="nothing published before")
class LaterSubscribersSeeIt(_Early):
    """Delivers an event to a subscription entered after its publish returned."""

    async def aclose(self) -> None:
        while self.outbox and not self.closed:  # noqa: ASYNC110  # because: it sends in its own time
            await asyncio.sleep(0)
        await super().aclose()


@bug_on_each_side(HASTY, events=["PUB-01"], streams=["STR-06"], seen=_LOST)
class ClosingDropsTheOutbox(_Early):
    """Queues an event when it is published, and discards the queue when the client closes."""

    async def aclose(self) -> None:
        self.outbox.clear()
        await super().aclose()


@bug_on_each_side(HASTY, events=["PUB-17"], streams=["PUB-17"], seen="to return")
class ClosingLeavesPublishersWaiting(SidedClient):
    """Lets a publish under way wait for ever when its client closes."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == self.bugged and self.closed:
            await asyncio.Event().wait()


class _Restarted(Channel[Any]):
    def __aiter__(self) -> Any:
        if self.dropped >= 0 and self._started:
            self._events.clear()
        self._started = True
        return self

    _started = False


@bug_on_each_side(HASTY, events=["PUB-01"], streams=["STR-06"], seen=_LOST)
class SecondLoopDiscards(SidedClient):
    """Discards the buffer when a second `async for` over a subscription begins."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Restarted(capacity)


@bug_on_each_side(HASTY, events=["PUB-16"], streams=["STR-06"], seen=_LOST)
class WalksALivingList(SidedClient):
    """Waits between two readers of the fan-out, and skips the next one if another leaves meanwhile."""

    async def publish(self, side: Side, event: Event) -> None:
        if side != self.bugged:
            await super().publish(side, event)
            return
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        place = 0
        while place < len(self.bus.members):
            member = self.bus.members[place]
            if member.side == side and self.admits(member, event):
                self.hand(member, self.copy(event))
                await self.pause()
            place += 1


class _Blocking(Channel[Any]):
    """Tells when there is room."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.room = asyncio.Event()
        self.room.set()

    def push(self, event: Event) -> bool:
        woken = super().push(event)
        if len(self._events) >= self._capacity:
            self.room.clear()
        return woken

    async def __anext__(self) -> Any:
        event = await super().__anext__()
        self.room.set()
        return event


class _BlockingClient(SidedClient):
    """Publishers wait for readers, as claimed."""

    capabilities = Capabilities(overflow="block", event_capacity=32, stream_capacity=16)

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _Blocking(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        lock: asyncio.Lock = self.bus.memory.setdefault(
            f"{side} {self.scope(side, event)}", asyncio.Lock()
        )
        async with lock:
            for member in list(self.audience(side, event)):
                if self.admits(member, event):
                    channel: Any = member.channel
                    while not channel.room.is_set() and self.waits_for(member):
                        await channel.room.wait()
                    self.hand(member, self.copy(event))
        await self.pause()

    def waits_for(self, member: Member) -> bool:
        """Returns whether a publisher waits for room in that subscription."""
        return True

    def leave(self, member: Member) -> None:
        super().leave(member)
        self.released(member)

    def released(self, member: Member) -> None:
        """Releases publishers that waited for a subscription which has ended."""
        if member.side != self.bugged:
            channel: Any = member.channel
            channel.room.set()

    async def aclose(self) -> None:
        mine = [member for member in self.bus.members if member.client is self]
        await super().aclose()
        for member in mine:
            self.released(member)


@bug_on_each_side(HASTY, events=["PUB-12"], streams=["STR-06"], seen="to return")
class WaitsForReadersThatLeft(_BlockingClient):
    """Lets a publish wait on for a full reader that has left."""


@bug_on_each_side(HASTY, events=["PUB-17"], streams=["STR-06"], seen="its reader to end")
class EntersBehindTheClosing(SidedClient):
    """Looks whether the client is open, waits for the bus, and enters though it was closed meanwhile."""

    waits = 1

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if side != self.bugged:
            async with super().subscription(side, selects) as subscription:
                yield subscription
            return
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        for _ in range(self.waits):
            await asyncio.sleep(0)
        await self.answered()
        self.use_channel(side, member.scope)
        self.enter(member)
        try:
            yield member.channel
        finally:
            self.leave(member)

    async def answered(self) -> None:
        """Waits for the bus's answer to entering."""


@bug_on_each_side(HASTY, events=["PUB-17"], streams=["PUB-17"], seen="to return")
class EnteringWaitsForAClosedClient(EntersBehindTheClosing):
    """Waits in entering for the answer to a request that went down with the client."""

    waits = 2

    async def answered(self) -> None:
        if self.closed:
            await asyncio.get_running_loop().create_future()
