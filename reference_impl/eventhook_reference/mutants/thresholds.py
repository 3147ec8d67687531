"""Bugs that show only beyond a count: a power of two, a round number, a page."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from typing import Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import (
    Event,
    Member,
    PliableClient,
    Side,
    SidedClient,
)

THRESHOLDS: list[Mutant] = []

_PAGE: Final = 50
_SCOPES: Final = 150
_TYPES: Final = 50
_ROUNDS: Final = 100
_IDLE: Final = 1000
_FORTIETH: Final = 40
_RECENT: Final = 64


class _CountingClient(SidedClient):
    """Counts what each subscription is handed."""

    def hand(self, member: Member, event: Event) -> None:
        if member.side == self.bugged:
            counts: Counter[Member] = self.bus.memory.setdefault("handed", Counter())
            counts[member] += 1
            self.hand_numbered(member, event, counts[member])
        else:
            super().hand(member, event)

    def hand_numbered(self, member: Member, event: Event, number: int) -> None:
        """Hands over the event with that number, counted from 1 for each subscription."""
        super().hand(member, event)


@bug_on_each_side(THRESHOLDS, events=["PUB-02"], streams=["STR-06"], seen="came again")
class RepeatsOneInTwoThousand(_CountingClient):
    """Delivers every 2,048th event twice, since its acknowledgement is lost."""

    def hand_numbered(self, member: Member, event: Event, number: int) -> None:
        super().hand_numbered(member, event, number)
        if number % 2048 == 0:
            member.channel.push(event)


@bug_on_each_side(THRESHOLDS, events=["PUB-01"], streams=["STR-01"], seen="came instead")
class LosesTheEventAfterFourThousand(_CountingClient):
    """Drops event 4,097, since its slot is still marked as used."""

    def hand_numbered(self, member: Member, event: Event, number: int) -> None:
        if number != 4097:
            super().hand_numbered(member, event, number)


@bug_on_each_side(THRESHOLDS, events=["PUB-06"], streams=["STR-06"], seen="came instead")
class SwapsAtAThousandAndTwentyFour(_CountingClient):
    """Sends events in segments of 1,024, and the last of one after the first of the next."""

    def hand_numbered(self, member: Member, event: Event, number: int) -> None:
        held: dict[Member, Event] = self.bus.memory.setdefault("held", {})
        if number % 1024 == 0:
            held[member] = event
            return
        super().hand_numbered(member, event, number)
        if member in held:
            super().hand_numbered(member, held.pop(member), number)


@bug(THRESHOLDS, "PUB-01", seen="came instead")
class KnowsFiftyTypes(PliableClient):
    """Keeps a tenant's event types in a table of 50, and drops events of further types."""

    def hand(self, member: Member, event: Event) -> None:
        if member.side == "events":
            known: set[str] = self.bus.memory.setdefault(str(event.tenant_id), set())
            if len(known) < _TYPES:
                known.add(event.event_type)
            if event.event_type not in known:
                return
        super().hand(member, event)


@bug_on_each_side(
    THRESHOLDS,
    events=["PUB-01"],
    streams=["STR-06"],
    seen="which was active and asked for it",
)
class KeepsAHundredAndFiftyScopes(SidedClient):
    """Keeps the 150 tenants or keys used last, and drops the others with their subscriptions."""

    def use_channel(self, side: Side, scope: object) -> None:
        super().use_channel(side, scope)
        if side != self.bugged:
            return
        kept: OrderedDict[object, None] = self.bus.memory.setdefault("kept", OrderedDict())
        kept[scope] = None
        kept.move_to_end(scope)
        if len(kept) > _SCOPES:
            oldest, _ = kept.popitem(last=False)
            self.bus.members = [
                member
                for member in self.bus.members
                if (member.side, member.scope) != (side, oldest)
            ]


@bug_on_each_side(THRESHOLDS, events=["CLN-01"], streams=["CLN-01"], seen="no more channels after")
class CleansUpInPages(SidedClient):
    """Looks at one page of 50 channels at cleanup, and never asks for the next."""

    def idle_channels(self) -> list[tuple[Side, object]]:
        idle = super().idle_channels()
        page = [channel for channel in idle if channel[0] == self.bugged][:_PAGE]
        return [channel for channel in idle if channel[0] != self.bugged] + page


class _ClosingKeepsAHundred(Channel[Any]):
    def finish(self) -> None:
        while len(self._events) > 100:
            self._events.pop()
        super().finish()


@bug_on_each_side(
    THRESHOLDS,
    events=["PUB-17"],
    streams=["PUB-17"],
    seen="the reader ended without it",
)
class ClosingKeepsAHundred(SidedClient):
    """Keeps at most 100 of a subscription's unread events when its client closes."""

    def make(self, capacity: int) -> Channel[Any]:
        return _ClosingKeepsAHundred(capacity)


@bug_on_each_side(
    THRESHOLDS,
    events=["PUB-04"],
    streams=["STR-06"],
    seen="which was active and asked for it",
)
class ActiveLateAfterAHundred(SidedClient):
    """Makes a subscription active late after 100 subscriptions to its tenant or key."""

    def enter(self, member: Member) -> None:
        if member.side != self.bugged:
            super().enter(member)
            return
        counts: Counter[object] = self.bus.memory.setdefault("entered", Counter())
        counts[member.scope] += 1
        if counts[member.scope] <= _ROUNDS:
            super().enter(member)
        else:
            asyncio.get_running_loop().call_later(0.002, self._enter_late, member)

    def _enter_late(self, member: Member) -> None:
        if member.channel._end is None:  # noqa: SLF001  # because: the bug reaches in
            super().enter(member)


@bug_on_each_side(
    THRESHOLDS,
    events=["PUB-04"],
    streams=["STR-06"],
    seen="which was active and asked for it",
)
class NoRoomAfterAThousandIdle(SidedClient):
    """Delivers nothing on a new channel if there are 1,000 others, idle ones included."""

    def admits(self, member: Member, event: Event) -> bool:
        late: set[object] = self.bus.memory.setdefault("late", set())
        return (member.side, member.scope) not in late and super().admits(member, event)

    def use_channel(self, side: Side, scope: object) -> None:
        known = self.bus.channels
        if side == self.bugged and (side, scope) not in known and len(known) >= _IDLE:
            self.bus.memory.setdefault("late", set()).add((side, scope))
        super().use_channel(side, scope)


@bug_on_each_side(
    THRESHOLDS,
    events=["PUB-04"],
    streams=["STR-06"],
    seen="which was active and asked for it",
)
class FortiethEntryLagsATurn(SidedClient):
    """Makes every fortieth subscription to a tenant or key active one turn after entering returned."""

    def enter(self, member: Member) -> None:
        recent: dict[object, int] = self.bus.memory.setdefault("entries", {})
        count = recent.pop(member.scope, 0) + 1
        recent[member.scope] = count
        if len(recent) > _RECENT:
            del recent[next(iter(recent))]
        if member.side == self.bugged and count % _FORTIETH == 0:
            asyncio.get_running_loop().call_soon(super().enter, member)
        else:
            super().enter(member)
