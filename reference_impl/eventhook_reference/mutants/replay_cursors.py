"""Bugs of cursors: malformed, repeated, misread, or usable by anyone.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

from eventhook_conformance.contract import (
    CursorExpired,
    EventPattern,
    FlovynEvent,
    InvalidCursor,
    StreamEvent,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import ReplayBus, ReplaySubscription
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record

REPLAY_CURSORS: Final[list[Mutant]] = []

_MALFORMED: Final = "a cursor after each read"
_TWICE: Final = "one event for each cursor"


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorIsNever(ReplayBus):
    """Never sets a subscription's cursor."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return None


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorComesFromTheSecondRead(ReplayBus):
    """Sets the cursor of the event before the one just read: the first has none."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        before = vars(member).setdefault("read_before", [])
        before.append(super().cursor(member, record))
        return None if len(before) < 2 else str(before[-2])


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorHoldsABlank(ReplayBus):
    """Uses a cursor with a space, which no header value may rely on."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"{super().cursor(member, record)} 1"


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorHoldsTheEvent(ReplayBus):
    """Puts the whole event into the cursor, which grows beyond any header."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        body = base64.urlsafe_b64encode(record.event.to_json()).decode()
        return f"{super().cursor(member, record)}.{body}"


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorIsNotAscii(ReplayBus):
    """Uses a cursor with characters outside ASCII."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"\u2116{super().cursor(member, record)}"


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_MALFORMED)
class CursorIsANumber(ReplayBus):
    """Uses a number as cursor, not text."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        position: Any = record.position
        return position  # type: ignore[no-any-return]  # because: the bug is the type


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_TWICE)
class CursorIsThePublishersSequence(ReplayBus):
    """Uses a stream event's `sequence` as cursor, which its publisher may repeat."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        if isinstance(record.event, StreamEvent):
            return str(record.event.sequence)
        return super().cursor(member, record)


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_TWICE)
class CursorIsTheTime(ReplayBus):
    """Uses an event's millisecond as cursor, which others share."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(record.event.timestamp_ms // 1000)


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_TWICE)
class CursorWraps(ReplayBus):
    """Keeps the position of a cursor in four bits."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(self.index(member, record) % 16)

    def index(self, member: ReplaySubscription, record: Record[Any]) -> int:
        """Returns the place of a record in its log."""
        records = self.log(member.channel).records
        return next((place for place, one in enumerate(records) if one is record), 0)


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_TWICE)
class CursorIsTheBatch(CursorWraps):
    """Stores events in batches of four, and uses the batch as cursor."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(self.index(member, record) // 4)


@replay_bug(REPLAY_CURSORS, "RPL-01", seen=_TWICE)
class CursorIsTheNewestStored(ReplayBus):
    """Sets the cursor of the newest stored event, not of the one just read."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return self.seal.seal(member.channel, self.log(member.channel).newest)


@replay_bug(REPLAY_CURSORS, "RPL-05", seen="as s1 got it")
class CursorIsFreshEachTime(ReplayBus):
    """Makes a new random cursor each time that one is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases: dict[str, str] = {}

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        alias = secrets.token_hex(8)
        self.aliases[alias] = super().cursor(member, record) or ""
        return alias

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        return super().position(member, self.aliases.get(cursor, cursor))


@replay_bug(REPLAY_CURSORS, "RPL-06", seen="the cursor of #")
class FilterShiftsCursors(ReplayBus):
    """Counts only selected events in the cursor: it means another event under another filter."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(1 + self.matching(member).index(record.position))

    def matching(self, member: ReplaySubscription) -> list[int]:
        """Returns the positions that the subscription asks for."""
        records = self.log(member.channel).records
        return [one.position for one in records if self.admits(member, one.event)]

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        matching = self.matching(member)
        if not cursor.isdecimal() or not 0 < int(cursor) <= len(matching):
            raise InvalidCursor("expected a count of events")
        return matching[int(cursor) - 1]


# Reading them


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="nothing at or before the cursor")
class ResumeRepeatsItsOwnEvent(ReplayBus):
    """Resumes at the cursor, not after it."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        return super().position(member, cursor) - 1


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="which began after a cursor before it")
class ResumeSkipsOne(ReplayBus):
    """Resumes two events after the cursor."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        return records[1:] if isinstance(member.since, str) else records


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="which began after a cursor before it")
class ResumeIsLive(ReplayBus):
    """Ignores a cursor, and begins live."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        return [] if isinstance(member.since, str) else records


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="nothing at or before the cursor")
class ResumeIsStart(ReplayBus):
    """Ignores a cursor, and begins at the start."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        super().position(member, cursor)
        return self.log(member.channel).floor


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="nothing at or before the cursor")
class ResumeGoesBackToABatch(ReplayBus):
    """Resumes at the batch of five events that holds the cursor."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if not isinstance(member.since, str):
            return records
        whole = [one for one in self.log(member.channel).all() if self.admits(member, one.event)]
        begin = len(whole) - len(records)
        return whole[begin - begin % 5 :]


@replay_bug(REPLAY_CURSORS, "RPL-02", seen="#")
class ResumeTakesTheNextOfItsType(ReplayBus):
    """Resumes after the next event of the same type only."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = super().past(member)
        if not isinstance(member.since, str) or not records:
            return records
        kind = records[0].event.event_type
        rest = [one for one in records[2:] if one.event.event_type == kind]
        return [records[0], *rest]


# Foreign cursors


@replay_bug(REPLAY_CURSORS, "RPL-07", seen="got an event of")
class CursorNamesItsChannel(ReplayBus):
    """Reads the channel that the cursor names, whoever brings it."""

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return f"{member.channel}@{record.position}"

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        if not isinstance(member.since, str):
            return super().past(member)
        channel, _, digits = member.since.rpartition("@")
        if not digits.isdecimal() or len(digits) > 20 or channel not in self.logs:
            raise InvalidCursor("expected channel@position")
        records = self.logs[channel].after(int(digits))
        return [
            one for one in records if channel != member.channel or self.admits(member, one.event)
        ]


@replay_bug(REPLAY_CURSORS, "RPL-07", seen="got an event of")
class OneStoreIsReadWithoutItsTenant(ReplayBus):
    """Delivers the event of a foreign cursor first."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except InvalidCursor:
            for channel, log in self.logs.items():
                for record in log.records:
                    if self.seal.seal(channel, record.position) == member.since:
                        return [record]
            raise


@replay_bug(REPLAY_CURSORS, "RPL-07", seen="one answer to a cursor of another channel")
class RefusalTellsWhatIsThere(ReplayBus):
    """Refuses a foreign cursor as invalid if its event exists, else as expired."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        try:
            return super().position(member, cursor)
        except InvalidCursor:
            digits, dash, _ = cursor.partition("-")
            if not dash or len(cursor) < 20 or not all(one in "0123456789abcdef" for one in digits):
                raise
            position = int(digits, 16)
            if any(one.position == position for log in self.logs.values() for one in log.records):
                raise
            raise CursorExpired("that event is gone") from None


# Malformed cursors


class _Lenient(ReplayBus):
    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except InvalidCursor:
            return self.instead(member)

    def instead(self, member: ReplaySubscription) -> list[Record[Any]]:
        """Returns the events for a malformed cursor."""
        return []


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it was entered")
class GarbageIsLive(_Lenient):
    """Begins live at a cursor that cannot be read."""


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it was entered")
class GarbageIsStart(_Lenient):
    """Begins at the start at a cursor that cannot be read."""

    def instead(self, member: ReplaySubscription) -> list[Record[Any]]:
        records = self.log(member.channel).all()
        return [record for record in records if self.admits(member, record.event)]


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it was entered")
class EmptyCursorIsNone(_Lenient):
    """Takes an empty cursor for none."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        if member.since == "":
            return []
        return ReplayBus.past(self, member)


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it was entered")
class NumberBeyondAllIsLive(ReplayBus):
    """Begins live at a cursor that is a number beyond the newest."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        if isinstance(member.since, str) and member.since.isdecimal() and len(member.since) == 40:
            return []
        return super().past(member)


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it raised ValueError")
class GarbageIsACrash(ReplayBus):
    """Raises the parser's error for a cursor that cannot be read."""

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        try:
            return super().position(member, cursor)
        except InvalidCursor:
            return int(cursor, 10) + int("x")


@replay_bug(REPLAY_CURSORS, "RPL-09", seen="it raised")
class GarbageIsAnEmptyHistory(ReplayBus):
    """Refuses a cursor that cannot be read as expired."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except InvalidCursor as error:
            raise CursorExpired(error.message) from error


# The replayed events


@replay_bug(REPLAY_CURSORS, "RPL-06", seen="only events with")
class ReplayForgetsTheFilter(ReplayBus):
    """Replays the history without the pattern's filters."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        selects = member.selects
        if isinstance(selects, EventPattern):
            member.selects = EventPattern.all(selects.tenant_id)
        try:
            return super().past(member)
        finally:
            member.selects = selects


@replay_bug(REPLAY_CURSORS, "RPL-06", seen="only events with event_type_prefix")
class ReplayMatchesByLetters(ReplayBus):
    """Compares prefixes letter by letter in the history, and by tokens live."""

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        selects = member.selects
        if not isinstance(selects, EventPattern) or selects.event_type_prefix is None:
            return super().past(member)
        prefix = selects.event_type_prefix
        member.selects = EventPattern.all(selects.tenant_id)
        try:
            records = super().past(member)
        finally:
            member.selects = selects
        return [
            one
            for one in records
            if isinstance(one.event, FlovynEvent) and one.event.event_type.startswith(prefix)
        ]
