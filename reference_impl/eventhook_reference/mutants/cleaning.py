"""Bugs of cleanup and of counting channels.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from eventhook_conformance.contract import ChannelCounts, Subscription, Unsupported
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

CLEANING: list[Mutant] = []


def _clear(member: Member) -> None:
    member.channel._events.clear()  # noqa: SLF001  # because: the bug reaches in


@bug(CLEANING, "CLN-01", seen="no more channels after")
class ForgetsTheStreams(PliableClient):
    """Cleans up the channels of tenants, and forgets those of streams."""

    def idle_channels(self) -> list[tuple[Side, object]]:
        return [channel for channel in super().idle_channels() if channel[0] == "events"]


@bug(CLEANING, "CLN-01", seen="how many it removed")
class AnswersWhatItLookedAt(PliableClient):
    """Returns from cleanup the number of channels that it looked at, not that it removed."""

    async def cleanup_inactive_channels(self) -> int:
        looked_at = len(self.bus.channels)
        await super().cleanup_inactive_channels()
        return looked_at


@bug(CLEANING, "CLN-01", seen="no more channels after")
class SkipsWhileRemoving(PliableClient):
    """Removes channels from the list that it iterates over, and so leaves every other one."""

    def idle_channels(self) -> list[tuple[Side, object]]:
        return super().idle_channels()[::2]


@bug(CLEANING, "CLN-01", seen="another client was closed")
class ClosedClientsStay(PliableClient):
    """Counts the subscriptions of a closed client as active."""

    async def aclose(self) -> None:
        if self.closed:
            return
        used = [channel for channel, users in self.bus.channels.items() if self in users]
        await super().aclose()
        held: set[tuple[Side, object]] = self.bus.memory.setdefault("held", set())
        held.update(used)
        for channel in used:
            self.bus.channels.setdefault(channel, set())

    def idle_channels(self) -> list[tuple[Side, object]]:
        held = self.bus.memory.get("held", ())
        return [channel for channel in super().idle_channels() if channel not in held]


@bug(CLEANING, "CLN-02", seen="nothing of it within")
class SeesOnlyItsOwn(PliableClient):
    """Removes the subscriptions of other clients at cleanup, unless its own client shares their channel."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        own = {(member.side, member.scope) for member in self.bus.members if member.client is self}
        self.bus.members = [m for m in self.bus.members if (m.side, m.scope) in own]
        return removed


@bug(CLEANING, "CLN-02", seen="came instead")
class TakesUnreadForStale(PliableClient):
    """Empties the buffer of a subscription at cleanup if nobody reads it at that moment."""

    async def cleanup_inactive_channels(self) -> int:
        for member in self.bus.members:
            if member.channel._wakeup is None:  # noqa: SLF001  # because: the bug reaches in
                _clear(member)
        return await super().cleanup_inactive_channels()


@bug(CLEANING, "CLN-02", seen="nothing of it within")
class TakesTheSilentForIdle(PliableClient):
    """Takes a channel for idle that has carried nothing yet, though it has a subscription."""

    async def cleanup_inactive_channels(self) -> int:
        carried = self.bus.memory.get("carried", set())
        self.bus.members = [m for m in self.bus.members if m.scope in carried]
        return await super().cleanup_inactive_channels()

    def hand(self, member: Member, event: Event) -> None:
        self.bus.memory.setdefault("carried", set()).add(member.scope)
        super().hand(member, event)


@bug(CLEANING, "CLN-03", seen="publishing to nobody")
class NeverSubscribedStays(PliableClient):
    """Never cleans up a channel that never had a subscription."""

    def enter(self, member: Member) -> None:
        self.bus.memory.setdefault("subscribed", set()).add((member.side, member.scope))
        super().enter(member)

    def idle_channels(self) -> list[tuple[Side, object]]:
        subscribed = self.bus.memory.get("subscribed", ())
        return [channel for channel in super().idle_channels() if channel in subscribed]


@bug(CLEANING, "CLN-04", seen="a second cleanup to answer 0")
class AnswersTheTotalSoFar(PliableClient):
    """Returns from cleanup the number of channels removed since the start."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        self.bus.memory["removed"] = self.bus.memory.get("removed", 0) + removed
        return int(self.bus.memory["removed"])


@bug(CLEANING, "CLN-04", seen="the same channels after it")
class SparesTheRecent(PliableClient):
    """Spares a channel that was used since the last cleanup, and removes it only at the next one."""

    async def cleanup_inactive_channels(self) -> int:
        self.check_open()
        seen: set[tuple[Side, object]] = self.bus.memory.setdefault("seen", set())
        idle = self.idle_channels()
        gone = [channel for channel in idle if channel in seen]
        for channel in gone:
            del self.bus.channels[channel]
        seen.clear()
        seen.update(idle)
        return len(gone)


@bug(CLEANING, "CLN-05", seen="nothing of it within")
class KeepsTheOldSender(PliableClient):
    """Publishes into the removed channel after a cleanup, on a client that published before it."""

    async def publish(self, side: Side, event: Event) -> None:
        channel = (side, self.scope(side, event))
        epoch = self.epochs.get(channel, 0)
        if self.senders.setdefault((self, channel), epoch) == epoch:
            await super().publish(side, event)

    async def cleanup_inactive_channels(self) -> int:
        for channel in self.idle_channels():
            self.epochs[channel] = self.epochs.get(channel, 0) + 1
        return await super().cleanup_inactive_channels()

    @property
    def epochs(self) -> dict[tuple[Side, object], int]:
        """The number of times that each channel was made anew."""
        found: dict[tuple[Side, object], int] = self.bus.memory.setdefault("epochs", {})
        return found

    @property
    def senders(self) -> dict[Any, int]:
        """Into which of them each client sends."""
        found: dict[Any, int] = self.bus.memory.setdefault("senders", {})
        return found


@bug(CLEANING, "CLN-05", seen="it raised")
class RefusesTheCleanedUp(PliableClient):
    """Refuses subscriptions to a key that was cleaned up."""

    async def cleanup_inactive_channels(self) -> int:
        self.bus.memory.setdefault("deleted", set()).update(self.idle_channels())
        return await super().cleanup_inactive_channels()

    def enter(self, member: Member) -> None:
        deleted = self.bus.memory.get("deleted", ())
        if member.side == "streams" and (member.side, member.scope) in deleted:
            raise KeyError(member.scope)
        super().enter(member)


@bug(CLEANING, "CLN-06", seen="1,000 rounds")
class FailedConsumersStay(PliableClient):
    """Does not deregister the subscription of a consumer that raises."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        member = self.join(side, selects)
        try:
            yield member.channel
        except Exception:  # because: the bug is in what a consumer raises
            member.channel.leave()
            raise
        except BaseException:  # because: all else ends it in order
            self.leave(member)
            raise
        self.leave(member)


@bug(CLEANING, "CLN-06", seen="1,000 rounds")
class CancelledConsumersStay(PliableClient):
    """Does not deregister the subscription of a consumer that is cancelled."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        member = self.join(side, selects)
        try:
            yield member.channel
        except asyncio.CancelledError:
            member.channel.leave()
            raise
        except BaseException:  # because: all else ends it in order
            self.leave(member)
            raise
        self.leave(member)


@bug(CLEANING, "CLN-06", seen="1,000 rounds")
class ForgetsOneInAHundred(PliableClient):
    """Fails to deregister every hundredth subscription that leaves, since the registry is locked."""

    def leave(self, member: Member) -> None:
        left = self.bus.memory["left"] = self.bus.memory.get("left", 0) + 1
        if left % 100:
            super().leave(member)
        else:
            member.channel.leave()


@bug(CLEANING, "CLN-07", seen="came instead")
class SweepsTheNeighbours(PliableClient):
    """Loses the unread events of all when it removes one tenant's channel."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        if removed:
            for member in self.bus.members:
                _clear(member)
        return removed


@bug(CLEANING, "CLN-07", seen="came instead")
class StopsTrafficMeanwhile(PliableClient):
    """Drops the events that are published while an idle channel is removed."""

    async def cleanup_inactive_channels(self) -> int:
        self.bus.memory["sweeping"] = bool(self.idle_channels())
        await self.pause()
        self.bus.memory["sweeping"] = False
        return await super().cleanup_inactive_channels()

    def hand(self, member: Member, event: Event) -> None:
        if not self.bus.memory.get("sweeping"):
            super().hand(member, event)


@bug(CLEANING, "CLN-08", seen="nothing of it within")
class ChecksThenRemoves(PliableClient):
    """Removes a channel that a subscription entered between the check and the removal."""

    async def cleanup_inactive_channels(self) -> int:
        self.check_open()
        idle = self.idle_channels()
        await self.pause()
        for channel in idle:
            self.bus.channels.pop(channel, None)
        self.bus.members = [m for m in self.bus.members if (m.side, m.scope) not in idle]
        return len(idle)


@bug(CLEANING, "CLN-08", seen="nothing of it within")
class EntersARemovedChannel(PliableClient):
    """Enters a channel that was removed while entering waited."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        self.check_open()
        self.check_selects(side, selects)
        member = Member(self, side, selects, self.make_channel(side))
        self.use_channel(side, member.scope)
        users = self.bus.channels[side, member.scope]
        await self.pause()
        if self.bus.channels.get((side, member.scope)) is users:
            self.enter(member)
        try:
            yield member.channel
        finally:
            self.leave(member)


@bug(CLEANING, "CLN-09", seen="it returned 0")
class CleansWithoutClaiming(PliableClient):
    """Returns 0 from a cleanup that it does not offer, instead of raising."""

    capabilities = replace(PliableClient.capabilities, introspection=False)

    async def cleanup_inactive_channels(self) -> int:
        return 0

    async def active_channels(self) -> ChannelCounts:
        raise Unsupported("nobody counts the channels; claim introspection=False")


@bug(CLEANING, "CLN-09", seen="it returned ChannelCounts")
class CountsWithoutClaiming(PliableClient):
    """Returns counts of 0 that it does not offer, instead of raising."""

    capabilities = replace(PliableClient.capabilities, introspection=False)

    async def active_channels(self) -> ChannelCounts:
        return ChannelCounts(events=0, streams=0)

    async def cleanup_inactive_channels(self) -> int:
        raise Unsupported("nothing is ever cleaned up; claim introspection=False")


@bug(CLEANING, "CLN-04", seen="two cleanups at once to answer")
class CountsStreamsOfBothCleanups(PliableClient):
    """Counts idle streams that a concurrent cleanup removed."""

    async def cleanup_inactive_channels(self) -> int:
        listed = [channel for channel in self.idle_channels() if channel[0] == "streams"]
        await asyncio.sleep(0)
        gone = len([channel for channel in listed if channel not in self.bus.channels])
        return await super().cleanup_inactive_channels() + gone
