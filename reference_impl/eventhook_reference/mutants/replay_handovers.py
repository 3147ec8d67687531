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
    """Ignores START, and begins live."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return []


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class StartSkipsTheOldest(_Start):
    """Begins after the first event at START, as if that were a cursor."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[1:]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class StartGivesTheLastTen(_Start):
    """Replays the last ten events at START."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[-10:]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", "RPL-04", seen="got #")
class StartGivesTheNewestFirst(_Start):
    """Replays the newest event first at START."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return records[::-1]


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen="it ended (StopAsyncIteration)")
class StartEndsWithTheHistory(ReplayBus):
    """Ends a subscription from START once its history is read."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.since is START and member.past:
            self.depart(member)
            member.live.finish()


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen=_NOT_RETAINED)
class HistoryNeedsAReader(ReplayBus):
    """Keeps no events that are published while nobody subscribes."""

    def publish(self, event: Event) -> bool:
        channel = self.channel(event)
        if channel in self.members:
            return super().publish(event)
        self.log(channel)
        return False


@replay_bug(REPLAY_HANDOVERS, "RPL-03", seen="nothing of it within")
class StartHearsNothingNew(ReplayBus):
    """Never makes a subscription from START active."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.since is START:
            self.depart(member)


# The crack between history and live


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class HandOverLosesWhatComesBetween(ReplayBus):
    """Reads the history one turn before it makes the subscription active, and loses events between."""

    async def join(self, member: ReplaySubscription) -> None:
        member.past.extend(self.past(member))
        await asyncio.sleep(0)
        self.members.setdefault(member.channel, {})[member] = None


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="it was delivered again")
class HandOverRepeatsWhatComesBetween(ReplayBus):
    """Makes the subscription active one turn before it reads the history, and repeats events."""

    async def join(self, member: ReplaySubscription) -> None:
        self.past(member)
        self.members.setdefault(member.channel, {})[member] = None
        await asyncio.sleep(0)
        member.past.extend(self.past(member))


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="#")
class HandOverThrowsAwayWhatWaited(ReplayBus):
    """Discards the live events that came while it read the history."""

    async def join(self, member: ReplaySubscription) -> None:
        member.past.extend(self.past(member))
        self.members.setdefault(member.channel, {})[member] = None
        await asyncio.sleep(0)
        member.live = Channel(self.capabilities.stream_capacity)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="it was delivered again")
class HandOverRepeatsTheLast(ReplayBus):
    """Delivers the last event of the history again, as the first live one."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        if member.past:
            member.live.push(member.past[-1])


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="published later, came instead")
class FullPageLosesItsLast(ReplayBus):
    """Drops the last event of the history if it fills its page of 100."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        return records[:-1] if records and len(records) % 100 == 0 else records


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="published later, came instead")
class PositionOfAByteOverflows(ReplayBus):
    """Never finds the 256th event of a channel again."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        whole = self.log(member.channel).records
        lost = whole[255] if len(whole) > 255 else None
        return [one for one in records if one is not lost]


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="got #")
class LiveOvertakesHistory(ReplayBus):
    """Delivers live events before the rest of the history."""

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
    """Makes a subscription active once its reader has read the history."""

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
    """Enters a subscription after the newest cursor some turns late, as a live one."""

    def cracks(self, member: ReplaySubscription) -> bool:
        return isinstance(member.since, str)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class FilteredOutIsTakenForLive(_CracksWithNothingToReplay):
    """Enters a subscription some turns late whose filter selects nothing of the history."""

    def cracks(self, member: ReplaySubscription) -> bool:
        return member.since is START and bool(self.log(member.channel).records)


@replay_bug(REPLAY_HANDOVERS, "RPL-04", seen="while it was published")
class PurgedIsTakenForLive(_CracksWithNothingToReplay):
    """Enters a subscription from START some turns late on a channel that was purged."""

    def __init__(self) -> None:
        super().__init__()
        self.purged: set[str] = set()

    def purge(self, channel: str) -> None:
        super().purge(channel)
        self.purged.add(channel)

    def cracks(self, member: ReplaySubscription) -> bool:
        return member.since is START and member.channel in self.purged


# The replayed events


class _Rewrites(ReplayBus):
    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        return [one._replace(event=self.rewritten(one.event)) for one in super().past(member)]

    def rewritten(self, event: Event) -> Event:
        """Returns an event as it is replayed."""
        return event


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="timestamp_ms")
class ReplayStampsAnew(_Rewrites):
    """Replays events with the time of the replay."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            return event
        return msgspec.structs.replace(event, timestamp_ms=event.timestamp_ms + 1)


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="correlation_id")
class ReplayForgetsTheCorrelation(_Rewrites):
    """Replays events without the correlation id."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, correlation_id=None)
        return event


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="which nobody published")
class ReplayMakesNewEvents(_Rewrites):
    """Replays events with new ids."""

    def rewritten(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, id=UUID(int=event.id.int ^ 1))
        return msgspec.structs.replace(event, timestamp_ms=-event.timestamp_ms)


@replay_bug(REPLAY_HANDOVERS, "RPL-05", seen="the other way round")
class ReplayIsSortedById(_Start):
    """Replays events sorted by a key other than the order of publishing."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        return sorted(records, key=lambda one: str(getattr(one.event, "id", hash(one.position))))


@replay_bug(REPLAY_HANDOVERS, "RPL-05", "RPL-03", seen=_NOT_RETAINED)
class HistoryIsCompacted(_Start):
    """Replays only the newest event of each type."""

    def start(self, records: list[Record[Any]]) -> list[Record[Any]]:
        newest = {str(one.event.event_type): one for one in records}
        return [one for one in records if newest[str(one.event.event_type)] is one]


# Readers beside each other


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="#")
class ReadersShareAPosition(ReplayBus):
    """Shares the replayed events out among the readers of a channel from START."""

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
    """Removes the events that it replays from the history."""

    subscription = _Taking


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="publish to return")
class StalledReplayBlocksPublishers(ReplayBus):
    """Blocks a publish until every reader of its channel has read its history."""

    async def settle(self, event: Event) -> None:
        """Waits for slow readers."""
        if any(member.past for member in self.members.get(self.channel(event), ())):
            await asyncio.get_running_loop().create_future()


@replay_bug(REPLAY_HANDOVERS, "RPL-12", seen="entering the subscription to return")
class StalledReplayBlocksReaders(ReplayBus):
    """Blocks a replay until the first reader has read its history."""

    async def join(self, member: ReplaySubscription) -> None:
        if any(one.past for one in self.members.get(member.channel, ())):
            await asyncio.get_running_loop().create_future()
        await super().join(member)
