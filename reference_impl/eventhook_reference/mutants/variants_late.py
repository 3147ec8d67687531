"""Correct buses that are late, lazy or thrifty: each guards a check from accusing what is right."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import Any, Final

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import Event, Member, PliableBus, Side
from eventhook_reference.mutants.variants import Correct, variant

_BATCH: Final = 16
_MOST_MATCHERS: Final = 64
_IDLE_S: Final = 0.1
_CARRYING_S: Final = 20e-6
_TICK_S: Final = 0.001


class SlowToClose(Correct):
    """Takes 50 ms to close, and keeps buffered events readable meanwhile."""

    async def aclose(self) -> None:
        if not self.closed:
            await super().aclose()
            await asyncio.sleep(0.05)


class FreesLate(Correct):
    """Frees the resources of a subscription a quarter of a second after it was left."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        left: list[Member] = self.bus.memory.setdefault("left", [])
        left.append(member)
        asyncio.get_running_loop().call_later(0.25, left.remove, member)


class BatchesBySize(Correct):
    """Sends sixteen events together, or fewer after two milliseconds."""

    def hand(self, member: Member, event: Event) -> None:
        batch: list[tuple[Member, Event]] = self.bus.memory.setdefault("batch", [])
        batch.append((member, event))
        if len(batch) >= _BATCH:
            self.flush()
        elif len(batch) == 1:
            asyncio.get_running_loop().call_later(0.002, self.flush)

    def flush(self) -> None:
        """Delivers what has been collected."""
        batch, self.bus.memory["batch"] = self.bus.memory.get("batch", []), []
        for member, event in batch:
            member.channel.push(event)

    async def aclose(self) -> None:
        self.flush()
        await super().aclose()


class RenewsIdleConnections(Correct):
    """Connects again before it publishes after 100 ms of silence, and loses nothing."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._last = 0.0
        self._turn = asyncio.Lock()

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        async with self._turn:
            now = asyncio.get_running_loop().time()
            idle, self._last = now - self._last > _IDLE_S, now
            if idle:
                await asyncio.sleep(0.003)
            await super().publish(side, event)


class WritesUuidsInCapitals(Correct):
    """Writes the ids of events in upper case on its wire, and reads them as UUIDs."""

    def copy(self, event: Event) -> Event:
        if not isinstance(event, FlovynEvent):
            return event
        text = event.to_json().decode()
        for member in ("id", "tenant_id", "workflow_execution_id", "task_execution_id"):
            value = str(getattr(event, member))
            text = text.replace(f'"{member}":"{value}"', f'"{member}":"{value.upper()}"')
        return type(event).from_json(text) if event.data is None else super().copy(event)


class TakesTurns(Correct):
    """Delivers 50 events a millisecond on a client's connection, one of each subscription in turn.

    What is still on its way when the client closes is gone.
    """

    capabilities = Capabilities(overflow="unbounded", event_capacity=64, stream_capacity=32)

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._under_way: OrderedDict[Member, deque[Event]] = OrderedDict()
        self._until = 0.0

    def make_channel(self, side: Side) -> Channel[Any]:
        return Channel(1 << 40)

    def hand(self, member: Member, event: Event) -> None:
        carrier = member.client
        if isinstance(carrier, TakesTurns):
            carrier.carry(member, event)

    def carry(self, member: Member, event: Event) -> None:
        """Puts an event on its way to a subscription of this client."""
        loop = asyncio.get_running_loop()
        if not self._under_way:
            self._until = loop.time()
            loop.call_later(_TICK_S, self._arrive)
        self._under_way.setdefault(member, deque()).append(event)

    def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        while self._under_way and self._until < loop.time():
            self._until += _CARRYING_S
            member, events = self._under_way.popitem(last=False)
            member.channel.push(events.popleft())
            if events:
                self._under_way[member] = events
        if self._under_way:
            loop.call_later(_TICK_S, self._arrive)

    async def aclose(self) -> None:
        self._under_way.clear()
        await super().aclose()


class _CountsWhenRead(Channel[Any]):
    """Knows what it lost only once it is read again."""

    _counted = 0

    @property
    def dropped(self) -> int:
        return self._counted

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._lost = count

    def push(self, event: Event) -> bool:
        lost = getattr(self, "_lost", 0) + (len(self._events) == self._capacity)
        woken = super().push(event)
        self._lost = lost
        return woken

    async def __anext__(self) -> Any:
        self._counted = getattr(self, "_lost", 0)
        event = await super().__anext__()
        self._counted = getattr(self, "_lost", 0)
        return event


class CountsLossesLazily(Correct):
    """Updates `dropped` with the next read."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        return _CountsWhenRead(capacity)


class CachesMatchers(Correct):
    """Caches the compiled form of the 64 patterns used last."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.tenant_id != event.tenant_id:
            return False
        cache: OrderedDict[EventPattern, EventPattern] = self.bus.memory.setdefault(
            "cache", OrderedDict()
        )
        compiled = cache.setdefault(pattern, pattern)
        cache.move_to_end(pattern)
        if len(cache) > _MOST_MATCHERS:
            cache.popitem(last=False)
        return super().matches(compiled, event)


class RemembersTheLastThousandIds(Correct):
    """Keeps the ids of the last thousand events delivered, to recognise those sent again."""

    capabilities = Capabilities(total_order=True, causal_order=True)

    def hand(self, member: Member, event: Event) -> None:
        recent: OrderedDict[object, None] = self.bus.memory.setdefault("recent", OrderedDict())
        recent[getattr(event, "id", id(event))] = None
        if len(recent) > 1000:
            recent.popitem(last=False)
        super().hand(member, event)


class HoldsTwo(Correct):
    """Holds two unread events for a subscription, and no more."""

    capabilities = Capabilities(
        total_order=True, causal_order=True, event_capacity=2, stream_capacity=2
    )


LATE_VARIANTS: Final[tuple[Mutant, ...]] = (
    variant("slow-to-close", SlowToClose),
    variant("frees-late", FreesLate),
    variant("batches-by-size", BatchesBySize),
    variant("renews-idle-connections", RenewsIdleConnections),
    variant("writes-uuids-in-capitals", WritesUuidsInCapitals),
    variant("counts-losses-lazily", CountsLossesLazily),
    variant("caches-matchers", CachesMatchers),
    variant("remembers-the-last-thousand-ids", RemembersTheLastThousandIds),
    variant("holds-two", HoldsTwo),
    variant("takes-turns", TakesTurns),
)
