"""Runs independent cases concurrently on slow targets.

Fresh tenants and keys keep cases apart, and each has a history, a result and a duration of its own. The
suite's promises to a target (how many clients, how many subscriptions) hold over all cases together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack

from eventhook_conformance.engine.limiter import WeightedLimiter
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Capabilities


def choose_concurrency(
    capabilities: Capabilities, round_trip_s: float, asked: int | None, limits: Limits
) -> int:
    """Returns how many cases may run at once.

    Args:
        capabilities: the claims.
        round_trip_s: the fastest round trip that was seen, in seconds.
        asked: the user's choice; None leaves it to the round trip.
        limits: the engine's limits.
    """
    if capabilities.overflow == "block":
        return 1  # a publisher that waits for one case's readers would hold up the others
    if capabilities.driver:
        return 1  # a crash of the driver would hit all cases, and none could be charged with it
    return asked or (limits.concurrent_cases if round_trip_s > limits.far_s else 1)


def choose_stream_concurrency(capabilities: Capabilities, asked: int | None, limits: Limits) -> int:
    """Returns how many cases of HTTP streams may run at once, however near the target is.

    Args:
        capabilities: the claims.
        asked: the user's limit, if any.
        limits: the engine's limits.
    """
    if capabilities.overflow == "block" or capabilities.driver:
        return 1
    return min(asked or limits.stream_cases, limits.stream_cases)


class Scheduler:
    """Starts cases before they are asked for, at most `width` at once.

    Args:
        judge: judges one case.
        width: how many at once; with 1, each runs when it is asked for.
        stream_width: how many cases of HTTP streams at once; they overlap even where `width` is 1.
        subscriptions: how many they may have open together.
        own_clients: how many clients of their own they may have open together.
        multi_client: whether a case may have clients of its own.
    """

    def __init__(
        self,
        judge: Callable[[Instance], Awaitable[CaseResult]],
        width: int,
        stream_width: int,
        subscriptions: int,
        own_clients: int,
        *,
        multi_client: bool,
    ) -> None:
        self._judge = judge
        self._width = width
        self._stream_width = stream_width
        self._multi_client = multi_client
        self._slots = WeightedLimiter(max(width, stream_width))
        self._stream_slots = WeightedLimiter(stream_width)
        self._clients = WeightedLimiter(own_clients)
        self._subscriptions = WeightedLimiter(subscriptions)
        self._tasks: dict[str, asyncio.Task[CaseResult]] = {}
        self._streams: dict[str, Instance] = {}
        """Cases of HTTP streams, which start when the first of them is asked for."""

    @property
    def concurrent(self) -> bool:
        """True if cases of all kinds may run beside each other."""
        return self._width > 1

    def start(self, instances: Iterable[Instance]) -> None:
        """Starts all of these that can run beside others.

        Cases that clean up start when the others are through, and run beside each other only. With a
        width of 1, only cases of HTTP streams overlap, once the first of them is asked for.
        """
        asked = [one for one in instances if one.id not in self._tasks]
        if not self.concurrent:
            if self._stream_width > 1:
                self._streams |= {one.id: one for one in asked if self._reads_streams(one)}
            return
        # Cases that wait for one of the few clients would end last; so would the random histories, the
        # longest of the self-contained ones.
        asked.sort(key=lambda one: (-one.case.clients, not one.case.self_contained))
        together = [
            one for one in asked if one.case.can_run_concurrently(multi_client=self._multi_client)
        ]
        for one in together:
            self._tasks[one.id] = asyncio.create_task(self._run(one))
        before = [self._tasks[one.id] for one in together]
        for one in asked:
            if one.case.exclusive == "cleans":
                self._tasks[one.id] = asyncio.create_task(self._run(one, before))

    async def result(self, instance: Instance) -> CaseResult:
        """Returns the result of a case; it runs now, by itself, if it was not started before."""
        if instance.id in self._streams:
            for one in self._streams.values():
                self._tasks[one.id] = asyncio.create_task(self._run(one))
            self._streams.clear()
        task = self._tasks.get(instance.id)
        if task is None:
            await self.idle()
            return await self._judge(instance)
        return await task

    async def idle(self) -> None:
        """Returns when no case that was started is running."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Cancels the cases that nobody will ask for."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reads_streams(self, instance: Instance) -> bool:
        case = instance.case
        return case.reads_streams and case.can_run_concurrently(multi_client=self._multi_client)

    async def _run(
        self, instance: Instance, before: Iterable[asyncio.Task[CaseResult]] = ()
    ) -> CaseResult:
        if before := set(before):
            await asyncio.wait(before)
        case = instance.case
        async with AsyncExitStack() as held:
            if case.reads_streams:
                await held.enter_async_context(self._stream_slots.acquire(1))
            if case.clients:
                await held.enter_async_context(self._clients.acquire(case.clients))
            priority = bool(case.clients)  # or others would wait for clients that nobody uses
            await held.enter_async_context(
                self._subscriptions.acquire(case.subscriptions, priority=priority)
            )
            await held.enter_async_context(self._slots.acquire(1, priority=priority))
            return await self._judge(instance)
