"""Keeps the subscriptions of finished cases open, to catch events that come too late."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.history import History
from eventhook_conformance.probe import Client, Listener
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Case


@dataclass(frozen=True)
class Parked:
    """The open subscriptions of one finished case."""

    result: CaseResult
    case: Case
    history: History
    ending: Ending
    charged: tuple[Violation, ...]
    """The breaches that its history showed when the case ended, uncondensed."""
    stated: tuple[Violation, ...]
    """The breaches found outside the history: later deliveries do not change them."""
    listeners: tuple[Listener, ...]
    judged: int
    """The number of deliveries to these listeners that were judged when the case ended."""

    @property
    def quiet(self) -> bool:
        """True if nothing unjudged came, and every reader ended as it should."""
        return sum(len(one.entry.deliveries) for one in self.listeners) == self.judged and all(
            one.entry.end is None or one.ended_in_order for one in self.listeners
        )

    def unjudged(self) -> CaseResult:
        """Returns the result to decide anew, with the history that passing results drop."""
        return replace(
            self.result,
            outcome="passed",
            blame=None,
            message=None,
            violations=(),
            history=self.result.history or self.history,
        )

    def excuse(self, client: Client) -> None:
        """Excuses the end of subscriptions on a client: the case that broke it is charged instead."""
        for listener in self.listeners:
            if listener.client is client:
                listener.entry.end_awaited = True


class Parking:
    """Holds at most `budget` subscriptions; the oldest leave first."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._parked: deque[Parked] = deque()
        self.since_s = 0.0
        """When the newest came, by the loop's clock."""

    def __iter__(self) -> Iterator[Parked]:
        return iter(tuple(self._parked))

    def __len__(self) -> int:
        return sum(len(parked.listeners) for parked in self._parked)

    def park(self, parked: Parked) -> None:
        """Parks a case's subscriptions, and reads the events that still come on them."""
        for listener in parked.listeners:
            listener.drain()
        self._parked.append(parked)
        self.since_s = asyncio.get_running_loop().time()

    async def make_room(self, most: int | None = None) -> list[tuple[Parked, list[Violation]]]:
        """Leaves the oldest until the budget is kept; returns the breaches of leaving, by case.

        Args:
            most: how many subscriptions may stay, where that is less than the budget.
        """
        left = []
        most = self.budget if most is None else min(self.budget, most)
        while len(self) > most:  # counted anew: others may make room meanwhile
            parked = self._parked.popleft()
            left.append((parked, await leave_all(parked.listeners)))
        return left

    async def empty(self) -> list[tuple[Parked, list[Violation]]]:
        """Leaves all; returns the breaches of leaving, by case."""
        parked, self._parked = list(self._parked), deque()
        leaving = await asyncio.gather(*(leave_all(one.listeners) for one in parked))
        return list(zip(parked, leaving, strict=True))

    def of(self, client: Client) -> list[Parked]:
        """Returns the cases with a subscription of that client."""
        return [
            parked
            for parked in self._parked
            if any(listener.client is client for listener in parked.listeners)
        ]

    async def remove(self, parked: Parked) -> list[Violation]:
        """Leaves one case's subscriptions early; returns the breaches of leaving."""
        self._parked.remove(parked)
        return await leave_all(parked.listeners)


async def leave_all(listeners: tuple[Listener, ...]) -> list[Violation]:
    """Leaves all at once; returns the breaches of leaving."""
    left = await asyncio.gather(*(listener.leave_quietly() for listener in listeners))
    return [violation for violation in left if violation is not None]
