"""Plays wide operations: many tenants and readers, overruns, refusals, values of any size.

Most of them act on fresh tenants and keys, beside all that the program has open.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

from eventhook_conformance.contract import BusClosed, EventPattern, InvalidEvent, InvalidPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Client, Listener, Probe, Via
from eventhook_conformance.programs.overrun import overrun
from eventhook_conformance.programs.scope import Scope
from eventhook_conformance.programs.steps import Step
from eventhook_conformance.programs.values import draw_text, draw_value

_CROWDS: Final = (3, 12, 40, 130)
_ROWS: Final = (10, 70, 140)
_RUNS: Final = (70, 260, 1100)
_IDLE_S: Final = (0.02, 0.12, 0.27)
_CHUNK: Final = 100
_ROUND_TRIPS: Final = 2
_SPARE: Final = 16
"""A capacity from which a few events and their fences never overrun a buffer."""

_BAD_DATA: Final = (math.nan, {"x": [math.inf]}, {1: "one"}, {"when": {1, 2}})
_BAD_TYPES: Final = ("task", "task..created", "task.*", ".task.created", "task.crea ted", "task.>")
_BAD_PREFIXES: Final = ("", "task.", ".task", "task..created", "*", "task.>")
_BAD_KEYS: Final = ("", "*", ">", "a.b", "a b", "é")
_BAD_TYPES_LONG: Final = "a." + "b" * 254


class Breadth:
    """Plays the wide operations of one program.

    Args:
        probe: the program's.
        via: returns the client that a number picks.
    """

    def __init__(self, probe: Probe, via: Callable[[int], Via]) -> None:
        self._probe = probe
        self._via = via
        claimed = probe.capabilities
        self._capacity = min(claimed.event_capacity, claimed.stream_capacity)
        self._streams = "streams" in claimed.profiles
        self._crowd = max(1, min(_CROWDS[-1], claimed.max_subscriptions // 4))
        """The most subscriptions that a crowd may have."""

    def operation(self, step: Step) -> Callable[..., Awaitable[None]]:
        """Returns the method that plays a step."""
        played: Callable[..., Awaitable[None]] = getattr(self, step[0].replace("-", "_"))
        return played

    def _scope(self, side: int) -> Scope:
        return Scope(self._probe, "streams" if side % 2 and self._streams else "events")

    # Values

    async def same_again(self, client: int, side: int, count: int) -> None:
        """Publishes events that are equal but for their ids, or stream events but for their times."""
        scope = self._scope(side)
        listener = await self._reader(scope, client)
        events = scope.alike(min(count + 2, self._capacity))
        await self._probe.burst([events], via=self._via(client))
        await self._get(listener, events)

    async def value(self, client: int, side: int, number: int) -> None:
        """Publishes an event with any value or payload, source and correlation id."""
        scope, random = self._scope(side), Random(number)
        if scope.side == "streams":
            event: Event = scope.event(draw_text(random))
        else:
            event = self._probe.make.event(
                scope.tenant,
                data=draw_value(random),
                source=draw_text(random),
                correlation_id=draw_text(random),
            )
        if not self._probe.make.carries(event):
            event = scope.event()
        listener = await self._reader(scope, client)
        await self._probe.publish(event, via=self._via(client))
        await self._get(listener, [event])

    async def size(self, client: int, side: int, power: int, beside: int) -> None:
        """Publishes one event whose text has about so many bytes."""
        scope = self._scope(side)
        length = max(0, (1 << power % 18) - 1 + beside % 3)
        text = ("é" if power % 5 == 4 else "x") * (length // (2 if power % 5 == 4 else 1))
        event = scope.event(text)
        if len(event.to_json()) > min(self._probe.capabilities.max_event_bytes, 1 << 16):
            event = scope.event("x" * min(255, self._probe.make.spare_bytes))
        listener = await self._reader(scope, client)
        await self._probe.publish(event, via=self._via(client))
        await self._get(listener, [event])

    async def reuse(self, client: int, _tenant: int) -> None:
        """Changes a published event, and the copy that one of two readers got."""
        if self._capacity < _SPARE:
            return
        probe = self._probe
        tenant = probe.make.tenant()
        first, second = [await probe.subscribe(EventPattern.all(tenant)) for _ in range(2)]
        await probe.reach(first, second, via=self._via(client))
        event = probe.make.event(tenant, data={"list": [1], "deep": {"a": "b"}})
        await probe.publish(event, via=self._via(client))
        if probe.capabilities.in_process:
            _scribble(event.data)
        await probe.fence(first)
        if probe.capabilities.in_process:
            for delivery in first.entry.deliveries:
                handed = delivery.event if delivery.handed is None else delivery.handed
                # The history keeps a copy from before the change.
                delivery.event = copy.deepcopy(delivery.event)
                _scribble(getattr(handed, "data", None))
        await probe.fence(second)
        await _leave(first, second)

    async def ahead(self, client: int, side: int) -> None:
        """Calls `subscribe`, publishes, and enters only then."""
        scope = self._scope(side)
        listener = await self._probe.listener(scope.all, self._via(client))
        listener.make_ahead()
        await self._probe.publish(scope.event(), via=self._via(client))
        await self._probe.returns(listener.enter(), "entering what was made before")
        await self._probe.publish(event := scope.event(), via=self._via(client))
        await self._get(listener, [event])

    # Refusals

    async def refuse_value(self, client: int, side: int, which: int) -> None:
        """Publishes an event that must be refused, beside a reader of the tenant or key."""
        scope = self._scope(side)
        listener = await self._reader(scope, client)
        charge = "EVT-05"
        if scope.side == "streams":
            event: Event = self._probe.make.stream_event(_BAD_KEYS[which % len(_BAD_KEYS)])
            charge = "STR-08"
        elif which % 2:
            charge = "EVT-12"
            event = self._probe.make.event(scope.tenant, data=_BAD_DATA[which // 2 % 4])
        else:
            names = (*_BAD_TYPES[:5], _BAD_TYPES_LONG)
            event = self._probe.make.event(scope.tenant, names[which // 2 % 6])
        await self._refused(event, InvalidEvent, charge, self._via(client))
        await self._probe.publish(good := scope.event(), via=self._via(client))
        await self._get(listener, [good])

    async def _refused(self, event: Event, error: type[Exception], charge: str, via: Via) -> None:
        entry = await self._probe.returns(self._probe.attempt(event, via), "a refused publish")
        if error.__name__ not in entry.raised:
            seen = f"it raised {entry.error}" if entry.error else "it was accepted"
            self._probe.found(f"publish to raise {error.__name__}", seen, entry, charge=(charge,))

    async def refuse_pattern(self, client: int, side: int, which: int) -> None:
        """Subscribes with a selection that must be refused."""
        scope = self._scope(side)
        streams = scope.side == "streams"
        selects: EventPattern | str = _BAD_KEYS[which % len(_BAD_KEYS)]
        if not streams:
            selects = EventPattern(
                tenant_id=scope.tenant, event_type_prefix=_BAD_PREFIXES[which % len(_BAD_PREFIXES)]
            )
        await self._no_entry(
            selects, InvalidPattern, "STR-08" if streams else "PAT-10", self._via(client)
        )

    async def _no_entry(
        self, selects: EventPattern | str, error: type[Exception], charge: str, via: Via
    ) -> None:
        listener = await self._probe.listener(selects, via)
        expected = f"entering to raise {error.__name__}"
        try:
            await listener.enter()
        except error:
            return
        except Exception as raised:  # because: whatever the target raises is a finding
            seen = f"it raised {type(raised).__name__}"
            self._probe.found(expected, seen, listener.entry, charge=(charge,))
        else:
            self._probe.found(expected, "it was entered", listener.entry, charge=(charge,))
            await listener.leave()

    # Many

    async def crowd(self, client: int, side: int, size: int) -> None:
        """Subscribes to many tenants or keys at once, publishes to each, and leaves them."""
        count = min(_CROWDS[size % len(_CROWDS)], self._crowd)
        self._crowd -= count
        scopes = [self._scope(side) for _ in range(count)]
        listeners = await self._probe.at_once(*(self._probe.subscribe(one.all) for one in scopes))
        await self._probe.at_once(
            *(self._probe.reach(one, via=self._via(client)) for one in listeners)
        )
        events = [[one.event()] for one in scopes]
        await self._probe.burst(events, via=self._via(client))
        await self._probe.at_once(
            *(self._get(one, its) for one, its in zip(listeners, events, strict=True))
        )
        self._crowd += count

    async def rows(self, client: int, side: int, size: int) -> None:
        """Enters and leaves one subscription after another."""
        scope = self._scope(side)
        for _ in range(self._probe.distance.fit(_ROWS[size % len(_ROWS)], least=4, trips=4)):
            listener = await self._probe.subscribe(scope.all, self._via(client))
            await self._probe.publish(event := scope.event(), via=self._via(client))
            await self._get(listener, [event])

    async def run(self, client: int, side: int, size: int) -> None:
        """Publishes many events to one subscription, which is read meanwhile."""
        scope = self._scope(side)
        listener = await self._reader(scope, client)
        chunk = max(1, min(_CHUNK, self._capacity // 2))
        left = self._probe.distance.fit(_RUNS[size % len(_RUNS)], least=_RUNS[0])
        while left > 0:
            events = scope.events(min(chunk, left))
            left -= len(events)
            await self._probe.burst([events[::2], events[1::2]], via=self._via(client))
            await listener.receive(*events)
        await _leave(listener)

    async def idle(self, how_long: int) -> None:
        """Waits for a time in which nothing happens."""
        await asyncio.sleep(_IDLE_S[how_long % len(_IDLE_S)])

    async def overrun(self, client: int, side: int, beside: int) -> None:
        """Publishes past the capacity of one reader, beside another that keeps up."""
        await overrun(
            self._probe,
            lambda: self._scope(side),
            self._via(client),
            more=not beside % 2,
            cancels=beside % 4 == 3,
        )

    # Closing

    async def close_full(self, side: int, unread: int) -> None:
        """Closes a client with unread events, reads them, and expects that it refuses calls."""
        probe, scope = self._probe, self._scope(side)
        client: Client = await probe.open_client()
        client.transient = True
        listener = await probe.subscribe(scope.all, client)
        waiting = await probe.subscribe(scope.all, client)
        trips = _ROUND_TRIPS if self._capacity >= _SPARE else 0
        events = scope.events(min(unread + 1, max(1, self._capacity - 1)))
        await probe.publish(*events, via=client)
        await waiting.receive(*events)
        for _ in range(trips):
            # A bus may deliver to one reader a moment later than to the other.
            await probe.publish(event := scope.event(), via=client)
            await waiting.receive(event)
        await waiting.wait_reading()
        await probe.close(client)
        await waiting.read_end()
        await listener.read_end()
        await listener.read_late()
        streams = scope.side == "streams"
        charge = "STR-06" if streams else "PUB-17"
        await self._refused(scope.event(), BusClosed, charge, client)
        await self._no_entry(scope.all, BusClosed, charge, client)
        await _leave(listener, waiting)
        await probe.returns(client.aclose(probe.history), "closing twice")

    async def _reader(self, scope: Scope, client: int) -> Listener:
        """Subscribes by the run's first client; it is active for the one that a number picks."""
        listener = await self._probe.subscribe(scope.all)
        await self._probe.reach(listener, via=self._via(client))
        return listener

    async def _get(self, listener: Listener, events: list[Any]) -> None:
        await listener.receive(*events)
        await _leave(listener)


async def _leave(*listeners: Listener) -> None:
    for listener in listeners:
        await listener.leave()


def _scribble(data: Any) -> None:
    """Changes an event wherever it can be changed; refusing the change is right too."""
    with suppress(Exception):
        data["list"].append("scribbled")
    with suppress(Exception):
        data["deep"]["a"] = "scribbled"
    with suppress(Exception):
        data["scribbled"] = True
