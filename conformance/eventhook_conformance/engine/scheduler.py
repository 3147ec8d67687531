"""Runs independent cases concurrently on slow targets, and on near ones while one of them waits.

Fresh tenants and keys keep cases apart, and each has a history, a result and a duration of its own. The
suite's promises to a target (how many clients, how many subscriptions) hold over all cases together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, ExitStack
from typing import Final, Literal, TypeAlias

from eventhook_conformance.engine.limiter import WeightedLimiter
from eventhook_conformance.engine.undecided_cases import UndecidedCases
from eventhook_conformance.probe.turns import Pace, Turn, current, lending
from eventhook_conformance.results import CaseResult
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import Instance

_Group: TypeAlias = Literal["any", "cleans"]
"""Cases that may run beside each other."""
_BUSY_IN_A_HURRY: Final = 8
_MOST_IN_A_HURRY: Final = 16
"""Busy cases beside which the next may start, and cases in all, where most waits are in vain."""


def _never() -> bool:
    return False


class Scheduler:
    """Starts cases before they are asked for, at most `width` at once.

    Args:
        judge: judges one case.
        width: how many at once; with 1, each runs when it is asked for.
        stream_width: how many cases of HTTP streams at once; they overlap even where `width` is 1.
        overlap: how many at once where `width` is 1 and all but one of them wait.
        subscriptions: how many they may have open together.
        own_clients: how many clients of their own they may have open together.
        multi_client: whether a case may have clients of its own.
        in_a_hurry: whether several may be busy at once where `width` is 1.
        confirms: failures after short waits are confirmed later, so that waits may be short.
        depth: how deep the cases go.
    """

    def __init__(
        self,
        judge: Callable[[Instance], Awaitable[CaseResult]],
        width: int,
        stream_width: int,
        overlap: int,
        subscriptions: int,
        own_clients: int,
        *,
        multi_client: bool,
        in_a_hurry: Callable[[], bool] = _never,
        confirms: bool = True,
        depth: Depth = "normal",
    ) -> None:
        self._judge = judge
        self._width = width
        self._stream_width = stream_width
        self._overlap = overlap
        self._multi_client = multi_client
        self._in_a_hurry = in_a_hurry
        self._pace: Pace = "hasty" if confirms else "careful"
        self._depth = depth
        self._slots = WeightedLimiter(max(width, stream_width, overlap))
        self._stream_slots = WeightedLimiter(stream_width)
        self._clients = WeightedLimiter(own_clients)
        self._subscriptions = WeightedLimiter(subscriptions)
        self._tasks: dict[str, asyncio.Task[CaseResult]] = {}
        self._streams: dict[str, Instance] = {}
        """Cases of HTTP streams, which start when the first of them is asked for."""
        self._group: _Group | None = None
        """The group that runs now; None: a case runs alone."""
        self._later: dict[_Group, deque[Instance]] = {"any": deque(), "cleans": deque()}
        """Cases that may start while others wait."""
        self._begun: set[str] = set()
        self._doubtful: set[str] = set()
        """Cases that have to run alone after all."""
        self._undecided = UndecidedCases()
        self._turns: dict[str, Turn] = {}
        """The cases under way that may wait beside others."""

    @property
    def concurrent(self) -> bool:
        """True if cases of all kinds may run beside each other."""
        return self._width > 1

    @property
    def overlaps(self) -> bool:
        """True if cases wait beside each other though they run one after another."""
        return self._width == 1 and self._overlap > 1

    def start(self, instances: Iterable[Instance]) -> None:
        """Starts all of these that can run beside others.

        Cases that clean up start when the others are through, and run beside each other only. With a
        width of 1, cases of HTTP streams overlap once the first of them is asked for, and others
        only while all that were started wait.
        """
        asked = [one for one in instances if one.id not in self._tasks]
        if not self.concurrent:
            if self._stream_width > 1:
                self._streams |= {one.id: one for one in asked if self._reads_streams(one)}
            for one in asked:
                if self.overlaps and (group := self._group_of(one)) is not None:
                    self._later[group].append(one)
            return
        # Cases that wait for one of the few clients would end last; so would those with very many
        # subscriptions, and the longest of the others, which are among the self-contained ones.
        asked.sort(
            key=lambda one: (
                not one.case.idles,
                -one.case.clients,
                -one.case.subscriptions_at(self._depth),
                not one.case.self_contained,
            )
        )
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
            # Those that wait for comments start first: the others run meanwhile.
            for one in sorted(self._streams.values(), key=lambda one: not one.case.idles):
                self._tasks[one.id] = asyncio.create_task(self._run(one))
            self._streams.clear()
        task = self._tasks.get(instance.id)
        if task is None:
            group = self._group_of(instance) if self.overlaps else None
            if group is None or group != self._group:
                await self.idle()
            if group is None:
                return await self._alone(instance)
            self._group = group
            task = self._take_turn(instance)
        try:
            return await task
        finally:
            if instance.id in self._turns and task.done():
                self._tasks.pop(instance.id, None)  # asked for again, it runs again

    def doubts(self, instance: Instance, result: CaseResult) -> bool:
        """Returns whether a result says nothing, since others ran beside the case; it has to run alone."""
        turn = self._turns.pop(instance.id, None) or Turn()
        doubtful = turn.disturbed or (turn.helped and result.outcome == "passed")
        if not doubtful and not self._undecided.repeats(instance.id):
            return False
        self._tasks.pop(instance.id, None)
        self._doubtful.add(instance.id)
        return True

    def disturb(self) -> None:
        """Notes that the driver failed: of several cases under way, each runs alone once more."""
        under_way = self._under_way()
        if len(under_way) > 1:
            for turn in under_way:
                turn.disturbed = True

    async def run_again(self, instances: Iterable[Instance]) -> list[tuple[CaseResult, float]]:
        """Judges cases that may run beside others once more, all at once.

        Returns:
            For each its result, and the longest wait that was not in vain, in seconds.
        """
        # Cases that wait for one of the few clients would end last.
        given = sorted(instances, key=lambda one: -one.case.clients)
        await self.idle()
        found: list[tuple[CaseResult, float]] = []
        for group in ("any", "cleans"):
            its = [
                (one, Turn(crowded=lambda: True, pace="patient"))
                for one in given
                if self._group_of(one) == group
            ]
            results = await asyncio.gather(*(self._run(one, turn=turn) for one, turn in its))
            found += zip(results, (turn.slowest_s for _, turn in its), strict=True)
        return found

    async def idle(self) -> None:
        """Returns when no case that was started is running."""
        self._group = None
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def finished(self) -> list[CaseResult]:
        """Returns the results of cases that are through, whether they were asked for or not."""
        return [
            task.result()
            for name, task in self._tasks.items()
            if name not in self._turns
            and task.done()
            and not (task.cancelled() or task.exception())
        ]

    async def close(self) -> None:
        """Cancels the cases that nobody will ask for."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _group_of(self, instance: Instance) -> _Group | None:
        """Returns the cases beside which one may wait; None: it runs alone."""
        if self._reads_streams(instance) or instance.id in self._doubtful:
            return None
        if instance.case.can_run_concurrently(multi_client=self._multi_client):
            return "any"
        return "cleans" if instance.case.exclusive == "cleans" else None

    async def _alone(self, instance: Instance) -> CaseResult:
        Turn(pace="patient" if instance.id in self._doubtful else "careful").take()
        try:
            return self._undecided.note(await self._judge(instance))
        finally:
            Turn().take()

    def _take_turn(self, instance: Instance) -> asyncio.Task[CaseResult]:
        turn = self._turns[instance.id] = Turn(self._go_on, self._crowded, pace=self._pace)
        task = asyncio.create_task(self._run(instance, turn=turn))
        self._tasks[instance.id] = task
        self._begun.add(instance.id)
        task.add_done_callback(self._go_on)
        return task

    def _under_way(self) -> list[Turn]:
        return [
            turn
            for name, turn in self._turns.items()
            if name in self._tasks and not self._tasks[name].done()
        ]

    def _crowded(self) -> bool:
        return len(self._under_way()) > 1

    def _go_on(self, _: object = None) -> None:
        """Starts the next case if all that were started wait."""
        running = self._under_way()
        if self._group is None or not running or len(running) >= self._overlap:
            return
        busy = sum(not turn.waits for turn in running)
        later = self._later[self._group]
        while later and later[0].id in self._begun:
            later.popleft()
        hurries = busy <= _BUSY_IN_A_HURRY and len(running) < _MOST_IN_A_HURRY
        if later and (not busy or (hurries and self._in_a_hurry())):
            self._take_turn(later.popleft())

    def _reads_streams(self, instance: Instance) -> bool:
        case = instance.case
        return case.reads_streams and case.can_run_concurrently(multi_client=self._multi_client)

    def _make_stream_turn(self) -> Turn:
        """Returns the turn of a case of HTTP streams: while it waits, the next one has its place."""
        slots = self._stream_slots
        return Turn(lambda: slots.lend(1), taken_back=lambda: slots.take_back(1), soon=True)

    async def _run(
        self,
        instance: Instance,
        before: Iterable[asyncio.Task[CaseResult]] = (),
        turn: Turn | None = None,
    ) -> CaseResult:
        if before := set(before):
            await asyncio.wait(before)
        case = instance.case
        async with AsyncExitStack() as held:
            if turn is not None:
                turn.take()
            place = held.enter_context(ExitStack())
            place.enter_context(lending(0.0))  # it may have to wait for one
            if case.reads_streams:
                await held.enter_async_context(self._stream_slots.acquire(1))
            if case.clients:
                await held.enter_async_context(self._clients.acquire(case.clients))
            priority = bool(case.clients)  # or others would wait for clients that nobody uses
            await held.enter_async_context(
                self._subscriptions.acquire(case.subscriptions_at(self._depth), priority=priority)
            )
            await held.enter_async_context(self._slots.acquire(1, priority=priority))
            place.close()
            if case.reads_streams and self._stream_width > 1:
                self._make_stream_turn().take()
            result = await self._judge(instance)
            if current().starved and current().pace == "patient":
                result = await self._judge(instance)  # most of those beside it only wait by now
            return self._undecided.note(result)
