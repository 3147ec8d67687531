"""The history of one channel: a bounded run of its newest events, each at a position of its own."""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, NamedTuple, TypeVar

from eventhook_conformance.contract import CursorExpired

E = TypeVar("E")


class Record(NamedTuple, Generic[E]):
    """An event at its position."""

    position: int
    at_s: float
    """When it was published, by the monotonic clock."""
    event: E


class ReplayLog(Generic[E]):
    """Keeps the newest events; older ones go by number or by age, whichever comes first (RPL-11).

    Positions rise, with gaps: each is a reading of the clock, so that a log that was dropped and made
    anew never gives one again.

    Args:
        limit_events: the most events that it keeps; None: any number.
        limit_s: how long it keeps an event, in seconds; None: for ever.
    """

    def __init__(self, limit_events: int | None, limit_s: float | None) -> None:
        self._limit_events = limit_events
        self._limit_s = limit_s
        self.records: deque[Record[E]] = deque()
        self.newest = time.monotonic_ns()
        """The position of the newest event, kept or not."""
        self.floor = self.newest
        """The position of the newest event that is gone."""

    def append(self, event: E) -> Record[E]:
        """Adds an event, and drops the oldest beyond the limits."""
        self.newest = max(self.newest + 1, time.monotonic_ns())
        record = Record(self.newest, time.monotonic(), event)
        self.records.append(record)
        self.trim()
        return record

    def trim(self) -> None:
        """Drops the events beyond the limits, oldest first."""
        records = self.records
        while self._limit_events is not None and len(records) > self._limit_events:
            self.floor = records.popleft().position
        if self._limit_s is not None:
            oldest_s = time.monotonic() - self._limit_s
            while records and records[0].at_s < oldest_s:
                self.floor = records.popleft().position

    def all(self) -> list[Record[E]]:
        """Returns all that is retained, oldest first."""
        self.trim()
        return list(self.records)

    def after(self, position: int) -> list[Record[E]]:
        """Returns the events after a position.

        Raises:
            CursorExpired: some of it is gone (RPL-08).
        """
        self.trim()
        if position < self.floor:
            raise CursorExpired("the history no longer reaches back to the cursor; begin at START")
        return [record for record in self.records if record.position > position]

    def purge(self) -> None:
        """Forgets everything."""
        self.records.clear()
        self.floor = self.newest
