"""Histories that are right until something comes together that seldom does."""

from __future__ import annotations

from typing import Any, Final

from eventhook_conformance.contract import (
    START,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    StreamEvent,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import (
    Event,
    ReplayBackend,
    ReplayBus,
    ReplayStreams,
    ReplaySubscription,
    channel_of,
)
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record

REPLAY_SELDOM: Final[list[Mutant]] = []

_CROWD: Final = 3
_PAGE: Final = 100


@replay_bug(REPLAY_SELDOM, "RPL-02", seen="which began after a cursor before it")
class FilteredTailIsLost(ReplayBus):
    """Leaves out the channel's newest event for a filter by source if nothing else follows the cursor."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        selects = member.selects
        by_source = isinstance(selects, EventPattern) and selects.source is not None
        alone = len(records) == 1 and records[0].position == self.log(member.channel).newest
        return [] if by_source and alone and isinstance(member.since, str) else records


@replay_bug(REPLAY_SELDOM, "RPL-06", seen="to be forgotten")
class PurgesToTheLastButOne(ReplayBus):
    """Keeps the newest event when it purges a channel a second time."""

    def __init__(self) -> None:
        super().__init__()
        self._purged: set[str] = set()

    def purge(self, channel: str) -> None:
        log = self.logs.get(channel)
        newest = log.records[-1] if log is not None and log.records else None
        super().purge(channel)
        if log is not None and newest is not None and channel in self._purged:
            log.records.append(newest)
            log.floor = newest.position - 1
        self._purged.add(channel)


@replay_bug(REPLAY_SELDOM, "RPL-03", seen="which was active and asked for it")
class EmptyStartIsDeaf(ReplayBus):
    """Delivers nothing to a subscription from START of a purged history beside two other readers."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        members = self.members[member.channel]
        log = self.log(member.channel)
        if member.since is START and not log.records and len(members) >= _CROWD:
            del members[member]


class _Last(ReplaySubscription):
    """A subscription that a bug leaves in another state than it should."""

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            self.cursor = None
            raise


@replay_bug(REPLAY_SELDOM, "RPL-01", seen="the cursor after the last event that was read")
class CursorIsGoneAtTheEnd(ReplayBus):
    """Forgets the cursor of a subscription that has ended: its reader cannot come back."""

    subscription = _Last


class _Moving(ReplaySubscription):
    def leave(self) -> None:
        super().leave()
        self.cursor = self._bus.seal.seal(self.channel, self._bus.log(self.channel).newest)


@replay_bug(REPLAY_SELDOM, "RPL-01", seen="the cursor after the last event that was read")
class LeavingMovesTheCursor(ReplayBus):
    """Moves the cursor to the newest event when a reader leaves, past those it has not read."""

    subscription = _Moving


class _Unread(ReplaySubscription):
    def leave(self) -> None:
        self.live.leave()


@replay_bug(REPLAY_SELDOM, "RPL-03", seen="after leaving")
class HistoryOutlivesItsReader(ReplayBus):
    """Delivers the rest of the history to a subscription that was left."""

    subscription = _Unread


@replay_bug(REPLAY_SELDOM, "RPL-05", seen="the start of the history")
class HistoryIsKeyedById(ReplayBus):
    """Keeps the first event of each id only, and delivers the others live."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        records = self.log(self.channel(event)).records
        if isinstance(event, FlovynEvent):
            ids = [record.event.id for record in records]
            if ids.count(event.id) > 1:
                records.pop()
        return crowded


@replay_bug(REPLAY_SELDOM, "RPL-05", seen="the start of the history")
class HistoryDropsRepeats(ReplayBus):
    """Does not store a stream event that equals the one before, and delivers it live."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        records = self.log(self.channel(event)).records
        last = [record.event for record in records][-2:]
        if isinstance(event, StreamEvent) and last == [event, event]:
            records.pop()
        return crowded


class _HastyStreams(ReplayStreams):
    async def publish(self, event: StreamEvent) -> None:
        """Stores what is refused."""
        try:
            await super().publish(event)
        except InvalidEvent:
            self._backend.bus.log(channel_of(event)).append(event)
            raise


class _Hasty(ReplayBackend):
    def __init__(self, bus: ReplayBus) -> None:
        super().__init__(bus)
        self.streams = _HastyStreams(self)


@replay_bug(REPLAY_SELDOM, "RPL-05", seen="refused", client=_Hasty)
class RefusedIsKeptAllTheSame(ReplayBus):
    """Stores an event before it is checked, and keeps it when it is refused."""


@replay_bug(REPLAY_SELDOM, "RPL-10", seen="the start of the history")
class FilterGivesAHundred(ReplayBus):
    """Replays the newest hundred of the events that a filter by type selects."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        selects = member.selects
        by_type = isinstance(selects, EventPattern) and selects.event_type_prefix is not None
        return records[-_PAGE:] if by_type and member.since is START else records


@replay_bug(REPLAY_SELDOM, "RPL-01", seen="while another reader reads")
class CursorIsMovedByOthers(ReplayBus):
    """Moves the cursors of the other readers of the same when one of them reads."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        cursor = super().cursor(member, record)
        for other in self.members.get(member.channel, ()):
            if other.selects == member.selects and other.cursor is not None:
                other.cursor = cursor
        return cursor


@replay_bug(REPLAY_SELDOM, "RPL-06", seen="to be forgotten")
class PurgeSparesWhatIsRead(ReplayBus):
    """Purges nothing while a reader of the channel has history unread."""

    def purge(self, channel: str) -> None:
        if not any(member.past for member in self.members.get(channel, ())):
            super().purge(channel)


@replay_bug(REPLAY_SELDOM, "RPL-08", seen="or CursorExpired, or a gap told")
class EmptyHistoryHasNoGap(ReplayBus):
    """Accepts any cursor of a channel while its history is empty, purged or not."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        if isinstance(member.since, str) and not self.log(member.channel).records:
            self.position(member, member.since)
            return []
        return super().past(member)
