"""Waits for the events that a subscription is owed, bounded by the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from eventhook_conformance.history import Event, History, Publish, Subscribed, Waited
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted
from eventhook_conformance.probe.publisher_order import event_key, overtaken
from eventhook_conformance.probe.reader import Reader
from eventhook_conformance.probe.subscription_context import SubscriptionContext
from eventhook_conformance.probe.turns import current

_GRACE_S: Final = 0.25


class Arrivals:
    """The arrivals on one subscription; records the waits that were in vain.

    Args:
        context: whether the subscription was left.
        reader: reads it.
        history: the case's.
        deadline: bounds every wait.
        lost: returns what the checker takes for lost on a subscription by now.
    """

    def __init__(
        self,
        context: SubscriptionContext,
        reader: Reader,
        history: History,
        deadline: Deadline,
        lost: Callable[[Subscribed], Iterable[Publish]],
    ) -> None:
        self._context = context
        self._reader = reader
        self._entry = reader.entry
        self._history = history
        self._deadline = deadline
        self._lost = lost

    async def receive(self, *events: Event) -> None:
        """Reads until all of these were delivered.

        Raises:
            CaseAborted: they did not come in time, or the subscription ended.
        """
        reader = self._reader
        reader.missing = {event_key(event) for event in events} - reader.came
        if reader.missing:
            reader.expect_until_missing()
            await self._read()
            reader.expect_nothing()
        missing, reader.missing = reader.missing, set()
        if (
            missing and not self._context.left
        ):  # else it was left meanwhile, and is owed nothing more
            if self._entry.end is None and not overtaken(self._history, missing, reader.came):
                self._note_waited(event for event in events if event_key(event) in missing)
            raise CaseAborted

    async def catch_up(self) -> None:
        """Reads on for overtaken events: a bus that reorders may bring them right behind.

        Does nothing if the run saw no reorder or loss, or if nothing is missing.
        """
        if not self._deadline.reads_on or self._entry.end is not None or self._context.left:
            return
        await asyncio.sleep(0)  # a read that was just started may bring what overtook others
        lost = list(self._lost(self._entry))
        if not lost:
            return
        reader = self._reader
        reader.missing = {event_key(publish.event) for publish in lost}
        patient, limit_s = self._deadline.looks_long, self._deadline.glance_s
        came = await self._deadline.glance(reader.until_enough())
        still, reader.missing = reader.missing, set()
        if self._deadline.disorderly and patient and not came and self._entry.end is None:
            # Where order does not hold, only waiting in vain shows a loss.
            missing = (publish.event for publish in lost if event_key(publish.event) in still)
            self._note_waited(missing, limit_s)

    async def read(self, count: int) -> bool:
        """Reads that many more events, any at all; returns whether they came in time."""
        wanted = self._reader.count = len(self._entry.deliveries) + count
        if count > 0:
            await self._read()
        self._reader.count = 0
        return len(self._entry.deliveries) >= wanted

    async def _read(self) -> None:
        reader, deliveries = self._reader, self._entry.deliveries
        enough = reader.until_enough()
        grace_s = self._deadline.glance_s if self._deadline.reads_on else _GRACE_S

        def progress() -> int:
            return len(deliveries)

        if await self._deadline.wait(enough, progress=progress, timeout_s=grace_s, glance=True):
            return
        if reader.missing and overtaken(self._history, reader.missing, reader.came):
            self._deadline.note_glance(came=False)
        else:
            await self._deadline.wait(enough, progress=progress)

    def _note_waited(self, events: Iterable[Event], limit_s: float | None = None) -> None:
        wanted = {event_key(event) for event in events}
        now = self._history.clock.now()
        limit_s = limit_s or current().gave_up_s or self._deadline.current_s
        for publish in self._history.publishes:
            if event_key(publish.event) in wanted and self._entry.matches(publish.event):
                self._entry.waited.append(Waited(publish, now, limit_s))
