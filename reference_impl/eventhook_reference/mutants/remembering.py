"""Bugs that cost memory, tasks or processor time, and change nothing that is delivered."""

from __future__ import annotations

import asyncio
from typing import Any

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableBus, Side, SidedClient

REMEMBERING: list[Mutant] = []


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="events")
class RemembersEveryEvent(SidedClient):
    """Keeps each event in a log that nobody reads or cuts."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == self.bugged:
            self.bus.memory.setdefault("log", []).append(self.copy(event))


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="events")
class RemembersEveryId(SidedClient):
    """Keeps the key of each event for ever, to recognise repeats."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == self.bugged:
            known: set[object] = self.bus.memory.setdefault("known", set())
            known.add((side, getattr(event, "id", None), len(known)))


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="subscriptions")
class RemembersEverySubscription(SidedClient):
    """Keeps each subscription that was left, with its buffer, for statistics."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        if member.side == self.bugged:
            self.bus.memory.setdefault("left", []).append(member)


class _TaskPerRead(Channel[Any]):
    waiters: list[asyncio.Task[None]]

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except asyncio.CancelledError:
            tasks = self.__dict__.setdefault("waiters", [])
            tasks.append(asyncio.get_running_loop().create_task(_for_ever()))
            raise


async def _for_ever() -> None:
    await asyncio.Event().wait()


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="cancelled reads")
class ATaskPerCancelledRead(SidedClient):
    """Leaves a task behind for each cancelled read."""

    def make(self, capacity: int) -> Channel[Any]:
        return _TaskPerRead(capacity)


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="idle")
class RemembersEveryScope(SidedClient):
    """Keeps the name of each channel that was cleaned up for ever."""

    def use_channel(self, side: Side, scope: object) -> None:
        super().use_channel(side, scope)
        if side == self.bugged:
            self.bus.memory.setdefault("scopes", {})[scope] = [object() for _ in range(4)]


@bug(REMEMBERING, "PUB-26", seen="idle")
class BusyWhileIdle(SidedClient):
    """Looks at all buffers in every turn of the loop, even if nothing happens."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while not self.closed:  # noqa: ASYNC110  # because: to look again and again is the bug
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        self._looking.cancel()
        await super().aclose()


@bug_on_each_side(REMEMBERING, events=["PUB-25"], streams=["PUB-25"], seen="names of their own")
class RemembersEveryTask(SidedClient):
    """Keeps a record of each task that an event named, to compare it with the next one."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if ("events" if hasattr(event, "data") else "streams") == self.bugged:
            tasks = self.bus.memory.setdefault("tasks", {})
            tasks[event.task_execution_id] = [event.timestamp_ms, object(), object()]
        return copied


@bug(REMEMBERING, "PUB-25", seen="names of their own")
class RemembersEverySource(SidedClient):
    """Keeps what it compiled for each source, and never asks how many there are."""

    def copy(self, event: Event) -> Event:
        if hasattr(event, "source"):
            sources = self.bus.memory.setdefault("sources", {})
            sources[event.source] = [object() for _ in range(4)]
        return super().copy(event)
