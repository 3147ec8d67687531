"""Parked subscriptions: those of finished cases, left open to see what comes too late.

A case's subscriptions stay open until the run's one settling time is over, or until the parking is full.
What they still get is charged to the case that they belong to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from eventhook_conformance.checker import Violation
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
    charged: tuple[Violation, ...]
    """What its history showed when the case ended, uncounted."""
    stated: tuple[Violation, ...]
    """What else was found, which no more of the history changes."""
    listeners: tuple[Listener, ...]
    judged: int
    """How many deliveries of theirs were judged when the case ended."""

    @property
    def quiet(self) -> bool:
        """Whether nothing came that was not judged yet, and every reader ended as it should."""
        return sum(len(one.entry.deliveries) for one in self.listeners) == self.judged and all(
            one.entry.end is None or one.ended_in_order for one in self.listeners
        )

    def excuse(self, client: Client) -> None:
        """That a client broke is charged to the case in which it did, not to those parked on it."""
        for listener in self.listeners:
            if listener.client is client:
                listener.entry.end_awaited = True


class Parking:
    """Holds at most `budget` subscriptions; the oldest have to leave first."""

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
        """Takes in a case's subscriptions, and reads what still comes on them."""
        for listener in parked.listeners:
            listener.drain()
        self._parked.append(parked)
        self.since_s = asyncio.get_running_loop().time()

    async def make_room(self) -> list[tuple[Parked, list[Violation]]]:
        """Has the oldest leave until the budget is kept; what went wrong in that, by case."""
        left = []
        while len(self) > self.budget:
            parked = self._parked.popleft()
            left.append((parked, await leave_all(parked.listeners)))
        return left

    async def empty(self) -> list[tuple[Parked, list[Violation]]]:
        """Has all leave; what went wrong in that, by case."""
        parked, self._parked = list(self._parked), deque()
        leaving = await asyncio.gather(*(leave_all(one.listeners) for one in parked))
        return list(zip(parked, leaving, strict=True))

    def of(self, client: Client) -> list[Parked]:
        """The cases with a subscription of that client."""
        return [
            parked
            for parked in self._parked
            if any(listener.client is client for listener in parked.listeners)
        ]

    async def remove(self, parked: Parked) -> list[Violation]:
        """Has one case's subscriptions leave before their time."""
        self._parked.remove(parked)
        return await leave_all(parked.listeners)


async def leave_all(listeners: tuple[Listener, ...]) -> list[Violation]:
    """Leaves them all at once; what went wrong in that."""
    left = await asyncio.gather(*(listener.leave_quietly() for listener in listeners))
    return [violation for violation in left if violation is not None]
