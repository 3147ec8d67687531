"""Plays a program on a bus through a probe, so that the checker can judge the history.

Over 300 lines: one method for each operation that a program may have.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID, uuid4

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Client, Listener, Probe, Via
from eventhook_conformance.programs.breadth import Breadth
from eventhook_conformance.programs.channel_counts import ChannelWatch
from eventhook_conformance.programs.steps import (
    CLIENTS,
    COSTLY,
    KEYS,
    LISTENERS,
    REFUSED,
    SHAPES,
    SOURCES,
    TENANTS,
    TYPES,
    WIDE,
    Program,
    Step,
)

_DATA: Final = ({"n": 1, "": [0, None]}, None, 0, "", [1.25, {"a": {}}])

_PREFIXES: Final = ("task", "workflow", "task.created", "Task")
_OWN: Final = ("world", "match", "drain", "guest", "close-full")
"""The wide operations that act on the player's own tenants, readers and clients."""

_ROOMY: Final = 16
"""A capacity from which fences never overrun a buffer."""


class _ConsumerFailed(Exception):
    """Raised on purpose by the body of a subscription."""


async def play(probe: Probe, program: Program, *, counting: bool = False) -> None:
    """Plays all steps, proves by fences that all owed events came, and leaves.

    Args:
        probe: the program's.
        program: its steps.
        counting: whether to count channels around each cleanup and at the end; no other case may run then.

    Raises:
        CaseAborted: a call raised or hung, or a fence did not come.
    """
    watch = await ChannelWatch.begun(probe) if counting else None
    player = Player(probe, watch)
    for step in program:
        await player.take(step)
    await player.finish()
    if watch is not None:
        await watch.end()


class Player:
    """The state that the numbers of steps pick from.

    Args:
        probe: the program's.
        watch: counts channels around each cleanup; None: they are not counted.
    """

    def __init__(self, probe: Probe, watch: ChannelWatch | None = None) -> None:
        self._probe = probe
        self._watch = watch
        self._breadth = Breadth(probe, self._via)
        self._guests: list[Client] = []
        """Clients that were opened later, and stay open."""
        self._together = 0
        self._tenants = [probe.make.tenant() for _ in range(TENANTS)]
        self._keys = [probe.make.key() for _ in range(KEYS)]
        # The same ids in every tenant: only the tenant tells their events apart (TEN-02).
        self._workflows = [uuid4(), uuid4()]
        self._task = uuid4()
        self._listeners: list[Listener] = []
        self._unread: Counter[object] = Counter()
        self._in_flight: Counter[object] = Counter()
        """Events that a fence published meanwhile may overtake."""
        self._guest_open = False
        claimed = probe.capabilities
        self._clients = CLIENTS if claimed.multi_client else 1
        self._most = max(1, min(LISTENERS, claimed.max_subscriptions // 4))
        self._capacity = min(claimed.event_capacity, claimed.stream_capacity)

    async def take(self, step: Step) -> None:
        """Takes one step; does nothing if it has nothing to act on."""
        name, *numbers = step
        if name == "together":
            await self._take_together(*numbers)
        elif (name in WIDE or name in COSTLY) and name not in _OWN:
            await self._breadth.operation(step)(*numbers)
        else:
            await getattr(self, "_" + name.replace("-", "_"))(*numbers)

    async def _take_together(self, yields: int, first: Step, second: Step) -> None:
        self._together += 1
        beside = self._probe.spawn(self.take(first))
        for _ in range(yields):
            await asyncio.sleep(0)
        await self.take(second)
        # It is many calls, each of which is bounded by itself.
        history, deadline = self._probe.history, self._probe.deadline
        await self._probe.returns(
            beside,
            f"{first[0]} beside {second[0]}",
            progress=lambda: deadline.moves + len(history.publishes),
        )
        self._together -= 1

    async def finish(self) -> None:
        """Fences the open subscriptions, and leaves them."""
        await self._probe.fence(*self._listeners)
        for listener in list(self._listeners):
            self._expect_nothing_dropped(listener)
            await self._end(listener)
        for guest in self._guests:
            await self._probe.close(guest)

    def _expect_nothing_dropped(self, listener: Listener) -> None:
        """Expects that nothing was dropped, since no more than the capacity was unread.

        With a small capacity, the fences of two clients may overrun it.
        """
        if listener.dropped and self._capacity >= _ROOMY:
            self._probe.found(
                f"`dropped` of {listener.entry.name} to be 0: no more than the capacity was unread",
                f"it is {listener.dropped}",
                listener.entry,
                charge=("OVF-07",),
            )

    # Subscriptions

    async def _subscribe(self, client: int, tenant: int, shape: int) -> None:
        await self._enter(self._pattern(self._tenants[tenant % TENANTS], shape), client)

    async def _listen(self, client: int, key: int) -> None:
        if "streams" in self._probe.capabilities.profiles:
            await self._enter(self._keys[key % KEYS], client)

    async def _match(
        self, client: int, tenant: int, prefix: int, workflow: int, task: int, source: int
    ) -> None:
        """Subscribes with any set of filters."""
        pattern = EventPattern(
            tenant_id=self._tenants[tenant % TENANTS],
            event_type_prefix=[None, *_PREFIXES][prefix % (len(_PREFIXES) + 1)],
            workflow_execution_id=[None, *self._workflows][workflow % 3],
            task_execution_id=self._task if task % 2 else None,
            source=[None, *SOURCES][source % (len(SOURCES) + 1)],
        )
        await self._enter(pattern, client)

    async def _enter(self, selects: EventPattern | str, client: int) -> None:
        scope = _scope(selects)
        if len(self._listeners) < self._most and await self._has_room(scope, 0, selects):
            listener = await self._probe.subscribe(selects, via=self._via(client))
            self._listeners.append(listener)

    def _pattern(self, tenant: UUID, shape: int) -> EventPattern:
        workflow = self._workflows[shape % 2]
        whole = EventPattern(tenant_id=tenant)
        return (
            whole,
            EventPattern.by_type(tenant, "task"),
            EventPattern.by_type(tenant, "task.created"),
            EventPattern.for_workflow(tenant, workflow),
            EventPattern.for_task(tenant, self._task),
            EventPattern(tenant_id=tenant, source=SOURCES[0]),
            EventPattern(
                tenant_id=tenant, workflow_execution_id=workflow, event_type_prefix="task"
            ),
            EventPattern.for_workflow(tenant, workflow),
            whole,
        )[shape % SHAPES]

    async def _cancel_enter(self, client: int, tenant: int, yields: int) -> None:
        pattern = EventPattern.all(self._tenants[tenant % TENANTS])
        listener = await self._probe.listener(pattern, self._via(client))
        listener.context_task.start()
        for _ in range(yields):
            await asyncio.sleep(0)
        await listener.context_task.cancel()

    async def _leave(self, number: int) -> None:
        if listener := self._pick(number):
            await self._end(listener)

    async def _raise(self, number: int) -> None:
        if (listener := self._pick(number)) and self._probe.capabilities.in_process:
            await self._end(listener, _ConsumerFailed("the consumer failed on purpose"))

    async def _end(self, listener: Listener, error: Exception | None = None) -> None:
        self._listeners.remove(listener)
        await listener.leave(error)

    # Publishing

    async def _publish(
        self, client: int, tenant: int, event_type: int, workflow: int, source: int
    ) -> None:
        await self._send([[self._event(tenant, event_type, workflow, source)]], client)

    async def _chain(self, client: int, tenant: int, length: int) -> None:
        await self._send([[self._event(tenant, n, n, n) for n in range(length + 2)]], client)

    async def _burst(self, client: int, tenant: int, publishers: int) -> None:
        chains = [
            [self._event(tenant, n, n + m, m) for m in range(3)] for n in range(publishers + 1)
        ]
        await self._send(chains, client)

    async def _world(self, client: int, tenant: int, length: int) -> None:
        """Publishes events of several types to one tenant."""
        make, scope = self._probe.make, self._tenants[tenant % TENANTS]
        events = [make.event(scope, TYPES[n % len(TYPES)]) for n in range(length + 1)]
        await self._send([events], client)

    async def _stream(self, client: int, key: int, length: int) -> None:
        if "streams" in self._probe.capabilities.profiles:
            name = self._keys[key % KEYS]
            events = [self._probe.make.stream_event(name, sequence=n) for n in range(length + 1)]
            await self._send([events], client)

    async def _stream_burst(self, client: int, key: int, publishers: int) -> None:
        if "streams" in self._probe.capabilities.profiles:
            name, make = self._keys[key % KEYS], self._probe.make
            chains = [[make.stream_event(name) for _ in range(3)] for _ in range(publishers + 1)]
            await self._send(chains, client)

    async def _unheard(self, client: int, count: int) -> None:
        """Publishes to tenants and keys without subscriptions."""
        make = self._probe.make
        events: list[Event] = [make.event(make.tenant()) for _ in range(count + 1)]
        if "streams" in self._probe.capabilities.profiles:
            events += [make.stream_event(make.key()) for _ in range(count + 1)]
        await self._probe.burst([events[::2], events[1::2]], via=self._via(client))

    async def _cancel_publish(self, client: int, tenant: int, yields: int) -> None:
        await self._cancel(self._event(tenant, 0, 0, 0), client, yields)

    async def _cancel_stream(self, client: int, key: int, yields: int) -> None:
        if "streams" in self._probe.capabilities.profiles:
            event = self._probe.make.stream_event(self._keys[key % KEYS])
            await self._cancel(event, client, yields)

    async def _cancel(self, event: Event, client: int, yields: int) -> None:
        """Cancels a publish, whose event may come once or never."""
        scope = _scope(event)
        if not self._probe.capabilities.in_process or not await self._has_room(scope, 1):
            return
        with self._flying(scope, 1):
            publishing = self._probe.spawn(self._probe.attempt(event, self._via(client)))
            for _ in range(yields):
                await asyncio.sleep(0)
            publishing.cancel()
            if not await self._probe.deadline.wait(publishing):
                raise self._probe.aborted("a cancelled publish to end", "it goes on")

    def _event(self, tenant: int, event_type: int, workflow: int, source: int) -> FlovynEvent:
        return self._probe.make.event(
            self._tenants[tenant % TENANTS],
            TYPES[event_type % len(TYPES)],
            data=_DATA[event_type % len(_DATA)],
            source=SOURCES[source % len(SOURCES)],
            workflow=[None, *self._workflows][workflow % 3],
            task=self._task if (workflow + source) % 2 else None,
            correlation_id=f"c{source}" if source % 3 else None,
        )

    async def _send(
        self, chains: Sequence[Sequence[FlovynEvent | StreamEvent]], client: int
    ) -> None:
        scope = _scope(chains[0][0])
        free = self._capacity - self._fences(scope)
        chains = [chain[: max(1, free // len(chains))] for chain in chains[: max(1, free)]]
        size = sum(map(len, chains))
        if await self._has_room(scope, size):
            with self._flying(scope, size):
                await self._probe.burst(chains, via=self._via(client))

    @contextmanager
    def _flying(self, scope: object, size: int) -> Iterator[None]:
        self._in_flight[scope] += size
        try:
            yield
        finally:
            self._in_flight[scope] -= size
            self._unread[scope] += size

    async def _has_room(self, scope: object, size: int, *entering: EventPattern | str) -> bool:
        """Returns whether so many more may be published; first reads unread events if necessary.

        No more than the capacity is left unread here: overflow belongs to the OVF cases.
        """
        wanted = size + self._fences(scope, *entering)
        unread = self._unread[scope]
        if unread and unread + self._in_flight[scope] + wanted > self._capacity:
            await self._probe.fence(*self._within(scope))
            self._unread[scope] -= unread
        return self._unread[scope] + self._in_flight[scope] + wanted <= self._capacity

    def _fences(self, scope: object, *entering: EventPattern | str) -> int:
        """Returns how many events fence all subscriptions of a tenant or key."""
        asked = [*(one.entry.selects for one in self._within(scope)), *entering]
        return len(set(asked)) * self._publishers

    @property
    def _publishers(self) -> int:
        return self._clients + self._guest_open + len(self._guests)

    def _within(self, scope: object) -> list[Listener]:
        return [one for one in self._listeners if _scope(one.entry.selects) == scope]

    async def _refuse(self, client: int, tenant: int, which: int) -> None:
        event = self._probe.make.event(
            self._tenants[tenant % TENANTS], REFUSED[which % len(REFUSED)]
        )
        await self._probe.refuse(event, via=self._via(client))

    # Reading, and the rest

    async def _read(self, number: int) -> None:
        if listener := self._pick(number):
            await listener.wait_reading()

    async def _drain(self, number: int) -> None:
        """Reads all events that come from now on."""
        if listener := self._pick(number):
            listener.drain()

    async def _again(self, number: int) -> None:
        if listener := self._pick(number):
            listener.iterate_again()

    async def _cancel_read(self, number: int) -> None:
        if (listener := self._pick(number)) and self._probe.capabilities.in_process:
            await listener.wait_reading()
            await listener.cancel_read()

    async def _fence(self, number: int) -> None:
        listener = self._pick(number)
        if listener is None:
            return
        scope, fences = _scope(listener.entry.selects), self._publishers
        if await self._has_room(scope, fences):
            self._unread[scope] += fences
        await self._probe.fence(listener)

    async def _cleanup(self, client: int) -> None:
        if self._probe.capabilities.introspection:
            at = await self._probe.client(self._via(client))
            if self._watch is not None and not self._together:
                await self._watch.cleanup(at)
            else:
                await self._probe.returns(at.cleanup(self._probe.history), "cleanup")

    async def _guest(self) -> None:
        """Opens one more client, which the numbers of later steps may pick."""
        if self._probe.capabilities.multi_client and not self._guests and not self._guest_open:
            self._guest_open = True
            self._guests.append(await self._probe.open_client())
            self._guest_open = False

    async def _close_full(self, side: int, unread: int) -> None:
        if self._probe.capabilities.multi_client and not self._guest_open:
            self._guest_open = True
            await self._breadth.close_full(side, unread)
            self._guest_open = False

    async def _close(self, tenant: int) -> None:
        """Opens a client that subscribes, publishes, and closes."""
        if not self._probe.capabilities.multi_client or self._guest_open:
            return
        scope = self._tenants[tenant % TENANTS]
        self._guest_open = True
        if await self._has_room(scope, 1):
            client: Client = await self._probe.open_client()
            client.transient = True
            await self._probe.subscribe(EventPattern.all(scope), via=client)
            with self._flying(scope, 1):
                await self._probe.publish(self._event(tenant, 0, 0, 0), via=client)
            await self._probe.close(client)
        self._guest_open = False

    async def _yield(self, times: int) -> None:
        for _ in range(times + 1):
            await asyncio.sleep(0)

    def _pick(self, number: int) -> Listener | None:
        return self._listeners[number % len(self._listeners)] if self._listeners else None

    def _via(self, client: int) -> Via:
        if client >= CLIENTS and self._guests:
            return self._guests[0]
        return "other" if client % self._clients else "same"


def _scope(of: EventPattern | FlovynEvent | StreamEvent | str) -> object:
    """Returns the tenant or key that a subscription or an event belongs to."""
    if isinstance(of, str):
        return of
    return of.workflow_execution_id if isinstance(of, StreamEvent) else of.tenant_id
