"""Histories that are right until something comes together that seldom does."""

from __future__ import annotations

from typing import Any, Final

from eventhook_conformance.contract import START, EventPattern
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import ReplayBus, ReplaySubscription
from eventhook_reference.mutants._register_replay import replay_bug
from eventhook_reference.replay_log import Record

REPLAY_SELDOM: Final[list[Mutant]] = []

_CROWD: Final = 3


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
