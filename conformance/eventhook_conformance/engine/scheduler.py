"""Cases before their turn: where each call takes long, independent ones run at once, in one loop.

Fresh tenants and keys keep cases apart, so nothing is lost by that, and each still has a history, a
result and a duration of its own. What the suite promises a target holds over all of them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

from eventhook_conformance.engine.limiter import WeightedLimiter
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Capabilities

FAR_S: Final = 0.005
"""A target whose round trip takes longer is far: waiting for it costs more than judging it."""
_AT_ONCE: Final = 96
_STREAM_CASES: Final = 12
"""Cases that read HTTP streams wait most of the time, each on connections of its own."""
_OWN_CLIENTS: Final = 2
"""Beside the two that all cases share, of the four that a target is asked to bear."""


def choose_concurrency(capabilities: Capabilities, round_trip_s: float, asked: int | None) -> int:
    """How many cases may run at once.

    Args:
        capabilities: the claims.
        round_trip_s: the fastest that was seen.
        asked: what the user wants; None leaves it to the round trip.
    """
    if capabilities.overflow == "block":
        return 1  # publishers that wait for readers would wait for those of other cases
    if capabilities.driver:
        return 1  # what breaks a driver breaks it for all, and nobody could say for whom
    return asked or (_AT_ONCE if round_trip_s > FAR_S else 1)


def choose_stream_concurrency(capabilities: Capabilities, asked: int | None) -> int:
    """Returns how many cases of HTTP streams may run at once, however near the target is.

    Args:
        capabilities: the claims.
        asked: the user's limit, if any.
    """
    if capabilities.overflow == "block" or capabilities.driver:
        return 1
    return min(asked or _STREAM_CASES, _STREAM_CASES)


class Scheduler:
    """Judges cases before they are asked for, at most `width` at once.

    Args:
        judge: judges one case.
        width: how many at once; with 1, each runs when it is asked for.
        stream_width: how many cases of HTTP streams at once; they wait even where `width` is 1.
        subscriptions: how many they may have open together.
        multi_client: whether a case may have clients of its own.
    """

    def __init__(
        self,
        judge: Callable[[Instance], Awaitable[CaseResult]],
        width: int,
        stream_width: int,
        subscriptions: int,
        *,
        multi_client: bool,
    ) -> None:
        self._judge = judge
        self._width = width
        self._multi_client = multi_client
        self._slots = WeightedLimiter(max(width, stream_width))
        self._stream_slots = WeightedLimiter(stream_width)
        self._stream_width = stream_width
        self._clients = WeightedLimiter(_OWN_CLIENTS)
        self._subscriptions = WeightedLimiter(subscriptions)
        self._tasks: dict[str, asyncio.Task[CaseResult]] = {}
        self._streams: dict[str, Instance] = {}
        """Cases of HTTP streams that begin when the first of them is asked for."""

    @property
    def concurrent(self) -> bool:
        """Whether cases may run beside each other."""
        return self._width > 1

    def start(self, instances: Iterable[Instance]) -> None:
        """Begins with all of these that can run beside others.

        Those that clean up come when the others are through, and run beside each other only. With a
        width of 1, only those of HTTP streams run beside each other, once one of them is asked for.
        """
        asked = [one for one in instances if one.id not in self._tasks]
        if not self.concurrent:
            if self._stream_width > 1:
                self._streams |= {one.id: one for one in asked if self._waits(one)}
            return
        # Who waits for one of the few clients would be the last; so would the random histories, the
        # longest of these.
        asked.sort(key=lambda one: (-one.case.clients, not one.case.self_contained))
        company = [
            one for one in asked if one.case.can_run_concurrently(multi_client=self._multi_client)
        ]
        for one in company:
            self._tasks[one.id] = asyncio.create_task(self._in_turn(one))
        before = [self._tasks[one.id] for one in company]
        for one in asked:
            if one.case.exclusive == "cleans":
                self._tasks[one.id] = asyncio.create_task(self._in_turn(one, before))

    async def result(self, instance: Instance) -> CaseResult:
        """The result of one case, which is judged now, by itself, if it was not begun with."""
        if instance.id in self._streams:
            for one in self._streams.values():
                self._tasks[one.id] = asyncio.create_task(self._in_turn(one))
            self._streams.clear()
        task = self._tasks.get(instance.id)
        if task is None:
            await self.idle()
        return await (task or self._judge(instance))

    async def idle(self) -> None:
        """Returns when nothing that was begun with is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Ends what is under way and nobody will ask for."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _waits(self, instance: Instance) -> bool:
        case = instance.case
        return case.reads_streams and case.can_run_concurrently(multi_client=self._multi_client)

    async def _in_turn(
        self, instance: Instance, before: Iterable[asyncio.Task[CaseResult]] = ()
    ) -> CaseResult:
        if before := set(before):
            await asyncio.wait(before)
        case = instance.case
        async with AsyncExitStack() as room:
            if case.reads_streams:
                await room.enter_async_context(self._stream_slots.acquire(1))
            if case.clients:
                await room.enter_async_context(self._clients.acquire(case.clients))
            priority = bool(case.clients)  # or others would wait for clients that nobody uses
            await room.enter_async_context(
                self._subscriptions.acquire(case.subscriptions, priority=priority)
            )
            await room.enter_async_context(self._slots.acquire(1, priority=priority))
            return await self._judge(instance)
