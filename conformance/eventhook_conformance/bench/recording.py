"""Records the subscriptions of one traffic, and the events published to them.

Recording reads the clock twice for each publish and once for each delivery, about a tenth of a
microsecond. Everything else is worked out afterwards, from the lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Final

from eventhook_conformance.bench.traffic import Selects, Traffic
from eventhook_conformance.bench.window import Stalled, Window
from eventhook_conformance.contract import (
    BusClosed,
    InvalidEvent,
    PublishError,
    StreamEvent,
    StreamingBackend,
    SubscriptionLost,
)
from eventhook_conformance.history import End, Event, Outcome
from eventhook_conformance.probe.containment import end
from eventhook_conformance.probe.failure import describe

_PULL: Final = 256
_FAR: Final = 2_000_000
_NEAR: Final = 1_500_000
"""Nanoseconds: the accuracy of the event loop's timers; the rest is waited for turn by turn."""


@dataclass(eq=False)
class Sent:
    """The record of one publish."""

    event: Event
    called: int = 0
    returned: int = 0
    """0 until it has returned."""
    outcome: Outcome = "pending"
    error: str | None = None


@dataclass(eq=False)
class Reader:
    """A subscription that is read, and its deliveries."""

    number: int
    selects: Selects
    subscription: Any
    entering: int
    entered: int
    got: list[Any] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    """The time at which each read returned, in nanoseconds of the performance counter."""
    end: End | None = None
    end_error: str | None = None
    waited: bool = False
    """True if its last fence did not come in time."""


@dataclass(frozen=True)
class Part:
    """The events of one phase of a recording, and the place of each reader when it began."""

    first: int
    events: int
    read_before: tuple[int, ...]
    began: int
    ended: int
    """The time at which its last event was read or published, whichever is later."""
    due: tuple[int, ...] = ()
    """In the open loop, the times at which the events were due."""
    complete: bool = True

    @property
    def duration_s(self) -> float:
        return (self.ended - self.began) / 1e9


class Recording:
    """Open subscriptions, and what happens on them.

    Args:
        publisher: the client that publishes.
        traffic: the events and the readers.
        wait_s: the timeout for events that must come.
    """

    def __init__(self, publisher: StreamingBackend, traffic: Traffic, wait_s: float) -> None:
        self.traffic = traffic
        self.sent: list[Sent] = []
        self.readers: list[Reader] = []
        self.wait_s = wait_s
        self.ended = 0
        """The end of the last phase."""
        self._publisher = publisher

    @property
    def progress(self) -> int:
        """Returns a number that rises as long as anything happens."""
        return sum(len(one.got) for one in self.readers) + sum(
            1 for one in self.sent if one.returned
        )

    async def closed(self, events: int, publishers: int, block: int) -> Part:
        """Publishes as fast as the readers read."""
        first = len(self.sent)
        window = Window(len(self.readers), block, first, self.wait_s)
        until = self._make(events)
        places = iter(range(first, until))

        async def publish() -> None:
            for place in places:
                if place >= window.limit:
                    await window.room(place)
                await self._publish(self.sent[place])

        return await self._phase(first, events, publishers, publish, window)

    async def open(self, events: int, publishers: int, rate: float) -> Part:
        """Publishes by a fixed schedule; a publish that is late starts at once."""
        first = len(self.sent)
        until = self._make(events)
        start = perf_counter_ns() + _FAR
        due = tuple(start + int(number * 1e9 / rate) for number in range(events))
        latest = due[-1] + int(self.wait_s * 1e9)
        places = iter(range(first, until))

        async def publish() -> None:
            for place in places:
                await _until(due[place - first])
                if perf_counter_ns() > latest:
                    return
                await self._publish(self.sent[place])
                # If publish never waits, the readers would never run.
                await asyncio.sleep(0)

        return await self._phase(first, events, publishers, publish, None, due)

    def _make(self, events: int) -> int:
        first = len(self.sent)
        self.sent += [Sent(self.traffic.event(first + number)) for number in range(events)]
        return first + events

    async def _phase(
        self,
        first: int,
        events: int,
        publishers: int,
        publish: Callable[[], Coroutine[Any, Any, None]],
        window: Window | None,
        due: tuple[int, ...] = (),
    ) -> Part:
        loop = asyncio.get_running_loop()
        before = tuple(len(reader.got) for reader in self.readers)
        fence = self.traffic.base + first + events
        reading = [loop.create_task(self._read(one, fence, window)) for one in self.readers]
        await asyncio.sleep(0)
        began = perf_counter_ns()
        publishing = [loop.create_task(publish()) for _ in range(publishers)]
        complete = True
        try:
            try:
                await asyncio.gather(*publishing)
            except Stalled:
                complete = False
            await end(*publishing)
            complete &= all(one.returned for one in self.sent[first:])
            await self._fence(reading)
        finally:
            await end(*publishing, *reading)
            self.ended = perf_counter_ns()
        returned = max((one.returned for one in self.sent[first : first + events]), default=0)
        ended = max([returned, began + 1, *self._last_reads(before, fence)])
        return Part(first, events, before, began, ended, due, complete)

    async def _fence(self, reading: list[asyncio.Task[None]]) -> None:
        """Publishes fences, which prove that nothing more will come, and waits for them."""
        first = len(self.sent)
        self.sent += [Sent(event) for event in self.traffic.fences(first)]
        for fence in self.sent[first:]:
            await self._publish(fence)
        read = -1
        pending = set(reading)
        while pending and read != (read := sum(len(one.got) for one in self.readers)):
            _, pending = await asyncio.wait(pending, timeout=self.wait_s)
        for task, reader in zip(reading, self.readers, strict=True):
            reader.waited = reader.waited or task in pending

    def _last_reads(self, before: tuple[int, ...], fence: int) -> list[int]:
        last = []
        for reader, start in zip(self.readers, before, strict=True):
            place = len(reader.got) - 1
            while place >= start and _place(reader.got[place]) >= fence:
                place -= 1
            if place >= start:
                last.append(reader.stamps[place])
        return last

    async def _publish(self, sent: Sent) -> None:
        event = sent.event
        side: Any = (
            self._publisher.streams if isinstance(event, StreamEvent) else self._publisher.events
        )
        sent.outcome = "unknown"
        sent.called = perf_counter_ns()
        try:
            await side.publish(event)
        except (InvalidEvent, BusClosed, PublishError) as error:
            sent.outcome, sent.error = "refused", describe(error)
        except Exception as error:  # because: an error of a target is a finding
            sent.error = describe(error)
        else:
            sent.outcome = "ok"
        sent.returned = perf_counter_ns()

    async def _read(self, reader: Reader, fence: int, window: Window | None) -> None:
        """Reads until the first event at or after the fence."""
        subscription, add, stamp = reader.subscription, reader.got.append, reader.stamps.append
        block, mark = 0, self._mark(reader, window, 0, fence)
        try:
            while True:
                event = await anext(subscription)
                stamp(perf_counter_ns())
                add(event)
                if event.timestamp_ms < mark:
                    continue
                if event.timestamp_ms >= fence:
                    return
                while window is not None and event.timestamp_ms >= mark and mark < fence:
                    window.passed(block)
                    block += 1
                    mark = self._mark(reader, window, block, fence)
        except StopAsyncIteration:
            reader.end = "stopped"
        except SubscriptionLost as error:
            reader.end, reader.end_error = "lost", describe(error)
        except Exception as error:  # because: an error of a target is a finding
            reader.end, reader.end_error = "raised", describe(error)

    def _mark(self, reader: Reader, window: Window | None, block: int, fence: int) -> int:
        """Returns the `timestamp_ms` at which the reader has read that block."""
        if window is None:
            return fence
        last = self.traffic.last_in(reader.number, window.end_of(block))
        return min(self.traffic.base + last, fence)


@asynccontextmanager
async def recording(
    publisher: StreamingBackend, subscriber: StreamingBackend, traffic: Traffic, wait_s: float
) -> AsyncIterator[Recording]:
    """Enters all subscriptions of the traffic, and leaves them at the end."""
    opened = Recording(publisher, traffic, wait_s)
    async with AsyncExitStack() as stack:
        for selects in traffic.idle:
            await stack.enter_async_context(_subscribe(subscriber, selects))
        for number, selects in enumerate(traffic.readers):
            entering = perf_counter_ns()
            subscription = await stack.enter_async_context(_subscribe(subscriber, selects))
            if hasattr(subscription, "wanted"):
                subscription.wanted = (
                    _PULL  # the reader keeps reading, and a driver's client may fetch ahead
                )
            opened.readers.append(
                Reader(number, selects, subscription, entering, perf_counter_ns())
            )
        yield opened


def _subscribe(backend: StreamingBackend, selects: Selects) -> Any:
    side: Any = backend.streams if isinstance(selects, str) else backend.events
    return side.subscribe(selects)


def _place(event: Any) -> int:
    place: int = getattr(event, "timestamp_ms", 0)
    return place


async def _until(due: int) -> None:
    """Waits for a moment, more exactly than the event loop's timers."""
    # There is no event to wait for, and the moment is nearer than a timer can be.
    while (left := due - perf_counter_ns()) > 0:  # noqa: ASYNC110  # because: as above
        await asyncio.sleep((left - _NEAR) / 1e9 if left > _FAR else 0)
