"""A target under measurement: its clients, with a limit for every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from eventhook_conformance.bench.delivery_check import account
from eventhook_conformance.bench.memory import descendants, subscription_memory
from eventhook_conformance.bench.recording import Recording, recording
from eventhook_conformance.bench.result import Measure, TargetResult
from eventhook_conformance.bench.shape import Point
from eventhook_conformance.bench.traffic import Mixed, Traffic
from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.history import Clock
from eventhook_conformance.probe import Deadline
from eventhook_conformance.probe.client_pool import ClientPool, TargetUnusable
from eventhook_conformance.probe.containment import end
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.target import Target

T = TypeVar("T")

_OPEN_S: Final = 60.0
_MOST_STALLS: Final = 3
_CHECKED: Final = 1600
"""The events of the recording in which each delivery is judged: a loss of one in a thousand shows."""


class MeasuredTarget:
    """An open target.

    Args:
        name: the name that the user typed.
        target: the target to measure.
        wait_s: the timeout for events that must come.
    """

    def __init__(self, name: str, target: Target, wait_s: float) -> None:
        self.capabilities = target.capabilities
        self.result = TargetResult(name, target.about, target.capabilities)
        self._wait_s = wait_s
        self._deadline = Deadline(wait_s)
        self._clients = ClientPool(target, self._deadline, Clock())
        self._processes: set[int] = set()
        self._publisher: StreamingBackend
        self._subscriber: StreamingBackend
        self._names = ("c1", "c1")
        self._stalls = 0

    @property
    def alive(self) -> bool:
        """True if the target can still be measured."""
        return self.result.failure is None

    @property
    def events(self) -> bool:
        """True if the target has an event side."""
        return "events" in self.capabilities.profiles

    async def open(self) -> None:
        """Opens two clients if the target claims several, so that events go over the bus.

        Raises:
            TargetUnusable: opening, entering or publishing raised or hung.
        """
        before = descendants()
        try:
            await self._clients.start()
            self._publisher = (await self._clients.shared(0)).backend
            self._subscriber = self._publisher
            if self.capabilities.multi_client and self.capabilities.activation == "bus":
                self._subscriber = (await self._clients.shared(1)).backend
                self._names = ("c1", "c2")
        except TargetUnusable:
            raise
        except Exception as error:  # because: an error of the target becomes one line
            raise TargetUnusable(f"opening a client failed: {describe(error)}") from error
        self._processes = descendants() - before

    async def close(self) -> None:
        """Closes the clients and the server."""
        problem = await self._clients.close()
        if problem is not None:
            self.result.failure = self.result.failure or problem

    async def check(self) -> None:
        """Judges mixed traffic by the checker, delivery by delivery.

        Raises:
            TargetUnusable: the traffic could not be published.
        """
        side = "events" if self.events else "streams"
        claimed = self.capabilities
        capacity = claimed.event_capacity if self.events else claimed.stream_capacity
        burst = max(1, min(100, capacity // 8))
        held = await self.enter(Mixed(side))
        if held is None:
            raise TargetUnusable(self.result.failure or "")
        opened = held[1]
        for _ in range(min(_CHECKED // burst, 100)):
            await self.bounded(lambda: opened.closed(burst, 4, burst), opened)
            silent = any(one.waited or one.end for one in opened.readers)
            if not self.alive or silent or any(one.error is not None for one in opened.sent):
                break
        if all(one.outcome != "ok" for one in opened.sent):
            reason = next((one.error for one in opened.sent if one.error is not None), None)
            raise TargetUnusable(f"publishing failed: {reason or self.result.failure}")
        await self.leave(*held, judge=True)
        if not self.result.account.deliveries:
            await self._fail("nothing was delivered at all")

    async def stalled(self) -> None:
        """Notes that a reader stalled; after a few times the target is not measured any more."""
        self._stalls += 1
        if self._stalls == _MOST_STALLS:
            await self._fail(f"{_MOST_STALLS} times some reader got nothing for {self._wait_s:g} s")

    async def enter(self, traffic: Traffic) -> tuple[ContextTask[Recording], Recording] | None:
        """Enters the subscriptions of a traffic. Returns None if that failed, and notes why."""
        held = ContextTask(
            lambda: recording(self._publisher, self._subscriber, traffic, self._wait_s),
            self._deadline,
        )
        try:
            return held, await held.enter(_OPEN_S)
        except Exception as error:  # because: an error of the target becomes one line
            await self._fail(f"subscribing: {describe(error)}")
            return None

    async def leave(
        self, held: ContextTask[Recording], opened: Recording, *, judge: bool = False
    ) -> None:
        """Leaves the subscriptions, and adds the recording to the account."""
        found = account(opened, self.capabilities, clients=self._names, judge=judge)
        self.result.account.add(found)
        if found.errors:
            await self._fail(found.errors[0])
        try:
            await held.leave()
        except Exception as error:  # because: an error of the target becomes one line
            await self._fail(f"leaving: {describe(error)}")

    async def bounded(
        self, phase: Callable[[], Coroutine[Any, Any, T]], opened: Recording
    ) -> T | None:
        """Runs a phase as long as anything happens. Returns None if it failed, and notes why."""
        task = asyncio.get_running_loop().create_task(phase())
        try:
            if await self._deadline.wait(
                task, progress=lambda: opened.progress, timeout_s=self._wait_s * 2
            ):
                return task.result()
        except Exception as error:  # because: an error of the target becomes one line
            await self._fail(describe(error))
            return None
        finally:
            if not task.done():
                await end(task)
        await self._fail(f"a call of publish did not return within {self._wait_s * 2:g} s")
        return None

    def measure(self, point: Point) -> Measure:
        """Returns the measure of a point."""
        return self.result.measures.setdefault(point, Measure(point))

    async def weigh(self, subscriptions: int) -> None:
        """Measures the memory of a subscription."""
        weighing = subscription_memory(
            self._subscriber,
            min(subscriptions, self.capabilities.max_subscriptions),
            events=self.events,
            in_process=self.capabilities.in_process,
            processes=self._processes,
        )
        task = asyncio.get_running_loop().create_task(weighing)
        try:
            if await self._deadline.wait(task, timeout_s=_OPEN_S):
                self.result.memory = task.result()
                return
        except Exception as error:  # because: an error of the target becomes one line
            await self._fail(f"subscribing: {describe(error)}")
            return
        finally:
            if not task.done():
                await end(task)
        await self._fail(f"{subscriptions} subscriptions were not open within {_OPEN_S:g} s")

    async def _fail(self, reason: str) -> None:
        fault = await self._clients.take_fault()
        self.result.failure = self.result.failure or fault or reason
