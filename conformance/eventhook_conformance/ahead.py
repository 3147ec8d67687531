"""Cases before their turn: where each call takes long, independent ones run at once, in one loop.

Fresh tenants and keys keep cases apart, so nothing is lost by that, and each still has a history, a
result and a duration of its own. What the suite promises a target holds over all of them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from eventhook_conformance.cases import Instance
from eventhook_conformance.requirements import requirements
from eventhook_conformance.result import CaseResult
from eventhook_conformance.target import Capabilities

FAR_S: Final = 0.005
"""A target whose round trip takes longer is far: waiting for it costs more than judging it."""
_AT_ONCE: Final = 16
_SUBSCRIPTIONS_A_CASE: Final = 40
"""More than any case opens that does not run alone, but a few of the larger ones."""


def how_many(capabilities: Capabilities, round_trip_s: float, asked: int | None) -> int:
    """How many cases may run at once.

    Args:
        capabilities: the claims, whose number of subscriptions all cases share.
        round_trip_s: the fastest that was seen.
        asked: what the user wants; None leaves it to the round trip.
    """
    if capabilities.overflow == "block":
        return 1  # publishers that wait for readers would wait for those of other cases
    if capabilities.driver:
        return 1  # what breaks a driver breaks it for all, and nobody could say for whom
    wanted = asked or (_AT_ONCE if round_trip_s > FAR_S else 1)
    return max(1, min(wanted, capabilities.max_subscriptions // 2 // _SUBSCRIPTIONS_A_CASE))


def _bears_company(instance: Instance) -> bool:
    """Whether it can run beside others: what watches a server may see what others do to it."""
    profiles = {requirements()[identifier].profile for identifier in instance.case.requirements}
    return not instance.case.alone and profiles <= {"events", "streams"}


class Ahead:
    """Judges cases before they are asked for, at most `width` at once.

    Args:
        judge: judges one case.
        width: how many at once; with 1, each runs when it is asked for.
    """

    def __init__(self, judge: Callable[[Instance], Awaitable[CaseResult]], width: int) -> None:
        self._judge = judge
        self._width = width
        self._slots = asyncio.Semaphore(width)
        self._tasks: dict[str, asyncio.Task[CaseResult]] = {}

    @property
    def crowded(self) -> bool:
        """Whether cases may run beside each other."""
        return self._width > 1

    def start(self, instances: Iterable[Instance]) -> None:
        """Begins with all of these that can run beside others; does nothing with a width of 1."""
        if self.crowded:
            for instance in instances:
                if _bears_company(instance) and instance.id not in self._tasks:
                    self._tasks[instance.id] = asyncio.create_task(self._in_turn(instance))

    async def result(self, instance: Instance) -> CaseResult:
        """The result of one case, which is judged now, by itself, if it was not begun with."""
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

    async def _in_turn(self, instance: Instance) -> CaseResult:
        async with self._slots:
            return await self._judge(instance)
