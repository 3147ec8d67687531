"""Bugs of publishes that are cancelled."""

from __future__ import annotations

import asyncio
from typing import Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, PliableClient, Side, SidedClient

CANCELLED_PUBLISHES: list[Mutant] = []

_LOST: Final = "which was active and asked for it"


@bug_on_each_side(
    CANCELLED_PUBLISHES, events=["PUB-24"], streams=["PUB-24"], seen="publish to return"
)
class KeepsTheLockOfACancelledPublish(SidedClient):
    """Keeps the lock of its side if a publish is cancelled."""

    async def publish(self, side: Side, event: Event) -> None:
        if side != self.bugged:
            await super().publish(side, event)
            return
        lock: asyncio.Lock = self.bus.memory.setdefault(str(id(self)), asyncio.Lock())
        await lock.acquire()
        await self.pause()
        await super().publish(side, event)
        lock.release()


@bug_on_each_side(
    CANCELLED_PUBLISHES, events=["PUB-02"], streams=["STR-06"], seen="it was delivered again"
)
class DeliversTheRestAgain(SidedClient):
    """Sends a publish that was cancelled in its fan-out again to all, with the next one."""

    async def publish(self, side: Side, event: Event) -> None:
        if side != self.bugged:
            await super().publish(side, event)
            return
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        outbox: list[Event] = self.bus.memory.setdefault(str(id(self)), [])
        outbox.append(event)
        for pending in list(outbox):
            for member in self.audience(side, pending):
                if self.admits(member, pending):
                    self.hand(member, self.copy(pending))
            await self.pause()
            outbox.remove(pending)


@bug_on_each_side(
    CANCELLED_PUBLISHES, events=["PUB-02"], streams=["STR-06"], seen="it was delivered again"
)
class CancelledOnesTakeTheNextPlace(SidedClient):
    """Sends the bytes of a cancelled publish in place of the next event."""

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        if side == self.bugged:
            left: Event | None = self.bus.memory.get(str(id(self)))
            self.bus.memory[str(id(self))] = left or event
            self.check(side, event)
            event = left or event
        await super().publish(side, event)
        await self.pause()
        if side == self.bugged:
            self.bus.memory.pop(str(id(self)), None)


@bug(CANCELLED_PUBLISHES, "TEN-01", seen="")
class CancelledBodiesGoToOthers(PliableClient):
    """Sends the next body to the address of a cancelled publish."""

    async def publish(self, side: Side, event: Event) -> None:
        if side == "events":
            self.check_open()
            self.check(side, event)
            left: Event | None = self.bus.memory.pop(str(id(self)), None)
            if left is not None and left.tenant_id != event.tenant_id:
                for member in self.audience(side, left):
                    if self.admits(member, left):
                        self.hand(member, self.copy(event))
            self.bus.memory[str(id(self))] = event
            await self.pause()
            del self.bus.memory[str(id(self))]
        await super().publish(side, event)
