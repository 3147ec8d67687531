"""Correct histories of other makes: none of them may be accused of anything."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from eventhook_conformance.contract import (
    LIVE,
    CursorExpired,
    FlovynEvent,
    InvalidCursor,
    Unsupported,
    check_cursor,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import (
    CAPABILITIES,
    Event,
    ReplayBackend,
    ReplayBus,
    ReplaySubscription,
    replay_target,
)
from eventhook_reference.mutants._register_replay import kebab
from eventhook_reference.replay_log import Record, ReplayLog

_SMALL: Final = replace(CAPABILITIES, replay_events=64)
"""A history that is full in a breath."""


class ReplayWithGaps(ReplayBus):
    """Uses positions in one store for all channels as cursors: they rise with gaps."""

    capabilities = _SMALL

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(record.position)

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        if check_cursor(cursor) or not cursor.isdecimal():
            raise InvalidCursor("cursor: expected a position")
        position = int(cursor)
        if position > max((log.newest for log in self.logs.values()), default=0):
            raise InvalidCursor("cursor: expected a position that was given")
        return position


class ReplayByUuid(ReplayBus):
    """Uses UUIDs made from bus, channel and position as cursors."""

    capabilities = replace(_SMALL, event_capacity=8, stream_capacity=8)

    def __init__(self) -> None:
        super().__init__()
        self.namespace = uuid4()
        self.gone: dict[str, set[str]] = {}

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return self.name(member.channel, record.position)

    def name(self, channel: str, position: int) -> str:
        """Returns the UUID of a position."""
        return str(uuid5(self.namespace, f"{channel}/{position}"))

    def publish(self, event: Event) -> bool:
        channel = self.channel(event)
        before = list(self.log(channel).records)
        crowded = super().publish(event)
        kept = {one.position for one in self.log(channel).records}
        names = {self.name(channel, one.position) for one in before if one.position not in kept}
        self.gone.setdefault(channel, set()).update(names)
        return crowded

    def purge(self, channel: str) -> None:
        names = {self.name(channel, one.position) for one in self.log(channel).records}
        self.gone.setdefault(channel, set()).update(names)
        super().purge(channel)

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        for record in self.log(member.channel).records:
            if self.name(member.channel, record.position) == cursor:
                return record.position
        if cursor in self.gone.get(member.channel, ()):
            raise CursorExpired("the event of the cursor is gone")
        raise InvalidCursor("cursor: expected a UUID that was given", value=cursor)


class ReplayEncrypted(ReplayBus):
    """Uses encrypted cursors of one length, the same for the same position."""

    capabilities = _SMALL

    def __init__(self) -> None:
        super().__init__()
        self.key = uuid4().int

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        plain = UUID(int=(record.position << 64) | (hash(member.channel) & (2**64 - 1)))
        return UUID(int=plain.int ^ self.key).hex

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        if check_cursor(cursor) or len(cursor) != 32:
            raise InvalidCursor("cursor: expected 32 hexadecimal digits")
        try:
            plain = int(cursor, 16) ^ self.key
        except ValueError as error:
            raise InvalidCursor("cursor: expected 32 hexadecimal digits") from error
        if plain & (2**64 - 1) != hash(member.channel) & (2**64 - 1):
            raise InvalidCursor("cursor: expected one of this channel")
        return plain >> 64


class ReplayPerTenant(ReplayBus):
    """Numbers the events of each channel from one, and uses the number as cursor."""

    capabilities = replace(_SMALL, replay_events=100)

    def make_log(self) -> ReplayLog[Any]:
        return _Numbered(self.capabilities.replay_events, None)

    def cursor(self, member: ReplaySubscription, record: Record[Any]) -> str | None:
        return str(record.position)

    def position(self, member: ReplaySubscription, cursor: str) -> int:
        newest = self.log(member.channel).newest
        if check_cursor(cursor) or not cursor.isdecimal() or int(cursor) > newest:
            raise InvalidCursor(f"cursor: expected a number up to {newest}")
        return int(cursor)


class _Numbered(ReplayLog[Any]):
    def __init__(self, limit_events: int | None, limit_s: float | None) -> None:
        super().__init__(limit_events, limit_s)
        self.newest = self.floor = 0

    def append(self, event: Any) -> Record[Any]:
        self.newest += 1
        record = Record(self.newest, 0.0, event)
        self.records.append(record)
        self.trim()
        return record


class ReplayKeepingLogs(ReplayBackend):
    """A client whose cleanup keeps every history, for buses that number from one."""

    async def cleanup_inactive_channels(self) -> int:
        """Removes none."""
        self.check_open()
        return 0


class ReplayOfAMoment(ReplayBus):
    """Drops history by a short age alone, and says when it has."""

    capabilities = replace(CAPABILITIES, replay_events=None, replay_s=3.0)


class ReplayThatFreesEarly(ReplayBus):
    """Drops half of a full history at once, and claims only what is always there."""

    capabilities = _SMALL

    def make_log(self) -> ReplayLog[Any]:
        return _FreesHalf(128, None)


class _FreesHalf(ReplayLog[Any]):
    def trim(self) -> None:
        if len(self.records) > 128:
            while len(self.records) > 64:
                self.floor = self.records.popleft().position


class ReplayThatTellsItsGap(ReplayBus):
    """Begins at the oldest event at an expired cursor, and counts the gap as `dropped` at once."""

    capabilities = _SMALL

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        try:
            return super().past(member)
        except CursorExpired:
            member.live.dropped = 1
            records = self.log(member.channel).all()
            return [record for record in records if self.admits(member, record.event)]


class ReplayByDefault(ReplayBus):
    """Begins at the start unless the subscription says otherwise, and offers live too."""

    capabilities = replace(_SMALL, replay_default="start")


class ReplayFromStartAlone(ReplayBus):
    """Begins at the start or after a cursor, and does not offer live."""

    capabilities = replace(_SMALL, replay_default="start")

    async def join(self, member: ReplaySubscription) -> None:
        if member.since is LIVE:
            raise Unsupported("expected START or a cursor: every reader gets everything")
        await super().join(member)


class ReplayOfStreamsAlone(ReplayBus):
    """Keeps a history of streams only."""

    capabilities = replace(_SMALL, replay=frozenset({"streams"}))

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        if isinstance(event, FlovynEvent):
            del self.logs[self.channel(event)]
        return crowded

    def past(self, member: ReplaySubscription) -> list[Record[Any]]:
        if member.channel.startswith("events/") and member.since is not LIVE:
            raise Unsupported("expected since=LIVE: events have no history")
        return super().past(member)


class ReplayServerLike(ReplayBus):
    """Keeps an hour in memory, begins at the start by default, and purges soon after the workflow ends."""

    capabilities = replace(
        _SMALL,
        replay_default="start",
        replay_s=3600.0,
        replay_grace_s=0.5,
        replay_survives="client",
    )

    def publish(self, event: Event) -> bool:
        crowded = super().publish(event)
        ends = ("workflow.completed", "workflow.failed", "workflow.cancelled")
        if isinstance(event, FlovynEvent) and event.event_type in ends:
            channel = f"streams/{event.workflow_execution_id}"
            # A little later than claimed, as a timer is.
            delay_s = self.capabilities.replay_grace_s * 1.1
            asyncio.get_running_loop().call_later(delay_s, self.purge, channel)
        return crowded


def _variant(bus: type[ReplayBus], client: type[ReplayBackend] = ReplayBackend) -> Mutant:
    name = kebab(bus.__name__)
    return Mutant(
        name=name,
        bug=(bus.__doc__ or "").strip().splitlines()[0],
        caught_by=(),
        seen="",
        target=partial(replay_target, name, bus, client),
    )


REPLAY_VARIANTS: Final = (
    _variant(ReplayWithGaps),
    _variant(ReplayByUuid),
    _variant(ReplayEncrypted),
    _variant(ReplayPerTenant, ReplayKeepingLogs),
    _variant(ReplayOfAMoment),
    _variant(ReplayThatFreesEarly),
    _variant(ReplayThatTellsItsGap),
    _variant(ReplayByDefault),
    _variant(ReplayFromStartAlone),
    _variant(ReplayOfStreamsAlone),
    _variant(ReplayServerLike),
)
