"""Histories that begin at the wrong place, or do not turn into live without a crack.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import LIVE, START, FlovynEvent, StreamEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.memory_replay import Event, ReplayBus, ReplaySubscription
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record

REPLAY_HANDOVERS: Final[list[Mutant]] = []

_NOT_RETAINED: Final = "which began at the start of the history"


class _Start(ReplayBus):
    """Changes what START gets."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        return self.start(records) if member.since is START else records

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        """Returns what START gets of all that is retained."""
        return records


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class StartIsLive(_Start):
    """START is accepted and ignored."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return []


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class StartSkipsTheOldest(_Start):
    """START begins after the first event, as if it were a cursor."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[1:]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class StartGivesTheLastTen(_Start):
    """START gives the tail of the history."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[-10:]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", "RPL-04", seen="got #")
class StartGivesTheNewestFirst(_Start):
    """START reads the history backwards."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[::-1]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen="it ended (StopAsyncIteration)")
class StartEndsWithTheHistory(ReplayBus):
    """A subscription since START ends when the history is read, as a query would."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.since is START and member.past:
            self.depart(member)
            member.live.finish()


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class HistoryNeedsAReader(ReplayBus):
    """Events published while nobody subscribes are not kept."""

    def publish(self, event: Event) -> bool:
        channel = self.channel(event)
        if channel in self.members:
            return super().publish(event)
        self.log(channel)
        return False


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen="nothing of it within")
class StartHearsNothingNew(ReplayBus):
    """A subscription since START is never made active."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.since is START:
            self.depart(member)


# The crack between history and live


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class HandOverLosesWhatComesBetween(ReplayBus):
    """The history is read, and the subscription made active one turn later."""

    async def join(self, member: ReplaySubscription) -> None:
        member.past.extend(self.past(member))
        await asyncio.sleep(0)
        self.members.setdefault(member.channel, {})[member] = None


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="it was delivered again")
class HandOverRepeatsWhatComesBetween(ReplayBus):
    """The subscription is made active, and the history read one turn later."""

    async def join(self, member: ReplaySubscription) -> None:
        self.past(member)
        self.members.setdefault(member.channel, {})[member] = None
        await asyncio.sleep(0)
        member.past.extend(self.past(member))


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="#")
class HandOverThrowsAwayWhatWaited(ReplayBus):
    """Events that came live while the history was read are thrown away as already replayed."""

    async def join(self, member: ReplaySubscription) -> None:
        member.past.extend(self.past(member))
        self.members.setdefault(member.channel, {})[member] = None
        await asyncio.sleep(0)
        member.live = Channel(self.capabilities.stream_capacity)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="it was delivered again")
class HandOverRepeatsTheLast(ReplayBus):
    """Live begins with the last event of the history."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.past:
            member.live.push(member.past[-1])


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="published later, came instead")
class FullPageLosesItsLast(ReplayBus):
    """History is read in pages of 100, and a last page that is full loses its last event."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        return records[:-1] if records and len(records) % 100 == 0 else records


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="published later, came instead")
class PositionOfAByteOverflows(ReplayBus):
    """The 256th event of a channel is never found again."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        whole = self.log(member.channel).records
        lost = whole[255] if len(whole) > 255 else None
        return [one for one in records if one is not lost]


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="got #")
class LiveOvertakesHistory(ReplayBus):
    """Live events are read before the rest of the history."""

    def hand(self, member: ReplaySubscription, record: Record[Any]) -> bool:
        if member.past:
            member.past.appendleft(record)
            return False
        return super().hand(member, record)


class _Lazy(ReplaySubscription):
    joined = False

    async def __anext__(self) -> Any:
        if not self.past and not self.joined:
            self.joined = True
            self._bus.members.setdefault(self.channel, {})[self] = None
        return await super().__anext__()


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="#")
class LiveBeginsWhenHistoryIsRead(ReplayBus):
    """The subscription is made active when its reader has read the history."""

    subscription = _Lazy

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.past:
            self.members[member.channel].pop(member)


class _CracksWithNothingToReplay(ReplayBus):
    """Becomes active some turns later where no history is to be read, as if there were no hand-over."""

    def cracks(self, member: ReplaySubscription) -> bool:
        """Returns whether a subscription that is owed nothing of the past is entered that way."""
        raise NotImplementedError

    async def join(self, member: ReplaySubscription) -> None:
        if not self.past(member) and self.cracks(member):
            for _ in range(2):
                await asyncio.sleep(0)
            member.since = LIVE
        await super().join(member)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class NewestCursorIsTakenForLive(_CracksWithNothingToReplay):
    """A reader that had read all is entered as a live one, some turns after its cursor was looked at."""

    def cracks(self, member: ReplaySubscription) -> bool:
        return isinstance(member.since, str)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class FilteredOutIsTakenForLive(_CracksWithNothingToReplay):
    """Where a filter leaves nothing of the history, the subscription is entered some turns later."""

    def cracks(self, member: ReplaySubscription) -> bool:
        return member.since is START and bool(self.log(member.channel).records)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class PurgedIsTakenForLive(_CracksWithNothingToReplay):
    """On a channel that was purged, a subscription since START is entered some turns later."""

    def __init__(self) -> None:
        super().__init__()
        self.purged: set[str] = set()

    def purge(self, channel: str) -> None:
        super().purge(channel)
        self.purged.add(channel)

    def cracks(self, member: ReplaySubscription) -> bool:
        return member.since is START and member.channel in self.purged


# What a replay is


class _Rewrites(ReplayBus):
    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        return [one._replace(event=self.rewritten(one.event)) for one in super().past(member)]

    def rewritten(self, event: Event) -> Event:
        """Returns an event as it is replayed."""
        return event


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="timestamp_ms")
class ReplayStampsAnew(_Rewrites):
    """Replayed events carry the time of the replay."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            return event
        return msgspec.structs.replace(event, timestamp_ms=event.timestamp_ms + 1)


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="correlation_id")
class ReplayForgetsTheCorrelation(_Rewrites):
    """The history keeps fewer members than an event has."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, correlation_id=None)
        return event


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="which nobody published")
class ReplayMakesNewEvents(_Rewrites):
    """Replayed events get ids of their own."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, id=UUID(int=event.id.int ^ 1))
        return msgspec.structs.replace(event, timestamp_ms=-event.timestamp_ms)


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="the other way round")
class ReplayIsSortedById(_Start):
    """The history is sorted by a key that is not the order of publishing."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return sorted(records, key=lambda one: str(getattr(one.event, "id", hash(one.position))))


@replay_bug(REPLAY_HANDOVERS, "RPL-05", "RPL-03", seen=_NOT_RETAINED)
class HistoryIsCompacted(_Start):
    """Of each type only the newest event is replayed, as from a compacted log."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        newest = {str(one.event.event_type): one for one in records}
        return [one for one in records if newest[str(one.event.event_type)] is one]


# Readers beside each other


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="#")
class ReadersShareAPosition(ReplayBus):
    """Readers of a channel since START take from one queue."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: dict[str, deque[Record[Any]]] = {}

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.since is START and member.past:
            member.past = self.queues.setdefault(member.channel, member.past)


class _Taking(ReplaySubscription):
    async def __anext__(self) -> Any:
        event = await super().__anext__()
        records = self._bus.log(self.channel).records
        if self.past and records and records[0].event is event:
            records.popleft()
        return event


@replay_bug(REPLAY_HANDOVERS, "RPL-12", "RPL-05", seen="#")
class ReplayTakesFromTheHistory(ReplayBus):
    """Events that a replay reads are taken out of the history, as from a queue."""

    subscription = _Taking


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="publish to return")
class StalledReplayBlocksPublishers(ReplayBus):
    """A publisher waits until every reader of its channel has read its history."""

    async def settle(self, event: Event) -> None:
        """Waits for slow readers."""
        if any(member.past for member in self.members.get(self.channel(event), ())):
            await asyncio.get_running_loop().create_future()


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="entering the subscription to return")
class StalledReplayBlocksReaders(ReplayBus):
    """One replay at a time: another one waits until the first has read its history."""

    async def join(self, member: ReplaySubscription) -> None:
        if any(one.past for one in self.members.get(member.channel, ())):
            await asyncio.get_running_loop().create_future()
        await super().join(member)
