"""Breaks connections of clients behind proxies, with traffic, and waits for their recovery.

Over 300 lines: a scene and its recovery work on the same clients and listeners.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Final
from uuid import uuid4

from eventhook_conformance.cases._load import GRACE_S, Load, Make, hung
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern, Unsupported
from eventhook_conformance.faults import FAULTS, Fault, NotSeen, Proxy
from eventhook_conformance.history import Event, FaultWindow, Publish
from eventhook_conformance.probe import (
    CaseAborted,
    Client,
    Listener,
    NotOffered,
    Probe,
    Undecided,
)
from eventhook_conformance.target import Server

ANY_BREACH: Final[frozenset[ViolationKind]] = frozenset(
    {
        "leaked",
        "phantom",
        "altered",
        "crossed",
        "unmatched",
        "replayed",
        "repeated",
        "reordered",
        "lost",
        "lost-first",
        "ended",
    }
)
"""The breaches that show that a client did not survive a fault."""

_BEAT_S: Final = 0.02
_QUIET_S: Final = 0.05


class Scene:
    """Clients that reach their server through proxies, and the faults made to those."""

    def __init__(self, probe: Probe, stack: AsyncExitStack) -> None:
        if probe.server is None:
            raise Undecided("the run has no server to break")
        self.probe = probe
        self.server = probe.server
        self.proxies: list[Proxy] = []
        self.clients: list[Client] = []
        self.listeners: list[Listener] = []
        self._stack = stack
        self._asking: list[asyncio.Task[Publish]] = []
        claimed = probe.target.capabilities.profiles
        self.events = "events" in claimed or "streams" not in claimed
        self.streams = "streams" in claimed

    async def client(self) -> Client:
        """Opens one more client, behind a proxy of its own."""
        client, _ = await self.client_of(self.server.address)
        return client

    async def client_of(self, *addresses: str) -> tuple[Client, list[Proxy]]:
        """Opens one more client, which is given these addresses; before each stands a proxy of its own."""
        try:
            proxies = [Proxy(address) for address in addresses]
        except ValueError as error:
            raise Undecided(f"no proxy can stand before this server: {error}") from error
        for proxy in proxies:
            await self._stack.enter_async_context(proxy)
        client = await self._open(",".join(proxy.address for proxy in proxies))
        if not any(proxy.accepted for proxy in proxies):
            raise Undecided("the client did not connect through the proxy that it was given")
        self.proxies += proxies
        self.clients.append(client)
        return client, proxies

    async def direct_client(self) -> Client:
        """Opens one more client, without a proxy."""
        return await self._open(self.server.address)

    async def _open(self, address: str) -> Client:
        client = await self.probe.open_client(address)
        self._stack.push_async_callback(self._close, client)
        return client

    def grounds(self) -> list[EventPattern | str]:
        """Returns all of a fresh tenant, and a fresh key, where the sides are claimed."""
        make = self.probe.make
        return [
            *([EventPattern.all(make.tenant())] if self.events else []),
            *([make.key()] if self.streams else []),
        ]

    async def pair(self) -> tuple[Client, Client]:
        """Opens two clients; returns the same one twice where the target offers one only."""
        first = await self.client()
        return first, await self.client() if self.probe.capabilities.multi_client else first

    async def subscribe(self, selects: EventPattern | str, client: Client) -> Listener:
        """Subscribes, and keeps reading."""
        listener = await self.probe.subscribe(selects, client)
        listener.drain()
        self.listeners.append(listener)
        return listener

    async def traffic(self) -> Load:
        """Publishes alike events for two tenants, and stream events, on two clients."""
        probe = self.probe
        one, other = await self.pair()
        lanes: list[tuple[Client, Make]] = []
        if self.events:
            workflow, numbers = uuid4(), count()
            mine, theirs = probe.make.tenant(), probe.make.tenant()

            def make(tenant: object) -> Make:
                kinds = ("task.created", "workflow.started")
                return lambda: probe.make.event(
                    mine if tenant is mine else theirs,
                    kinds[next(numbers) % 2],
                    workflow=workflow,
                    data="x" * 100,
                )

            await self.subscribe(EventPattern.all(mine), one)
            await self.subscribe(EventPattern.by_type(mine, "task"), other)
            await self.subscribe(EventPattern.for_workflow(theirs, workflow), one)
            await self.subscribe(EventPattern.all(theirs), other)
            lanes += [(one, make(mine)), (other, make(mine)), (other, make(theirs))]
        if self.streams:
            key = probe.make.key()
            await self.subscribe(key, one)
            await self.subscribe(key, other)
            lanes += [(one, lambda: probe.make.stream_event(key))]
        for client in {one, other}:
            await probe.reach(*self.listeners, via=client)
        return Load(probe, lanes)

    @asynccontextmanager
    async def broken(
        self, name: str, server: Server | None = None, proxies: Sequence[Proxy] | None = None
    ) -> AsyncIterator[FaultWindow]:
        """Makes the fault, checks that it happens, and lifts it with the block; the window stays open.

        Args:
            name: of the fault.
            server: the broken one; by default the target's server.
            proxies: at which the fault shows; by default all.

        Raises:
            NotOffered: the server cannot do that.
            Undecided: it was not seen to happen.
        """
        probe = self.probe
        fault = FAULTS[name](server or self.server, self.proxies if proxies is None else proxies)
        window = FaultWindow(fault.text, probe.history.clock.now())
        probe.history.faults.append(window)
        self._new_epoch()
        try:
            await fault.apply()
            await self._see(fault)
            await asyncio.sleep(fault.hold_s)
            yield window
        except Unsupported as error:
            raise NotOffered(str(error)) from error
        except NotSeen as error:
            raise Undecided(str(error)) from error
        finally:
            await self._lift(fault)

    async def _see(self, fault: Fault) -> None:
        """Waits until the fault shows, with an event of each client under way."""
        self._asking = [
            self.probe.spawn(self.probe.attempt(self._some_event(), client))
            for client in self.clients
        ]
        await fault.seen()

    def _some_event(self) -> Event:
        probe = self.probe
        return (
            probe.make.event(probe.make.tenant())
            if self.events
            else probe.make.stream_event(probe.make.key())
        )

    async def _lift(self, fault: Fault) -> None:
        try:
            await fault.lift()
        except Unsupported as error:
            raise NotOffered(str(error)) from error
        except Exception as error:  # because: a server that does not come back is not judged here
            raise Undecided(f"after {fault.text} the server does not come back: {error}") from error

    async def recover(
        self,
        window: FaultWindow,
        *,
        load: Load | None = None,
        listeners: Sequence[Listener] | None = None,
        charge: Sequence[str] = ("REC-02",),
        or_lost: bool = False,
        since: str = "",
    ) -> None:
        """Waits until all subscriptions get events of all clients again; then the fault is over.

        Args:
            window: of the fault, which was lifted just now, or excuses no losses from now on.
            load: stopped before the window closes, so that none of its publishes crosses the end.
            listeners: that must get events; by default all of the scene.
            charge: broken by a subscription that gets nothing, beside the case's requirements.
            or_lost: whether a subscription may raise SubscriptionLost instead.
            since: the start of the time, in words; by default the end of the fault.

        Raises:
            CaseAborted: a subscription gets nothing.
        """
        hearers = self.listeners if listeners is None else listeners
        await self.hear(hearers, window, charge, or_lost=or_lost, since=since)
        if load is not None:
            await load.stop()
        await self._close_window(window)

    async def recover_unheard(
        self, window: FaultWindow, quiet: Callable[[Probe], Awaitable[None]]
    ) -> None:
        """Waits for the claimed time of recovery without a publish; then the fault is over."""
        window.lifted = self.probe.history.clock.now()
        await quiet(self.probe)
        await self._close_window(window)

    async def _close_window(self, window: FaultWindow) -> None:
        limit_s = self.probe.capabilities.publish_timeout_s + GRACE_S
        for task in self._asking:
            if not await self.probe.deadline.wait(task, timeout_s=limit_s):
                stuck = [p for p in self.probe.history.publishes if p.outcome == "pending"]
                raise hung(self.probe, stuck, limit_s)
        window.ended = self.probe.history.clock.now()
        self._new_epoch()

    async def hear(
        self,
        listeners: Sequence[Listener],
        window: FaultWindow,
        charge: Sequence[str],
        *,
        or_lost: bool = False,
        since: str = "",
    ) -> None:
        """Waits until these subscriptions get events of all clients.

        Raises:
            CaseAborted: one of them gets nothing; charged to `charge` and the case's requirements.
        """
        if window.lifted is None:
            window.lifted = self.probe.history.clock.now()
        await _Recovery(self, listeners, or_lost, since or f"after {window.text} was over").wait(
            window, tuple(dict.fromkeys([*charge, *self.probe.requirements]))
        )

    def _new_epoch(self) -> None:
        for client in self.clients:
            client.epoch += 1

    async def _close(self, client: Client) -> None:
        """Closes a client before its proxy and its server, and still reads late events."""
        leaving = [
            one for one in self.probe.listeners if one.client is client and one.entry.entered
        ]
        for listener in leaving:
            listener.drain()
        await asyncio.sleep(0)
        left = await asyncio.gather(*(listener.leave_quietly() for listener in leaving))
        self.probe.violations.extend(violation for violation in left if violation is not None)
        problem = await client.leave()
        if problem is not None and client.tainted is None:
            self.probe.found("closing a client to succeed", f"it raised {problem}")


@asynccontextmanager
async def scene_of(probe: Probe) -> AsyncIterator[Scene]:
    """Makes a scene, and closes its clients before their proxies."""
    async with AsyncExitStack() as stack:
        yield Scene(probe, stack)


async def fallen_quiet(scene: Scene) -> None:
    """Waits until all that was sent to the clients has arrived."""
    before = -1
    while (now := sum(proxy.sent["client"] for proxy in scene.proxies)) != before:
        before = now
        await asyncio.sleep(_QUIET_S)


class _Recovery:
    """Publishes from every client to every subscription, until each event came."""

    def __init__(
        self, scene: Scene, listeners: Sequence[Listener], or_lost: bool, since: str
    ) -> None:
        self._or_lost = or_lost
        self._since = since
        self._probe = scene.probe
        self._listeners = listeners
        self._knocks: dict[Client, list[Event]] = {client: [] for client in scene.clients}
        self._knocking: dict[Client, asyncio.Task[None]] = {}

    async def wait(self, window: FaultWindow, charge: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        recovery_s = self._probe.capabilities.recovery_s
        until = loop.time() + recovery_s + GRACE_S
        while deaf := self._deaf():
            client, listener = deaf[0]
            ended = listener.entry.end
            if ended is not None or loop.time() > until:
                self._probe.found(
                    f"{listener.entry.name} to deliver again, on its own, within {recovery_s:g} s "
                    f"{self._since}",
                    f"it ended ({listener.entry.end_error or ended})"
                    if ended is not None
                    else f"nothing that {client.name} publishes arrives{self._why(client)}",
                    listener.entry,
                    window,
                    charge=charge,
                )
                raise CaseAborted
            for knocker in {client for client, _ in deaf}:
                self._knock(knocker, [one for client, one in deaf if client is knocker])
            await asyncio.gather(*(one.drain_for(_BEAT_S) for one in self._listeners))
        for task in self._knocking.values():
            if not await self._probe.deadline.wait(task, timeout_s=recovery_s):
                raise hung(self._probe, [], recovery_s)

    def _deaf(self) -> list[tuple[Client, Listener]]:
        return [
            (client, listener)
            for client, knocks in self._knocks.items()
            for listener in self._listeners
            if not (listener.heard(knocks) or (self._or_lost and listener.entry.end == "lost"))
        ]

    def _knock(self, client: Client, deaf: Sequence[Listener]) -> None:
        before = self._knocking.get(client)
        if before is None or before.done():
            events = self._probe.for_each(deaf)
            self._knocks[client] += events
            self._knocking[client] = self._probe.spawn(self._publish(client, events))

    async def _publish(self, client: Client, events: Sequence[Event]) -> None:
        for event in events:
            (await self._probe.attempt(event, client)).purpose = "fence"

    def _why(self, client: Client) -> str:
        mine = [p for p in self._probe.history.publishes if p.client == client.name]
        if not mine or mine[-1].outcome == "ok":
            return ""
        return f"; its last publish {'raised ' + mine[-1].error if mine[-1].error else 'hangs'}"
