"""Histories that change events, or take them from another channel.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import replace
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import (
    START,
    CursorExpired,
    EventPattern,
    FlovynEvent,
    InvalidCursor,
    StreamEvent,
    check_cursor,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import (
    CAPABILITIES,
    Event,
    ReplayBackend,
    ReplayBus,
    ReplaySubscription,
)
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record, ReplayLog

REPLAY_CONTENTS: Final[list[Mutant]] = []

_FEW: Final = replace(CAPABILITIES, replay_events=64)
_MISSING: Final = "#"


# Values


class _Stored(ReplayBus):
    """Changes the events that a replay gives."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        return [one._replace(event=self.stored(one.event)) for one in super().past(member)]

    def stored(self, event: Event) -> Event:
        """Returns an event as the history gives it."""
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="payload")
class HistoryCutsLongPayloads(_Stored):
    """Cuts stored payloads after 4,096 characters."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            return msgspec.structs.replace(event, payload=event.payload[:4096])
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="payload")
class HistoryNormalisesTexts(_Stored):
    """Normalizes stored texts to one Unicode form."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            text = unicodedata.normalize("NFC", event.payload)
            return msgspec.structs.replace(event, payload=text)
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="data")
class HistoryRoundsNumbers(_Stored):
    """Stores numbers with twelve digits."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, data=_rounded(event.data))
        return event


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="event_type")
class HistoryFoldsTypes(_Stored):
    """Stores types in lower case."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, event_type=event.event_type.lower())
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen=_MISSING)
class HistoryLeavesOutTheLargest(ReplayBus):
    """Stores no event above 64 KiB."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        return [one for one in super().past(member) if len(one.event.to_json()) < 65_536]


# Filters


class _Refiltered(ReplayBus):
    """Selects from the history by rules of its own."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        selects = member.selects
        if not isinstance(selects, EventPattern) or member.since is not START:
            return super().past(member)
        records = self.log(member.channel).all()
        return [one for one in records if self.finds(selects, one.event)]

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        """Returns whether the store finds an event for a pattern."""
        return pattern.matches(event)


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="only events with")
class HistoryIsSearchedByLike(_Refiltered):
    """Searches the history by LIKE, where `_` matches any character."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        prefix = pattern.event_type_prefix
        if prefix is None:
            return super().finds(pattern, event)
        like = re.escape(prefix).replace("_", ".")
        rest = msgspec.structs.replace(pattern, event_type_prefix=None)
        return rest.matches(event) and bool(re.fullmatch(rf"{like}(\..*)?", event.event_type))


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="only events with")
class HistoryIsSearchedInAnyCase(_Refiltered):
    """Compares sources in the history without regard to case."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        rest = msgspec.structs.replace(pattern, source=None)
        source = event.source.lower() if pattern.source is None else pattern.source.lower()
        return rest.matches(event) and event.source.lower() == source


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="only events with")
class HistoryUsesOneIndex(_Refiltered):
    """Applies only one of several filters to the history."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.workflow_execution_id is None:
            return super().finds(pattern, event)
        return event.workflow_execution_id == pattern.workflow_execution_id


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="to succeed")
class CursorMustBeOfTheFilter(ReplayBus):
    """Refuses a cursor of an event that the filter does not select."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        position = super().position(member, cursor)
        for one in self.log(member.channel).records:
            if one.position == position and not self.admits(member, one.event):
                raise InvalidCursor("expected a cursor of an event that the pattern selects")
        return position


@replay_bug(REPLAY_CONTENTS, "RPL-06", "RPL-10", seen=_MISSING)
class FilterLooksAtTheNewestHundred(ReplayBus):
    """Applies the filter to the newest hundred events of the history only."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if not _is_filtered(member):
            return records
        newest = {one.position for one in list(self.log(member.channel).records)[-100:]}
        return [one for one in records if one.position in newest]


@replay_bug(REPLAY_CONTENTS, "RPL-06", "RPL-10", seen=_MISSING)
class EmptyPageEndsTheHistory(ReplayBus):
    """Ends the replay at a page of fifty events of which the filter selects none."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if not _is_filtered(member) or not records:
            return records
        selected = {one.position for one in records}
        whole = [
            one for one in self.log(member.channel).all() if one.position >= records[0].position
        ]
        found: list[Record[Any]] = []
        for start in range(0, len(whole), 50):
            page = [one for one in whole[start : start + 50] if one.position in selected]
            if not page:
                break
            found += page
        return found


def _is_filtered(member: ReplaySubscription) -> bool:
    selects = member.selects
    return isinstance(selects, EventPattern) and selects != EventPattern.all(selects.tenant_id)


@replay_bug(REPLAY_CONTENTS, "RPL-04", seen="only events with")
class LiveIsUnfilteredUntilHistoryIsRead(ReplayBus):
    """Does not filter live events that come while the history is read."""

    def admits(self, member: ReplaySubscription, event: Event) -> bool:
        return bool(member.past) or super().admits(member, event)


@replay_bug(REPLAY_CONTENTS, "RPL-04", seen=_MISSING)
class FilteredLiveWaitsForTheHistory(ReplayBus):
    """Drops live events of a filtered subscription until its history is read."""

    def hand(self, member: ReplaySubscription, record: Record[Any]) -> bool:
        if member.past and _is_filtered(member):
            return False
        return super().hand(member, record)


# Neighbours


class _Scanning(ReplayBus):
    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if member.since is START and isinstance(member.selects, str):
            for channel in list(self.logs):
                if channel != member.channel and self.covers(member.channel, channel):
                    records += self.logs[channel].all()
        return sorted(records, key=lambda one: one.position)

    def covers(self, channel: str, other: str) -> bool:
        """Returns whether a scan of one key's history meets another key's."""
        return False


@replay_bug(REPLAY_CONTENTS, "RPL-07", seen="got an event of")
class KeysAreScannedByPrefix(_Scanning):
    """Replays the streams of all keys that begin with the key: `run-1` finds `run-10` too."""

    def covers(self, channel: str, other: str) -> bool:
        return other.startswith(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-07", seen="got an event of")
class KeysAreStoredInOneCase(_Scanning):
    """Compares keys in the history without regard to case."""

    def covers(self, channel: str, other: str) -> bool:
        return other.lower() == channel.lower()


class _Purging(ReplayBus):
    def purge(self, channel: str) -> None:
        for name, log in self.logs.items():
            if name == channel or self.goes_too(channel, name):
                log.purge()

    def goes_too(self, channel: str, other: str) -> bool:
        """Returns whether a purge of one channel takes another's history too."""
        return False


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen=_MISSING)
class PurgeGoesByPrefix(_Purging):
    """Purges all keys that begin with the key."""

    def goes_too(self, channel: str, other: str) -> bool:
        return other.startswith(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen=_MISSING)
class PurgeTakesBothSides(_Purging):
    """Purges a tenant's events and the stream of the same name together."""

    def goes_too(self, channel: str, other: str) -> bool:
        return other.partition("/")[2] == channel.partition("/")[2]


@replay_bug(REPLAY_CONTENTS, "RPL-02", seen="which the claimed history reaches")
class PurgedChannelTakesNoCursor(ReplayBus):
    """Refuses all cursors of a channel that was purged once, new ones too."""

    def __init__(self) -> None:
        super().__init__()
        self.purged: set[str] = set()

    def purge(self, channel: str) -> None:
        super().purge(channel)
        self.purged.add(channel)

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        position = super().position(member, cursor)
        if member.channel in self.purged:
            raise CursorExpired("the history was purged")
        return position


@replay_bug(REPLAY_CONTENTS, "RPL-11", seen=_MISSING)
class OnlySoManyChannelsAreKept(ReplayBus):
    """Keeps the histories of thirty tenants and a hundred keys, and drops the oldest."""

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        for side in ("events/", "streams/"):
            own = [channel for channel in self.logs if channel.startswith(side)]
            for channel in own[: -(30 if side == "events/" else 100)]:
                self.forgotten = max(self.forgotten, self.logs.pop(channel).newest)
        return crowded


# Cursors


@replay_bug(REPLAY_CONTENTS, "RPL-01", seen="a cursor after each read")
class CursorNamesItsKey(ReplayBus):
    """Puts the key into the cursor, which is too long if the key is."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"{member.channel}:{super().cursor(member, record)}"

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        channel, _, rest = cursor.rpartition(":")
        if channel != member.channel:
            raise InvalidCursor("expected a cursor of this channel")
        return super().position(member, rest)


@replay_bug(REPLAY_CONTENTS, "RPL-01", seen="to succeed")
class CursorIsSplitInTheKey(ReplayBus):
    """Joins key and position by `_` in the cursor, which a key may have too."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"{member.channel.partition('/')[2][:200]}_{record.position}"

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        name, *rest = cursor.split("_")
        own = name == member.channel.partition("/")[2][:200]
        if check_cursor(cursor) or not own or len(rest) != 1 or not rest[0].isdecimal():
            raise InvalidCursor("expected key_position")
        return int(rest[0])


class _Forgetful(ReplaySubscription):
    async def __anext__(self) -> Any:
        self.cursor = None
        return await super().__anext__()


@replay_bug(REPLAY_CONTENTS, "RPL-01", seen="the cursor to stay")
class CursorIsGoneWhileAReadWaits(ReplayBus):
    """Forgets the cursor when a read begins, and for good if that is cancelled."""

    subscription = _Forgetful


@replay_bug(REPLAY_CONTENTS, "RPL-09", seen="it was entered")
class CursorIsTrimmed(ReplayBus):
    """Trims spaces and line ends around a cursor, instead of refusing it."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        since = member.since
        if not isinstance(since, str):
            return super().past(member)
        records = self.log(member.channel).after(self.position(member, since.strip()))
        return [one for one in records if self.admits(member, one.event)]


@replay_bug(REPLAY_CONTENTS, "RPL-09", seen="channels after subscriptions that were refused")
class RefusedReaderStaysSubscribed(ReplayBus):
    """Enters a subscription before it reads its cursor, and leaves it there if it refuses that."""

    async def join(self, member: ReplaySubscription) -> None:
        self.members.setdefault(member.channel, {})[member] = None
        await super().join(member)


# Expired events


class _OneLate(ReplayLog[Any]):
    second = 0

    def trim(self) -> None:
        while len(self.records) > 64:
            self.second, self.floor = self.floor, self.records.popleft().position

    def after(self, position: int) -> list[Record[Any]]:
        self.trim()
        if position < self.second:
            raise CursorExpired("too old")
        return [one for one in self.records if one.position > position]


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="or CursorExpired, or a gap told")
class ExpiryIsOffByOne(ReplayBus):
    """Accepts a cursor if only the event next to it is gone."""

    capabilities = _FEW

    def make_log(self) -> ReplayLog[Any]:
        return _OneLate(64, None)


class _Paging(ReplaySubscription):
    async def __anext__(self) -> Any:
        log = self._bus.log(self.channel)
        while self.past and self.past[0].position <= log.floor:
            self.past.popleft()
        return await super().__anext__()


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="to tell of what history pushed out")
class SlowReplayIsLeftBehind(ReplayBus):
    """Reads the history as the reader goes, and skips what is dropped meanwhile."""

    capabilities = _FEW
    subscription = _Paging


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="to count what overran a reader")
class OverrunBehindHistoryIsNotCounted(ReplayBus):
    """Leaves an overrun out of `dropped` while its reader has history to read."""

    def hand(self, member: ReplaySubscription, record: Record[Any]) -> bool:
        before = member.live.dropped
        needs_a_turn = super().hand(member, record)
        if member.past:
            member.live.dropped = before
        return needs_a_turn


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="or CursorExpired, or a gap told")
class FilteredCursorNeverExpires(ReplayBus):
    """Checks whether a cursor has expired only without a filter."""

    capabilities = _FEW

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except CursorExpired:
            if not _is_filtered(member):
                raise
            return [one for one in self.log(member.channel).all() if self.admits(member, one.event)]


@replay_bug(REPLAY_CONTENTS, "RPL-11", seen="to be gone")
class AgeIsNeverApplied(ReplayBus):
    """Never drops events for their age, and claims to."""

    capabilities = replace(CAPABILITIES, replay_s=0.2, replay_events=None)

    def make_log(self) -> ReplayLog[Any]:
        return ReplayLog(None, None)


class _Owning(ReplayBackend):
    async def publish(self, event: Event) -> None:
        """Publishes, and remembers the channel as its own."""
        vars(self).setdefault("own", set()).add(self.bus.channel(event))
        await super().publish(event)

    async def aclose(self) -> None:
        """Closes this client, with the histories that it wrote."""
        if not self.closed:
            for channel in vars(self).get("own", ()):
                self.bus.purge(channel)
        await super().aclose()


@replay_bug(REPLAY_CONTENTS, "RPL-14", seen=_MISSING, client=_Owning)
class HistoryGoesWithItsPublisher(ReplayBus):
    """Keeps the history in the publisher's client, and loses it when that closes."""


class _Hasty(ReplaySubscription):
    async def __anext__(self) -> Any:
        if not self.past:
            return await super().__anext__()
        record = self.past.popleft()
        await asyncio.sleep(0)
        self.cursor = self._bus.cursor(self, record)
        return record.event


@replay_bug(REPLAY_CONTENTS, "RPL-03", seen=_MISSING)
class CancelledReadTakesFromHistory(ReplayBus):
    """Loses an event of the history if its read is cancelled."""

    subscription = _Hasty


@replay_bug(REPLAY_CONTENTS, "RPL-10", seen="to count none")
class HistoryCountsAsDropped(ReplayBus):
    """Counts history beyond the buffer's capacity as `dropped`, though it delivers it."""

    async def join(self, member: ReplaySubscription) -> None:
        await super().join(member)
        member.live.dropped = max(0, len(member.past) - 512)


# Ends


class _Ending(ReplayBus):
    """Calls `ended` at events whose type is taken for an end."""

    ends: tuple[str, ...] = ("workflow.completed", "workflow.failed", "workflow.cancelled")

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        if isinstance(event, FlovynEvent) and event.event_type in self.ends:
            self.ended(f"streams/{event.workflow_execution_id}")
        return crowded

    def ended(self, channel: str) -> None:
        """Reacts to the end of the workflow of a stream."""


@replay_bug(REPLAY_CONTENTS, "RPL-15", seen=_MISSING)
class EndOfATaskPurges(_Ending):
    """Purges a workflow's history at the end of a task."""

    ends = ("task.completed", "task.failed", "task.cancelled")

    def ended(self, channel: str) -> None:
        if channel not in self.members:
            self.purge(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-15", seen=_MISSING)
class EndPurgesAllThatIdle(_Ending):
    """Purges all streams without readers when a workflow ends."""

    def ended(self, channel: str) -> None:
        for other in list(self.logs):
            if other.startswith("streams/") and other not in self.members and other != channel:
                self.purge(other)


@replay_bug(REPLAY_CONTENTS, "RPL-15", seen=_MISSING)
class EndedStreamKeepsNothingMore(_Ending):
    """Stores no events of a stream after its workflow ended, and delivers them live."""

    def __init__(self) -> None:
        super().__init__()
        self.over: set[str] = set()

    def ended(self, channel: str) -> None:
        self.over.add(channel)

    def publish(self, event: Event) -> bool:
        late = self.channel(event) in self.over
        crowded = super().publish(event)
        if late:
            self.log(self.channel(event)).records.pop()
        return crowded
