"""Bugs that show only after silence."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, SidedClient

IDLING: list[Mutant] = []

_WAKING_S: Final = 0.02


class _IdlingClient(SidedClient):
    """Knows for how long a subscription has been silent when it is handed an event."""

    limit_s = 0.1

    def enter(self, member: Member) -> None:
        super().enter(member)
        self._touch(member)

    def hand(self, member: Member, event: Event) -> None:
        if member.side != self.bugged:
            super().hand(member, event)
            return
        silent_s = asyncio.get_running_loop().time() - self._heard[member]
        self._touch(member)
        if silent_s < self.limit_s:
            super().hand(member, event)
        else:
            self.hand_after_silence(member, event)

    def hand_after_silence(self, member: Member, event: Event) -> None:
        """Hands over the first event after the silence."""

    @property
    def _heard(self) -> dict[Member, float]:
        heard: dict[Member, float] = self.bus.memory.setdefault("heard", {})
        return heard

    def _touch(self, member: Member) -> None:
        self._heard[member] = asyncio.get_running_loop().time()


@bug_on_each_side(
    IDLING,
    events=["PUB-01"],
    streams=["STR-01"],
    seen="which was active and asked for it",
)
class LosesTheFirstAfterAPause(_IdlingClient):
    """Loses the first event after a pause of 100 ms: it only wakes the reader."""


@bug_on_each_side(
    IDLING,
    events=["PUB-01"],
    streams=["STR-01"],
    seen="which was active and asked for it",
)
class DeafAfterAPause(_IdlingClient):
    """Ends a subscription on the server that was silent for 200 ms, since it takes it for gone."""

    limit_s = 0.2

    def hand_after_silence(self, member: Member, event: Event) -> None:
        self.bus.members.remove(member)


@bug_on_each_side(
    IDLING,
    events=["PUB-02"],
    streams=["STR-06"],
    seen="it was delivered again",
)
class RepeatsAfterAPause(_IdlingClient):
    """Delivers the first event after a pause twice: over the old connection and over a new one."""

    def hand_after_silence(self, member: Member, event: Event) -> None:
        super(SidedClient, self).hand(member, event)
        super(SidedClient, self).hand(member, self.copy(event))


class _Polled(Channel[Any]):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._polling: asyncio.TimerHandle | None = None

    def wake(self) -> bool:
        loop = asyncio.get_running_loop()
        if self._end is not None:
            return super().wake()
        if self._polling is None:
            self._polling = loop.call_later(0.08, self._poll)
        return False

    def _poll(self) -> None:
        self._polling = None
        super().wake()


@bug_on_each_side(IDLING, events=["PUB-19"], streams=["PUB-19"], seen="came later")
class LooksForEventsEveryEightyMs(SidedClient):
    """Looks for events every 80 ms, instead of being woken by them."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Polled(capacity)


@bug_on_each_side(
    IDLING,
    events=["PUB-01"],
    streams=["STR-01"],
    seen="which was active and asked for it",
)
class ForgetsSilentPublishers(SidedClient):
    """Drops a client's next publish after it published nothing for 150 ms, to log in again."""

    async def publish(self, side: Side, event: Event) -> None:
        loop = asyncio.get_running_loop()
        last: dict[object, float] = self.bus.memory.setdefault("published", {})
        silent_s = loop.time() - last.get((self, side), loop.time())
        last[self, side] = loop.time()
        if side == self.bugged and silent_s >= 0.15:
            self.check_open()
            self.check(side, event)
            return
        await super().publish(side, event)


class _ExpiringFilterClient(_IdlingClient):
    """Lets one kind of filter expire while its subscription is silent."""

    filter_expires = "workflow_execution_id"

    def hand(self, member: Member, event: Event) -> None:
        filters = (
            member.side == "events" and getattr(member.selects, self.filter_expires) is not None
        )
        if filters:
            super().hand(member, event)
        else:
            PliableClient.hand(self, member, event)


@bug(IDLING, "PUB-01", seen="which was active and asked for it")
class LetsFiltersExpire(_ExpiringFilterClient):
    """Drops the filter of a workflow's subscription after 100 ms without an event."""


@bug_on_each_side(
    IDLING,
    events=["PUB-01"],
    streams=["STR-01"],
    seen="which was active and asked for it",
)
class WakesUpAfterEntering(SidedClient):
    """Makes a subscription active late on a client that did nothing for 100 ms."""

    waking_s = _WAKING_S

    def enter(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        asked = self.bus.memory.setdefault("asked", {})
        silent_s = now - asked.get(self, now)
        asked[self] = now
        if silent_s > 0.1 and member.side == self.bugged:
            loop.call_later(self.waking_s, super().enter, member)
        else:
            super().enter(member)


@bug(IDLING, "PUB-01", seen="which was active and asked for it")
class LetsTheFilterOfASourceExpire(_ExpiringFilterClient):
    """Loses the first event for a subscription by source that was silent for 150 ms."""

    limit_s = 0.15
    filter_expires = "source"


@bug_on_each_side(
    IDLING,
    events=["PUB-01"],
    streams=["STR-06"],
    seen="which was active and asked for it",
)
class WakesUpOneTurnAfterEntering(WakesUpAfterEntering):
    """Makes a subscription active one turn late on a client that did nothing for 100 ms."""

    waking_s = 0.0
