"""Histories that reach less far than claimed, or too far, and do not say so.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any, Final

from eventhook_conformance.contract import CursorExpired, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.cursors import CursorSeal
from eventhook_reference.memory_replay import (
    CAPABILITIES,
    Event,
    ReplayBackend,
    ReplayBus,
    ReplaySubscription,
)
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record, ReplayLog

REPLAY_HISTORIES: Final[list[Mutant]] = []

_SKIPPED: Final = "or CursorExpired, or a gap told"
_FEW: Final = replace(CAPABILITIES, replay_events=64)


class _Few(ReplayBus):
    """Keeps 64 events a channel."""

    capabilities = _FEW


class _Silent(_Few):
    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except CursorExpired:
            return self.instead(member)

    def instead(self, member: ReplaySubscription) -> list[Record[Any]]:
        """Returns the events for an expired cursor."""
        records = self.log(member.channel).all()
        return [record for record in records if self.admits(member, record.event)]


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen=_SKIPPED)
class ExpiredGetsTheNextAvailable(_Silent):
    """Begins at the oldest event at an expired cursor."""


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen=_SKIPPED)
class ExpiredIsLive(_Silent):
    """Begins live at an expired cursor."""

    def instead(self, member: ReplaySubscription) -> list[Record[Any]]:
        return []


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen="entering since an old cursor")
class ExpiredIsABug(_Few):
    """Raises KeyError for an expired cursor."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except CursorExpired as error:
            raise KeyError(member.since) from error


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen="entering since an old cursor")
class ExpiredWaitsForEver(_Few):
    """Waits for ever at an expired cursor."""

    async def join(self, member: ReplaySubscription) -> None:
        try:
            await super().join(member)
        except CursorExpired:
            await asyncio.get_running_loop().create_future()


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen=_SKIPPED)
class PurgeLeavesCursorsValid(ReplayBus):
    """Accepts cursors from before a purge."""

    def purge(self, channel: str) -> None:
        floor = self.log(channel).floor
        super().purge(channel)
        self.log(channel).floor = floor


class _Ageing(ReplayLog[Any]):
    def trim(self) -> None:
        floor = self.floor
        super().trim()
        self.floor = floor


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen=_SKIPPED)
class AgeLeavesCursorsValid(ReplayBus):
    """Accepts the cursors of events that were dropped for their age."""

    capabilities = replace(CAPABILITIES, replay_s=0.3)

    def make_log(self) -> ReplayLog[Any]:
        return _Ageing(self.capabilities.replay_events, self.capabilities.replay_s)


class _CountsLate(ReplaySubscription):
    async def __anext__(self) -> Any:
        event = await super().__anext__()
        self.live.dropped += 1
        return event


@replay_bug(REPLAY_HISTORIES, "RPL-08", seen=_SKIPPED)
class GapIsToldAfterwards(_Silent):
    """Counts a gap as `dropped` only once the reader has read across it."""

    subscription = _CountsLate


# How far it reaches


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="which began at the start of the history")
class StartIsOnePage(ReplayBus):
    """Replays 500 events from START, and then goes on live."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        return super().past(member)[:500]


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="which began at the start of the history")
class HistoryIsHalfOfTheClaim(ReplayBus):
    """Keeps half as many events of history as it claims."""

    def make_log(self) -> ReplayLog[Any]:
        return ReplayLog(512, None)


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="#")
class HistoryGoesThroughTheBuffer(ReplayBus):
    """Puts the history into the buffer for live events, which drops the oldest."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        records, member.past = member.past, deque()
        small: Channel[Record[Any]] = Channel(256)
        for record in records:
            small.push(record)
        member.live = small


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="which the claimed history reaches")
class CursorExpiresWithinTheClaim(ReplayBus):
    """Lets a cursor expire after a hundred events, within the claimed history."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if isinstance(member.since, str) and len(records) > 100:
            raise CursorExpired("too far behind")
        return records


@replay_bug(REPLAY_HISTORIES, "RPL-10", "RPL-02", seen="which the claimed history reaches")
class NewestCursorIsExpired(ReplayBus):
    """Refuses a cursor as expired that no event follows."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if isinstance(member.since, str) and not records:
            raise CursorExpired("nothing after it")
        return records


# How it is bounded


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="events from START, where replay_events=64")
class HistoryIsUnbounded(_Few):
    """Never drops any history, and claims a limit."""

    def make_log(self) -> ReplayLog[Any]:
        return ReplayLog(None, None)


class _KeepsOldest(ReplayLog[Any]):
    def trim(self) -> None:
        while len(self.records) > 64:
            self.records.pop()


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="an unbroken run of events up to the newest")
class FullHistoryTakesNothingNew(_Few):
    """Drops the newest events of a full history, not the oldest."""

    def make_log(self) -> ReplayLog[Any]:
        return _KeepsOldest(64, None)


class _Thinned(ReplayLog[Any]):
    def trim(self) -> None:
        if len(self.records) > 128:
            self.floor = self.records[62].position
            newest = list(self.records)[-64:]
            self.records = deque([*list(self.records)[:-64:4], *newest])


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="an unbroken run of events up to the newest")
class FullHistoryIsThinnedOut(_Few):
    """Keeps every fourth of the old events of a full history."""

    def make_log(self) -> ReplayLog[Any]:
        return _Thinned(64, None)


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="#")
class OneStoreForAll(ReplayBus):
    """Keeps 5,000 events for all tenants and keys together, and drops the oldest of any."""

    def __init__(self) -> None:
        super().__init__()
        self._stored: deque[str] = deque()

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        self._stored.append(self.channel(event))
        if len(self._stored) > 5_000:
            oldest = self.log(self._stored.popleft())
            if oldest.records:
                oldest.floor = oldest.records.popleft().position
        return crowded


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="#")
class OneMemoryForAll(ReplayBus):
    """Keeps four megabytes for all tenants and keys together, and drops the oldest of any."""

    def __init__(self) -> None:
        super().__init__()
        self._stored: deque[tuple[str, int]] = deque()
        self._bytes = 0

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        size = len(event.to_json())
        self._stored.append((self.channel(event), size))
        self._bytes += size
        while self._bytes > 4_000_000:
            channel, size = self._stored.popleft()
            self._bytes -= size
            oldest = self.log(channel)
            if oldest.records:
                oldest.floor = oldest.records.popleft().position
        return crowded


class _ByBytes(ReplayLog[Any]):
    def trim(self) -> None:
        super().trim()
        if not self.records or _size(self.records[-1]) < 10_000:
            return
        while len(self.records) > 1 and sum(_size(one) for one in self.records) > 1_000_000:
            self.floor = self.records.popleft().position


def _size(record: Record[Any]) -> int:
    event = record.event
    text = event.data if isinstance(event, FlovynEvent) else event.payload
    return len(text) if isinstance(text, str) else 0


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="which began at the start of the history")
class HistoryIsOneMegabyte(ReplayBus):
    """Limits the history of a channel to a megabyte too, which it does not claim."""

    def make_log(self) -> ReplayLog[Any]:
        return _ByBytes(self.capabilities.replay_events, self.capabilities.replay_s)


@replay_bug(REPLAY_HISTORIES, "RPL-11", seen="#")
class OneLimitForAll(ReplayBus):
    """Applies the limit to all tenants and keys together, and drops the oldest of any."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        limit = self.capabilities.replay_events or 0
        while sum(len(log.records) for log in self.logs.values()) > limit:
            oldest = min(
                (log for log in self.logs.values() if log.records),
                key=lambda log: log.records[0].position,
            )
            oldest.floor = oldest.records.popleft().position
        return crowded


@replay_bug(REPLAY_HISTORIES, "RPL-10", seen="which began at the start of the history")
class FullHistoryIsEmptied(_Few):
    """Empties a full history."""

    def make_log(self) -> ReplayLog[Any]:
        return _EmptiedAtClaim(64, None)


class _EmptiedAtClaim(ReplayLog[Any]):
    def trim(self) -> None:
        if len(self.records) >= 64:
            newest = self.records[-1]
            self.purge()
            self.records.append(newest)
            self.floor = newest.position - 1


# Purges


@replay_bug(REPLAY_HISTORIES, "RPL-06", seen="#")
class PurgeTakesAll(ReplayBus):
    """Empties the whole store at a purge of one tenant or key."""

    def purge(self, channel: str) -> None:
        for log in self.logs.values():
            log.purge()


@replay_bug(REPLAY_HISTORIES, "RPL-06", seen="which the claimed history reaches")
class PurgeMovesItsNeighbours(ReplayBus):
    """Raises the oldest position of the whole store at a purge."""

    def purge(self, channel: str) -> None:
        super().purge(channel)
        floor = self.log(channel).newest
        for log in self.logs.values():
            log.floor = max(log.floor, floor)


@replay_bug(REPLAY_HISTORIES, "RPL-06", seen="it ended (StopAsyncIteration)")
class PurgeEndsActiveReaders(ReplayBus):
    """Ends the subscriptions of a channel that is purged."""

    def purge(self, channel: str) -> None:
        super().purge(channel)
        for member in list(self.members.get(channel, ())):
            member.live.finish()


@replay_bug(REPLAY_HISTORIES, "RPL-06", seen="what was purged to be forgotten")
class PurgeForgetsNothing(ReplayBus):
    """Replays events from before a purge at START."""

    def purge(self, channel: str) -> None:
        log = self.log(channel)
        log.floor = log.newest


# The lifetime of cursors


class _Renewing(ReplayBackend):
    async def aclose(self) -> None:
        """Closes this client, and gives the bus new secrets."""
        if not self.closed:
            self.bus.seal = CursorSeal()
        await super().aclose()


@replay_bug(REPLAY_HISTORIES, "RPL-13", seen="to succeed", client=_Renewing)
class CursorDiesWithItsClient(ReplayBus):
    """Keeps the secret of its cursors in the client: they expire when it closes."""


class _Freeing(ReplayBackend):
    async def cleanup_inactive_channels(self) -> int:
        """Drops the logs that nobody reads."""
        idle = [channel for channel in self.bus.logs if channel not in self.bus.members]
        for channel in idle:
            del self.bus.logs[channel]
        return await super().cleanup_inactive_channels()


class _FromOne(ReplayLog[Any]):
    def __init__(self, limit_events: int | None, limit_s: float | None) -> None:
        super().__init__(limit_events, limit_s)
        self.newest = self.floor = 0

    def append(self, event: Any) -> Record[Any]:
        self.newest += 1
        record = Record(self.newest, 0.0, event)
        self.records.append(record)
        return record

    def trim(self) -> None:
        """Keeps all."""


@replay_bug(REPLAY_HISTORIES, "RPL-13", seen="#", client=_Freeing)
class NumberingBeginsAnew(ReplayBus):
    """Numbers a freed history from one again: older cursors point into it."""

    def make_log(self) -> ReplayLog[Any]:
        return _FromOne(None, None)


# When it is written


@replay_bug(REPLAY_HISTORIES, "RPL-14", seen="#")
class HistoryIsWrittenLater(ReplayBus):
    """Writes the history after the publish has returned."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        log = self.log(self.channel(event))
        asyncio.get_running_loop().call_later(0.02, log.records.append, log.records.pop())
        return crowded


@replay_bug(REPLAY_HISTORIES, "RPL-14", seen="#")
class HistoryIsWrittenInBlocks(ReplayBus):
    """Writes the history once four events have come together."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        unwritten = len(self.log(member.channel).records) % 4
        newest = list(self.log(member.channel).records)[-unwritten:] if unwritten else []
        return [one for one in records if one not in newest]


# When its workflow ends


class _Ending(ReplayBus):
    """Does something when a workflow ends."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        ends = ("workflow.completed", "workflow.failed", "workflow.cancelled")
        if isinstance(event, FlovynEvent) and event.event_type in ends:
            self.ended(f"streams/{event.workflow_execution_id}")
        return crowded

    def ended(self, channel: str) -> None:
        """Reacts to the end of the workflow of a stream."""


@replay_bug(REPLAY_HISTORIES, "RPL-15", seen="which began at the start of the history")
class EndPurgesAtOnce(_Ending):
    """Purges the history as its workflow ends, without the claimed grace."""

    def ended(self, channel: str) -> None:
        self.purge(channel)


@replay_bug(REPLAY_HISTORIES, "RPL-15", seen="entering the subscription to return")
class EndedStreamWaitsForEver(_Ending):
    """Blocks a subscription to the stream of an ended workflow."""

    def __init__(self) -> None:
        super().__init__()
        self.over: set[str] = set()

    def ended(self, channel: str) -> None:
        self.over.add(channel)

    async def join(self, member: ReplaySubscription) -> None:
        if member.channel in self.over:
            await asyncio.get_running_loop().create_future()
        await super().join(member)


@replay_bug(REPLAY_HISTORIES, "RPL-15", seen="#")
class GraceEndsInSilence(_Ending):
    """Purges the history after the grace, and accepts its cursors all the same."""

    capabilities = replace(CAPABILITIES, replay_grace_s=0.2)

    def ended(self, channel: str) -> None:
        asyncio.get_running_loop().call_later(0.22, self.forget, channel)

    def forget(self, channel: str) -> None:
        """Purges the history; its floor stays."""
        self.log(channel).records.clear()
