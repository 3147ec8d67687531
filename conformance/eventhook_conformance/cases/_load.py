"""Runs publishers in the background, whose publishes may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from eventhook_conformance.checker import Violation
from eventhook_conformance.history import Event, Publish
from eventhook_conformance.probe import CaseAborted, Client, Probe

GRACE_S: Final = 1.0
"""Seconds that a call or a recovery may take beyond its claim: this machine may be busy."""

_PACE_S: Final = 0.01

Make: TypeAlias = Callable[[], Event]


def hung(probe: Probe, stuck: Sequence[Publish], limit_s: float) -> CaseAborted:
    """Returns a publish that does not return (REC-01), to be raised."""
    claimed = probe.capabilities.publish_timeout_s
    violation = Violation(
        "failed",
        tuple(dict.fromkeys(["REC-01", *probe.requirements])),
        f"publish to return or raise PublishError within {claimed:g} s",
        f"it still had not after {limit_s:g} s",
        tuple(stuck[:3]),
    )
    return CaseAborted(violation)


class Load:
    """Publishers in the background: each publishes at a pace, and ignores failures.

    Args:
        probe: the case's.
        lanes: a client and what makes its events, for each publisher.
    """

    def __init__(self, probe: Probe, lanes: Sequence[tuple[Client, Make]]) -> None:
        self._probe = probe
        self._lanes = lanes
        self._running = False
        self._tasks: list[asyncio.Task[None]] = []
        self._published = [0] * len(lanes)

    def start(self) -> None:
        """Lets all lanes publish."""
        self._running = True
        self._tasks = [
            self._probe.spawn(self._publish(place, client, make))
            for place, (client, make) in enumerate(self._lanes)
        ]

    async def lap(self, laps: int) -> None:
        """Waits until every lane has published so many more with success.

        Raises:
            CaseAborted: one does not.
        """
        wanted = [done + laps for done in self._published]
        limit_s = self._probe.capabilities.publish_timeout_s + GRACE_S
        reached = self._probe.spawn(self._reach(wanted))
        if not await self._probe.deadline.wait(
            reached, timeout_s=limit_s, progress=lambda: sum(self._published)
        ):
            raise self._probe.aborted(
                "publishing to succeed while nothing is broken", self._last_errors()
            )

    async def _reach(self, wanted: Sequence[int]) -> None:
        # because: it counts on, at its own pace, with nothing else to be told by
        while any(  # noqa: ASYNC110  # because: nothing announces it, so it is looked at again and again
            done < goal for done, goal in zip(self._published, wanted, strict=True)
        ):
            await asyncio.sleep(_PACE_S)

    async def stop(self) -> None:
        """Stops all lanes; returns when the publishes under way have returned.

        Raises:
            CaseAborted: a publish does not return.
        """
        self._running = False
        tasks, self._tasks = self._tasks, []
        limit_s = self._probe.capabilities.publish_timeout_s + GRACE_S
        for task in tasks:
            if not await self._probe.deadline.wait(task, timeout_s=limit_s):
                stuck = [p for p in self._probe.history.publishes if p.outcome == "pending"]
                raise hung(self._probe, stuck, limit_s)
            task.result()

    async def _publish(self, place: int, client: Client, make: Make) -> None:
        while self._running:
            entry = await self._probe.attempt(make(), client)
            self._published[place] += entry.outcome == "ok"
            # Paces the publishes: one that fails at once would otherwise be tried in a busy loop.
            await asyncio.sleep(_PACE_S)

    def _last_errors(self) -> str:
        errors = [p.error for p in self._probe.history.publishes if p.error]
        return f"it raises {errors[-1]}" if errors else "it does not return"
