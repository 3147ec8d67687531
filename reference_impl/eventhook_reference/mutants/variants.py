"""Correct buses of other makes: none of them may be accused of anything.

Each differs from the references in one believable way: when it delivers, what it delivers through, what
it claims. As mutants they name no requirement that must catch them.

Over 300 lines: independent variants, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from eventhook_conformance.contract import (
    ChannelCounts,
    PublishError,
    StreamingBackend,
    Subscription,
    Unsupported,
)
from eventhook_conformance.target import Capabilities, Mutant, Target
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import (
    Event,
    Member,
    PliableBus,
    PliableClient,
    Side,
    pliable_target,
)


class Correct(PliableClient):
    """Looks among the subscriptions of the event's tenant or key alone.

    A variant meets all cases, and most of its time would go into asking hundreds of parked subscriptions.
    """

    def audience(self, side: Side, event: Event) -> list[Member]:
        home = hash((side, self.scope(side, event)))
        return [member for member in self.bus.members if member.home == home]


class Later(Correct):
    """Delivers 5 to 30 ms after publishing, each publisher's events in order, as over a network."""

    capabilities = Capabilities()

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self.random = random.Random(1)
        self.last_due = 0.0
        self.underway: deque[tuple[Member, Event]] = deque()

    def hand(self, member: Member, event: Event) -> None:
        loop = asyncio.get_running_loop()
        self.last_due = max(self.last_due, loop.time() + self.random.uniform(0.005, 0.030))
        self.underway.append((member, event))
        # Equal times would leave the order to the heap, so the queue has it.
        loop.call_at(self.last_due, self.arrive)
        self.bus.memory["latest"] = max(self.bus.memory.get("latest", 0.0), self.last_due)

    def arrive(self) -> None:
        """Delivers the next event to its subscription."""
        member, event = self.underway.popleft()
        member.channel.push(event)

    async def aclose(self) -> None:
        """Delivers events under way before the readers end."""
        if self.closed:
            return
        self.closed = True
        loop = asyncio.get_running_loop()
        if (rest := self.bus.memory.get("latest", 0.0) - loop.time()) > 0:
            await asyncio.sleep(rest + 0.002)
        self.closed = False
        await super().aclose()


class Batches(Correct):
    """Collects events, and delivers them all at once every 10 ms."""

    capabilities = Capabilities(total_order=True, causal_order=True)

    def hand(self, member: Member, event: Event) -> None:
        batch = self.bus.memory.setdefault("batch", [])
        if not batch:
            asyncio.get_running_loop().call_later(0.01, self.flush)
        batch.append((member, event))

    def flush(self) -> None:
        """Delivers the batch."""
        batch, self.bus.memory["batch"] = self.bus.memory.get("batch", []), []
        for member, event in batch:
            member.channel.push(event)

    async def aclose(self) -> None:
        self.flush()
        await super().aclose()


class Wire(Correct):
    """Carries only the wire form: small buffers and events, one client, no counts."""

    capabilities = Capabilities(
        event_capacity=8,
        stream_capacity=4,
        max_subscriptions=20,
        multi_client=False,
        in_process=False,
        introspection=False,
        surrogates=False,
        max_event_bytes=400,
    )

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        size, most = len(event.to_json()), self.capabilities.max_event_bytes
        if size > most:
            raise PublishError(f"the event has {size} bytes; at most {most} are allowed")

    def copy(self, event: Event) -> Event:
        return type(event).from_json(event.to_json())

    async def cleanup_inactive_channels(self) -> int:
        raise Unsupported("the server keeps its channels to itself")

    async def active_channels(self) -> ChannelCounts:
        raise Unsupported("the server keeps its channels to itself")


class KeepsOldest(Channel[Any]):
    """A full buffer takes nothing more."""

    def push(self, event: Any) -> bool:
        if len(self._events) == self._capacity:
            self.dropped += 1
            return False
        return super().push(event)


class DropsNewest(Correct):
    """Drops an event that finds a buffer full, as nats-py does."""

    capabilities = Capabilities(overflow="drop_newest", event_capacity=64, stream_capacity=32)

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return KeepsOldest(claimed.event_capacity if side == "events" else claimed.stream_capacity)


class TakesAll(KeepsOldest):
    """Holds all events of its tenant, and asks the filter when it is read."""

    wants: Callable[[Any], bool]

    async def __anext__(self) -> Any:
        while not self.wants(event := await super().__anext__()):
            pass
        return event


class SharedRingDropsNewest(Correct):
    """Counts every event of a tenant against a buffer, selected or not, and drops the newest."""

    capabilities = Capabilities(
        overflow="drop_newest", overflow_scope="tenant", event_capacity=64, stream_capacity=32
    )

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return TakesAll(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    def enter(self, member: Member) -> None:
        channel: Any = member.channel
        channel.wants = partial(super().admits, member)
        super().enter(member)

    def admits(self, member: Member, event: Event) -> bool:
        return member.scope == self.scope(member.side, event)


class Unbounded(Correct):
    """Lets buffers grow without a bound, and claims it."""

    capabilities = Capabilities(overflow="unbounded", total_order=True)

    def make_channel(self, side: Side) -> Channel[Any]:
        return Channel(1 << 40)


class HoldsTwice(Correct):
    """Holds twice as much as it claims, in a pipe before the buffer."""

    capabilities = Capabilities(event_capacity=64, stream_capacity=32)

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return Channel(
            2 * (claimed.event_capacity if side == "events" else claimed.stream_capacity)
        )


class FreesAtOnce(Correct):
    """Keeps nothing but its subscriptions, and so has nothing to clean up or to count."""

    capabilities = Capabilities(total_order=True, causal_order=True, event_capacity=100)

    def use_channel(self, side: Side, scope: object) -> None:
        """Does nothing: there are no channels."""


class OtherClientsHearLater(Correct):
    """Makes a subscription active for publishers on other clients 10 ms later, and claims so."""

    capabilities = Capabilities(activation="client")

    def enter(self, member: Member) -> None:
        super().enter(member)
        self.bus.memory[id(member)] = asyncio.get_running_loop().time() + 0.01  # type: ignore[index]

    def admits(self, member: Member, event: Event) -> bool:
        known = self.bus.memory[id(member)]  # type: ignore[index]
        if member.client is not self and asyncio.get_running_loop().time() < known:
            return False
        return super().admits(member, event)


class Waiting(Subscription[Any]):
    """An `asyncio.Queue` whose publishers wait while it is full."""

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._space = asyncio.Event()
        self._ended = False

    async def put(self, event: Any) -> None:
        """Waits for room, or for the end."""
        while self._queue.qsize() >= self._capacity and not self._ended:
            self._space.clear()
            await self._space.wait()
        if not self._ended:
            self._queue.put_nowait(event)

    async def __anext__(self) -> Any:
        if self._ended and self._queue.empty():
            raise StopAsyncIteration
        event = await self._queue.get()
        self._space.set()
        if event is None:
            raise StopAsyncIteration
        return event

    def finish(self) -> None:
        """Ends the reading: the client has closed."""
        if not self._ended:
            self._ended = True
            self._space.set()
            self._queue.put_nowait(None)

    def leave(self) -> None:
        """Drops what is unread: the owner has left."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._ended = False
        self.finish()


class Blocks(Correct):
    """Blocks a publish until the slowest reader has room, as `asyncio.Queue` does."""

    capabilities = Capabilities(overflow="block", event_capacity=50, stream_capacity=50)

    def make_channel(self, side: Side) -> Any:
        return Waiting(50)

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        # All copies are made before anybody waits: the publisher may change its own afterwards.
        admitted = [member for member in self.audience(side, event) if self.admits(member, event)]
        for member, copy in [(member, self.copy(event)) for member in admitted]:
            await member.channel.put(copy)  # type: ignore[attr-defined]


class Ring:
    """One ring for all of a tenant's subscriptions, each with a place of its own in it."""

    def __init__(self, capacity: int) -> None:
        self.events: deque[Any] = deque(maxlen=capacity)
        self.head = 0
        self.readers: set[Place] = set()

    def push(self, event: Any) -> None:
        self.events.append(event)
        self.head += 1
        for reader in self.readers:
            reader.wake()


class Place(Subscription[Any]):
    """A reader's place in a ring; who lags too far behind goes on with the oldest there is."""

    dropped: int

    def __init__(
        self, ring: Ring, wants: Callable[[Any], bool], copy: Callable[[Any], Any]
    ) -> None:
        self.dropped = 0
        self._ring = ring
        self._wants = wants
        self._copy = copy
        self._next: int = ring.head
        self._until: int | None = None
        self._waiting: asyncio.Future[None] | None = None
        ring.readers.add(self)

    def wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def __anext__(self) -> Any:
        ring = self._ring
        while True:
            while self._next < (ring.head if self._until is None else self._until):
                oldest = ring.head - len(ring.events)
                if self._next < oldest:
                    self.dropped += oldest - self._next
                    self._next = oldest
                    continue
                event = ring.events[self._next - oldest]
                self._next += 1
                if self._wants(event):
                    return self._copy(event)
            if self._until is not None:
                raise StopAsyncIteration
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def finish(self) -> None:
        """Ends the reading after what is in the ring now: the client has closed."""
        if self._until is None:
            self._until = self._ring.head
        self._ring.readers.discard(self)
        self.wake()

    def leave(self) -> None:
        """Drops what is unread: the owner has left."""
        self._until = 0
        self._ring.readers.discard(self)
        self.wake()


class SharedRing(Correct):
    """Shares one ring among the subscriptions of each tenant or key, as tokio's broadcast channel does."""

    capabilities = Capabilities(
        event_capacity=128, stream_capacity=64, overflow_scope="tenant", total_order=True
    )

    def ring(self, side: Side, scope: object) -> Ring:
        """Returns the ring of a tenant or key."""
        claimed = self.capabilities
        capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        ring: Ring = self.bus.memory.setdefault(f"{side} {scope}", Ring(capacity))
        return ring

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        self.ring(side, self.scope(side, event)).push(self.copy(event))
        await self.pause()

    def enter(self, member: Member) -> None:
        super().enter(member)
        wants = partial(self.admits, member)
        place: Any = Place(self.ring(member.side, member.scope), wants, self.copy)
        member.channel = place

    async def cleanup_inactive_channels(self) -> int:
        for side, scope in self.idle_channels():
            self.bus.memory.pop(f"{side} {scope}", None)
        return await super().cleanup_inactive_channels()


class Threaded(Correct):
    """Delivers events from a worker thread; publishing and subscribing wait for its receipt."""

    capabilities = Capabilities(total_order=True, causal_order=True)

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        self.check(side, event)
        self.use_channel(side, self.scope(side, event))
        await self.bus.memory["worker"].run(
            partial(self.deliver, side, self.copy(event), asyncio.get_running_loop())
        )

    def deliver(self, side: Side, event: Event, loop: asyncio.AbstractEventLoop) -> None:
        """Delivers an event, from the worker thread, to each subscription that asks for it, in its loop."""
        for member in self.audience(side, event):
            if self.admits(member, event):
                loop.call_soon_threadsafe(member.channel.push, self.copy(event))


class Worker:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bus")

    async def run(self, work: Callable[[], None]) -> None:
        """Does it, and returns when it is done, cancelled or not."""
        await asyncio.shield(asyncio.wrap_future(self._pool.submit(work)))

    def stop(self) -> None:
        """Ends the thread."""
        self._pool.shutdown()


def threaded_target() -> Target:
    """Makes a target whose thread lives while a client is open."""
    bus = PliableBus()
    clients: set[Threaded] = set()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        if not clients:
            bus.memory["worker"] = Worker()
        client = Threaded(bus)
        clients.add(client)
        try:
            yield client
        finally:
            await client.aclose()
            clients.discard(client)
            if not clients:
                bus.memory["worker"].stop()

    return Target("threaded", open=open_client, capabilities=Threaded.capabilities)


def variant(name: str, client: type[PliableClient]) -> Mutant:
    """Makes a variant of a correct client: a mutant that breaks no requirement."""
    target = partial(pliable_target, name, client, client.capabilities)
    return Mutant(name=name, bug=_first_line(client), caught_by=(), seen="", target=target)


def _first_line(client: type[PliableClient]) -> str:
    return (client.__doc__ or "").splitlines()[0]


VARIANTS: Final[tuple[Mutant, ...]] = (
    variant("later", Later),
    variant("batches", Batches),
    variant("wire", Wire),
    variant("drops-newest", DropsNewest),
    variant("shared-ring-drops-newest", SharedRingDropsNewest),
    variant("unbounded", Unbounded),
    variant("holds-twice", HoldsTwice),
    variant("frees-at-once", FreesAtOnce),
    variant("other-clients-hear-later", OtherClientsHearLater),
    variant("blocks", Blocks),
    variant("shared-ring", SharedRing),
    Mutant(
        name="threaded", bug=_first_line(Threaded), caught_by=(), seen="", target=threaded_target
    ),
)
