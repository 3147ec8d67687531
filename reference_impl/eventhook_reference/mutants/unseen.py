"""Bugs of kinds that nobody had a case for: each was a survivor once."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    ChannelCounts,
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamingError,
    Subscription,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug, bug_on_each_side
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, SidedClient

UNSEEN: list[Mutant] = []

_COLUMN: Final = 255
_STALE_S: Final = 0.25


def _sorted(value: Any) -> Any:
    """Returns the value with each list of texts in order."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return sorted(value)
        return [_sorted(item) for item in value]
    return value


@bug(UNSEEN, "EVT-02", seen="data")
class SortsListsOfTexts(PliableClient):
    """Sorts lists of texts, and removes repeats, as of a set of tags."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, FlovynEvent):
            return msgspec.structs.replace(copied, data=_sorted(copied.data))
        return copied


@bug(UNSEEN, "STR-01", seen="task_execution_id")
class NamesOfTasksAreCut(PliableClient):
    """Cuts a task's name where its column ends."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, StreamEvent):
            name = copied.task_execution_id[:_COLUMN]
            return msgspec.structs.replace(copied, task_execution_id=name)
        return copied


@bug(UNSEEN, "STR-05", seen="payload")
class QuotesArePeeledOff(PliableClient):
    """Removes the quotes around a payload, since it takes it for JSON text."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, StreamEvent) and len(text := copied.payload) > 1:
            peeled = text[1:-1] if text[0] == text[-1] == '"' else text
            return msgspec.structs.replace(copied, payload=peeled)
        return copied


@bug(UNSEEN, "CLN-02", seen="expected only events with")
class CleanupForgetsFilters(PliableClient):
    """Enters the remaining subscriptions again at cleanup, by their tenant alone, without their filters."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        for member in self.bus.members:
            if member.side == "events":
                member.selects = EventPattern.all(member.selects.tenant_id)
        return removed


class _MadeEarly(AbstractAsyncContextManager[Subscription[Any]]):
    """A subscription that is active from its making on."""

    def __init__(self, client: PliableClient, side: Side, selects: Any) -> None:
        self._client = client
        self._member = client.join(side, selects)

    async def __aenter__(self) -> Subscription[Any]:
        return self._member.channel

    async def __aexit__(self, *_: object) -> None:
        self._client.leave(self._member)


@bug(UNSEEN, "PUB-05", "STR-06", seen="nothing published before")
class ListensBeforeItIsEntered(PliableClient):
    """Makes a subscription active with the call of `subscribe`, before entering."""

    def subscription(
        self, side: Side, selects: Any
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        try:
            return _MadeEarly(self, side, selects)
        except StreamingError:
            return super().subscription(side, selects)  # it raises on entering


@bug(UNSEEN, "PUB-17", seen="it was entered")
class EntersWhatWasMadeInTime(PliableClient):
    """Enters a subscription on a closed client if `subscribe` was called before it closed."""

    def subscription(
        self, side: Side, selects: Any
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        return self._entered(side, selects, was_closed=self.closed)

    @asynccontextmanager
    async def _entered(
        self, side: Side, selects: Any, *, was_closed: bool
    ) -> AsyncIterator[Subscription[Any]]:
        if self.closed and not was_closed:
            yield self.make_channel(side)
            return
        async with super().subscription(side, selects) as entered:
            yield entered


@bug(UNSEEN, "CLN-01", seen="tenants to count as channels of events")
class SwapsItsCounts(PliableClient):
    """Swaps the counts of the two sides."""

    async def active_channels(self) -> ChannelCounts:
        counts = await super().active_channels()
        return ChannelCounts(events=counts.streams, streams=counts.events)


@bug(UNSEEN, "CLN-04", seen="two cleanups at once")
class CountsTwiceWhenTwoCleanUp(PliableClient):
    """Counts the channels that another cleanup removed meanwhile."""

    async def cleanup_inactive_channels(self) -> int:
        self.check_open()
        idle = self.idle_channels()
        await asyncio.sleep(0)
        for channel in idle:
            self.bus.channels.pop(channel, None)
        return len(idle)


@bug(UNSEEN, "TEN-01", seen="another tenant")
class TakesBytesInEitherOrder(PliableClient):
    """Compares a tenant's id by its bytes in either of two orders."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted, tenant = pattern.tenant_id, event.tenant_id
        alike = tenant in (wanted, UUID(bytes=wanted.bytes_le))
        return alike and super().matches(msgspec.structs.replace(pattern, tenant_id=tenant), event)


@bug(UNSEEN, "STR-02", seen="expected its own key's only")
class TakesHyphensTogether(PliableClient):
    """Takes several hyphens in a row of a key for one."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events":
            return super().admits(member, event)
        keys = (member.selects, event.workflow_execution_id)
        wanted, key = (re.sub("-+", "-", one) for one in keys)
        return bool(wanted == key)


@bug(UNSEEN, "EVT-12", seen="expected publish to raise InvalidEvent")
class TakesAnyPayload(PliableClient):
    """Accepts a payload of any type."""

    def check(self, side: Side, event: Event) -> None:
        if side == "events" or isinstance(event.payload, str):
            super().check(side, event)


class _Ages(Channel[Any]):
    """Drops its oldest event where that has lain for long, once there is a newer one."""

    _since = 0.0

    def push(self, event: Any) -> bool:
        now = time.monotonic()
        if self._events and now - self._since > _STALE_S:
            self._events.popleft()
        if not self._events:
            self._since = now
        return super().push(event)


@bug_on_each_side(
    UNSEEN,
    events=("PUB-01",),
    streams=("STR-01",),
    seen="which was active and asked for it",
)
class TakesTheUnreadForStale(SidedClient):
    """Evicts an event that lay unread for a quarter of a second for a newer one."""

    def make(self, capacity: int) -> Channel[Any]:
        return _Ages(capacity)


class _ReadsTypes(PliableClient):
    """Reads a meaning into the types of events."""

    def drops(self, event: FlovynEvent, seen: set[object]) -> bool:
        """Returns whether the event has no place in the course that the bus has in mind."""
        raise NotImplementedError

    def audience(self, side: Side, event: Event) -> list[Member]:
        seen: set[object] = self.bus.memory.setdefault("seen", set())
        if side == "events" and self.drops(event, seen):
            return []
        return super().audience(side, event)


@bug(UNSEEN, "PUB-01", seen="which was active and asked for it")
class ForgetsWorkflowsThatCompleted(_ReadsTypes):
    """Frees a workflow's place with its `workflow.completed`, and drops what comes of it later."""

    def drops(self, event: FlovynEvent, seen: set[object]) -> bool:
        of = event.tenant_id, event.workflow_execution_id
        if of in seen:
            return True
        if event.event_type == "workflow.completed" and event.workflow_execution_id:
            seen.add(of)
        return False


@bug(UNSEEN, "PUB-01", seen="which was active and asked for it")
class ForgetsTasksThatFailed(_ReadsTypes):
    """Takes a task that failed for gone, and drops its events until it is created again."""

    def drops(self, event: FlovynEvent, seen: set[object]) -> bool:
        of = event.tenant_id, event.task_execution_id
        if event.event_type == "task.created":
            seen.discard(of)
        elif event.event_type == "task.failed" and event.task_execution_id and of not in seen:
            seen.add(of)
            return False
        return of in seen


@bug(UNSEEN, "PUB-01", seen="which was active and asked for it")
class TellsABeginningOnce(_ReadsTypes):
    """Drops a second `workflow.started` of a workflow, as the repeat of an impatient engine."""

    def drops(self, event: FlovynEvent, seen: set[object]) -> bool:
        of = event.tenant_id, event.workflow_execution_id
        if event.event_type != "workflow.started" or not event.workflow_execution_id:
            return False
        told = of in seen
        seen.add(of)
        return told
