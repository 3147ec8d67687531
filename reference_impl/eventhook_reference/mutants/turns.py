"""Bugs of a few turns of the event loop: a call returns, and what it was to do is still under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from eventhook_conformance.contract import Subscription
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

TURNS: list[Mutant] = []


def _in_turns(turns: int, call: Callable[..., object], *arguments: Any) -> None:
    """Calls after so many turns of the event loop."""
    if turns:
        asyncio.get_running_loop().call_soon(_in_turns, turns - 1, call, *arguments)
    else:
        call(*arguments)


class _Hasty(PliableClient):
    """Publishes without a turn of the event loop."""

    late: ClassVar[frozenset[Side]] = frozenset({"events", "streams"})
    """The sides that have the bug."""

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        if side in self.late:
            self.schedule(side, self.copy(event))
        else:
            self.fan_out(side, event)

    def fan_out(self, side: Side, event: Event) -> None:
        """Hands a copy to each subscription that asks for the event now."""
        for member in self.audience(side, event):
            if self.admits(member, event):
                self.hand(member, self.copy(event))

    def schedule(self, side: Side, event: Event) -> None:
        """Fans out in its time."""
        self.fan_out(side, event)


@bug(TURNS, "PUB-05", "STR-06", seen="it got #")
class FansOutATurnLater(_Hasty):
    """Fans out one turn after publish returned, also to a subscription entered meanwhile."""

    def schedule(self, side: Side, event: Event) -> None:
        _in_turns(1, self.fan_out, side, event)


@bug(TURNS, "PUB-05", "STR-06", seen="it got #")
class FansOutFiveTurnsLater(_Hasty):
    """Fans out five turns after publish returned, also to subscriptions entered meanwhile."""

    def schedule(self, side: Side, event: Event) -> None:
        _in_turns(5, self.fan_out, side, event)


@bug(TURNS, "PUB-05", seen="it got #")
class FansOutInATask(_Hasty):
    """Fans out events in a task that waits twice, also to subscriptions entered meanwhile."""

    late = frozenset({"events"})

    def schedule(self, side: Side, event: Event) -> None:
        async def fan_out() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.fan_out(side, event)

        tasks: set[asyncio.Task[None]] = self.bus.memory.setdefault("tasks", set())
        task = asyncio.get_running_loop().create_task(fan_out())
        tasks.add(task)
        task.add_done_callback(tasks.discard)


@bug(TURNS, "STR-06", seen="it got #")
class PumpsItsStreams(_Hasty):
    """Queues stream events, and delivers one each turn, also to subscriptions entered meanwhile."""

    late = frozenset({"streams"})

    def schedule(self, side: Side, event: Event) -> None:
        queue: deque[tuple[Side, Event]] = self.bus.memory.setdefault("queue", deque())
        queue.append((side, event))
        if len(queue) == 1:
            self.bus.memory["pump"] = asyncio.get_running_loop().create_task(self.pump(queue))

    async def pump(self, queue: deque[tuple[Side, Event]]) -> None:
        """Hands out until nothing is left."""
        while queue:
            await asyncio.sleep(0)
            self.fan_out(*queue[0])
            queue.popleft()


@bug(TURNS, "PUB-05", "PUB-13", seen="it got #")
class PumpsToWhoeverIsThere(_Hasty):
    """Queues events of a tenant with subscriptions, and delivers them to those entered meanwhile too."""

    late = frozenset({"events"})

    def schedule(self, side: Side, event: Event) -> None:
        if self.audience(side, event):
            queue: deque[tuple[Side, Event]] = self.bus.memory.setdefault("queue", deque())
            queue.append((side, event))
            if len(queue) == 1:
                self.bus.memory["pump"] = asyncio.get_running_loop().create_task(self.pump(queue))

    async def pump(self, queue: deque[tuple[Side, Event]]) -> None:
        """Hands out all that is there at once."""
        await asyncio.sleep(0)
        while queue:
            self.fan_out(*queue.popleft())

    def audience(self, side: Side, event: Event) -> list[Member]:
        return [m for m in super().audience(side, event) if m.scope == self.scope(side, event)]


class _LateListener(PliableClient):
    """Enters after so many turns."""

    turns = 1
    late: ClassVar[frozenset[Side]] = frozenset({"events", "streams"})

    def enter(self, member: Member) -> None:
        if member.side in self.late:
            _in_turns(self.turns, self._enter, member)
        else:
            super().enter(member)

    def _enter(self, member: Member) -> None:
        super().enter(member)

    async def pause(self) -> None:
        """Takes no turn of the event loop."""


@bug(TURNS, "PUB-04", "STR-06", seen="came instead")
class ListensATurnLater(_LateListener):
    """Makes a subscription active one turn after entering returned."""


@bug(TURNS, "PUB-04", seen="came instead")
class ListensTwoTurnsLater(_LateListener):
    """Makes a subscription to events active two turns after entering returned."""

    turns = 2
    late = frozenset({"events"})


@bug(TURNS, "STR-06", seen="came instead")
class ListensToStreamsInATask(PliableClient):
    """Makes a stream's subscription active in a task, at its first turn after entering returned."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as channel:
            member = next(one for one in self.bus.members if one.channel is channel)
            if side == "streams":
                self.bus.members.remove(member)

                async def register() -> None:
                    self.bus.members.append(member)

                task = asyncio.get_running_loop().create_task(register())
                self.bus.memory[f"task {id(member)}"] = task
            yield channel

    async def pause(self) -> None:
        """Takes no turn of the event loop."""
