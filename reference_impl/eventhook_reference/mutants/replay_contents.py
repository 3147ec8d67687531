"""Histories that give something else than what was published, or take it from a neighbour.

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
    """The column for payloads holds 4,096 characters, and the rest is cut."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            return msgspec.structs.replace(event, payload=event.payload[:4096])
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="payload")
class HistoryNormalisesTexts(_Stored):
    """The store brings texts into one Unicode form."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            text = unicodedata.normalize("NFC", event.payload)
            return msgspec.structs.replace(event, payload=text)
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen="data")
class HistoryRoundsNumbers(_Stored):
    """Numbers are stored with twelve digits."""

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
    """Types are stored in lower case, to be found by an index."""

    def stored(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, event_type=event.event_type.lower())
        return event


@replay_bug(REPLAY_CONTENTS, "RPL-05", seen=_MISSING)
class HistoryLeavesOutTheLargest(ReplayBus):
    """An event above 64 KiB is delivered live, and never stored."""

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
    """The prefix becomes a LIKE, in which `_` stands for any character."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        prefix = pattern.event_type_prefix
        if prefix is None:
            return super().finds(pattern, event)
        like = re.escape(prefix).replace("_", ".")
        rest = msgspec.structs.replace(pattern, event_type_prefix=None)
        return rest.matches(event) and bool(re.fullmatch(rf"{like}(\..*)?", event.event_type))


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="only events with")
class HistoryIsSearchedInAnyCase(_Refiltered):
    """The store compares sources in either case."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        rest = msgspec.structs.replace(pattern, source=None)
        source = event.source.lower() if pattern.source is None else pattern.source.lower()
        return rest.matches(event) and event.source.lower() == source


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="only events with")
class HistoryUsesOneIndex(_Refiltered):
    """Of several filters the store uses the one that it has an index for."""

    def finds(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.workflow_execution_id is None:
            return super().finds(pattern, event)
        return event.workflow_execution_id == pattern.workflow_execution_id


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen="to succeed")
class CursorMustBeOfTheFilter(ReplayBus):
    """A cursor is looked up among the events that the filter selects, and is invalid elsewhere."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        position = super().position(member, cursor)
        for one in self.log(member.channel).records:
            if one.position == position and not self.admits(member, one.event):
                raise InvalidCursor("expected a cursor of an event that the pattern selects")
        return position


@replay_bug(REPLAY_CONTENTS, "RPL-06", "RPL-10", seen=_MISSING)
class FilterLooksAtTheNewestHundred(ReplayBus):
    """A filtered replay fetches the newest hundred, and selects from these."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if not _is_filtered(member):
            return records
        newest = {one.position for one in list(self.log(member.channel).records)[-100:]}
        return [one for one in records if one.position in newest]


@replay_bug(REPLAY_CONTENTS, "RPL-06", "RPL-10", seen=_MISSING)
class EmptyPageEndsTheHistory(ReplayBus):
    """History is read in pages of fifty; one in which nothing is selected is taken for the end."""

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
    """Live events that come while the history is read are not filtered."""

    def admits(self, member: ReplaySubscription, event: Event) -> bool:
        return bool(member.past) or super().admits(member, event)


@replay_bug(REPLAY_CONTENTS, "RPL-04", seen=_MISSING)
class FilteredLiveWaitsForTheHistory(ReplayBus):
    """A filtered subscription takes live events once its history was read, and none before."""

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
    """The store is scanned for all that begins with the key: `run-1` finds `run-10` too."""

    def covers(self, channel: str, other: str) -> bool:
        return other.startswith(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-07", seen="got an event of")
class KeysAreStoredInOneCase(_Scanning):
    """The store compares keys in either case."""

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
    """A purge deletes all that begins with the key."""

    def goes_too(self, channel: str, other: str) -> bool:
        return other.startswith(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-06", seen=_MISSING)
class PurgeTakesBothSides(_Purging):
    """A purge deletes by the id alone: a tenant's events, and the stream of the same name."""

    def goes_too(self, channel: str, other: str) -> bool:
        return other.partition("/")[2] == channel.partition("/")[2]


@replay_bug(REPLAY_CONTENTS, "RPL-02", seen="which the claimed history reaches")
class PurgedChannelTakesNoCursor(ReplayBus):
    """Once a channel was purged, its cursors are expired, those that it gives later too."""

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
    """The histories of thirty tenants and a hundred keys are kept; the one made first goes."""

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
    """The cursor is the key and a position: too long where the key is."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"{member.channel}:{super().cursor(member, record)}"

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        channel, _, rest = cursor.rpartition(":")
        if channel != member.channel:
            raise InvalidCursor("expected a cursor of this channel")
        return super().position(member, rest)


@replay_bug(REPLAY_CONTENTS, "RPL-01", seen="to succeed")
class CursorIsSplitInTheKey(ReplayBus):
    """The cursor is key and position with a `_` between, where a key may have one too."""

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
    """Reading begins by forgetting the cursor: a read that is cancelled leaves none."""

    subscription = _Forgetful


@replay_bug(REPLAY_CONTENTS, "RPL-09", seen="it was entered")
class CursorIsTrimmed(ReplayBus):
    """Blanks and line ends around a cursor are trimmed."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        since = member.since
        if not isinstance(since, str):
            return super().past(member)
        records = self.log(member.channel).after(self.position(member, since.strip()))
        return [one for one in records if self.admits(member, one.event)]


@replay_bug(REPLAY_CONTENTS, "RPL-09", seen="channels after subscriptions that were refused")
class RefusedReaderStaysSubscribed(ReplayBus):
    """A subscription is entered into its channel before its cursor is read, and stays there."""

    async def join(self, member: ReplaySubscription) -> None:
        self.members.setdefault(member.channel, {})[member] = None
        await super().join(member)


# What is gone


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
    """A cursor whose next event alone is gone is still accepted."""

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
    """History is read as the reader goes: what is pushed out meanwhile is skipped."""

    capabilities = _FEW
    subscription = _Paging


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="to count what overran a reader")
class OverrunBehindHistoryIsNotCounted(ReplayBus):
    """As long as a reader has history to read, `dropped` leaves out what overran its buffer."""

    def hand(self, member: ReplaySubscription, record: Record[Any]) -> bool:
        before = member.live.dropped
        needs_a_turn = super().hand(member, record)
        if member.past:
            member.live.dropped = before
        return needs_a_turn


@replay_bug(REPLAY_CONTENTS, "RPL-08", seen="or CursorExpired, or a gap told")
class FilteredCursorNeverExpires(ReplayBus):
    """Only a subscription to all checks whether its cursor is still in the history."""

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
    """The age is claimed, and nothing ever drops what is older."""

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
    """The history is kept by the client that published, and is gone when it closes."""


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
    """A read takes its event out of the page, then waits a turn: a cancelled one loses it."""

    subscription = _Hasty


@replay_bug(REPLAY_CONTENTS, "RPL-10", seen="to count none")
class HistoryCountsAsDropped(ReplayBus):
    """Of a history longer than the buffer, the rest counts as dropped, though it comes."""

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
    """The end of a task is taken for the end of its workflow."""

    ends = ("task.completed", "task.failed", "task.cancelled")

    def ended(self, channel: str) -> None:
        if channel not in self.members:
            self.purge(channel)


@replay_bug(REPLAY_CONTENTS, "RPL-15", seen=_MISSING)
class EndPurgesAllThatIdle(_Ending):
    """When a workflow ends, the streams that nobody reads are purged, whosever they are."""

    def ended(self, channel: str) -> None:
        for other in list(self.logs):
            if other.startswith("streams/") and other not in self.members and other != channel:
                self.purge(other)


@replay_bug(REPLAY_CONTENTS, "RPL-15", seen=_MISSING)
class EndedStreamKeepsNothingMore(_Ending):
    """Events published to a stream after the end of its workflow are delivered, and not stored."""

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
