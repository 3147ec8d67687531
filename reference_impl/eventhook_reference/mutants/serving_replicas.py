"""Bugs of several servers over one bus, and of servers whose bus was lost.

Each class of parts is one broken replica; it is loaded in the replica's own process.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent, StreamingBackend
from eventhook_conformance.target import Capabilities, HttpTarget, Mutant, Server, Target
from eventhook_reference import nats
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants._register_server import KEEP_ALIVE_S
from eventhook_reference.mutants._serving_apps import feeding
from eventhook_reference.replicas import replicated
from eventhook_reference.sse.following import Following
from eventhook_reference.sse.replica import Order, Parts

SERVING_REPLICAS: Final[list[Mutant]] = []


def _broken(*caught_by: str, seen: str) -> Callable[[type[Parts]], type[Parts]]:
    """Enters a class of parts into the zoo; the docstring is the bug."""

    def target(name: str, parts: type[Parts]) -> Target:
        return replicated(name, f"{__name__}:{parts.__name__}")

    return register(SERVING_REPLICAS, *caught_by, seen=seen, target=target)


# Executions of other replicas


class _Unaware(Following):
    async def catch_up(self, tenant_id: UUID) -> None:
        pass

    def learn(self, event: FlovynEvent) -> None:
        pass


@_broken("SSE-26", seen="to know an execution made at another replica")
class KeepsExecutionsInOneProcess(Parts):
    """Knows executions only in the process that created them."""

    following = _Unaware


class _Slow(Following):
    async def catch_up(self, tenant_id: UUID) -> None:
        pass

    def learn(self, event: FlovynEvent) -> None:
        asyncio.get_running_loop().call_later(0.5, super().learn, event)


@_broken("SSE-26", seen="to know an execution made at another replica")
class LearnsOfExecutionsInItsOwnTime(Parts):
    """Learns of another replica's executions half a second later."""

    following = _Slow


@_broken("SSE-26", seen="to get the same events of new executions")
class PublishesItsOwnEventsLocally(Parts):
    """Delivers the server's own events only to its own readers, not through the bus."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        if order.peer is not None:
            # As the readers of the other one see it: they never hear of what the first one made.
            self.app = feeding("events", _without_provisioned)


def _without_provisioned(feed: Any) -> Any:
    class Local(feed):  # type: ignore[misc]  # because: of whichever class the feed is
        async def on_event(self, event: FlovynEvent) -> bool:
            taken = await super().on_event(event)
            data = event.data if isinstance(event.data, dict) else {}
            return bool(taken) and data.get("kind") != "provisioned"

    return Local


# Families


class _Childless(Following):
    def learn(self, event: FlovynEvent) -> None:
        data = event.data if isinstance(event.data, dict) else {}
        if data.get("parentWorkflowExecutionId") is None and not event.event_type.startswith(
            "child_workflow."
        ):
            super().learn(event)


def _by_registry_alone(feed: Any) -> Any:
    class Local(feed):  # type: ignore[misc]  # because: of whichever class the feed is
        async def on_event(self, event: FlovynEvent) -> bool:
            workflow = event.workflow_execution_id
            if workflow is not None and self._descends(workflow):
                await self.adopt(workflow)
            return workflow in self.family

    return Local


@_broken("SSE-27", seen="to arrive on")
class KnowsChildrenWhereTheyBegan(Parts):
    """Knows the children of a workflow only on the replica that began them."""

    app = feeding("consolidated", _by_registry_alone)
    following = _Childless


class _Orphaning(Following):
    """Learns of children by the event that tells of them, and keeps no parents."""

    def learn(self, event: FlovynEvent) -> None:
        super().learn(event)
        for workflow in (event.workflow_execution_id, _child_of(event)):
            if workflow is not None and workflow in self.known.workflows:
                self.known.workflows[workflow].parent = None

    def __init__(self, backend: StreamingBackend, registry: Registry) -> None:
        super().__init__(backend, registry)
        self.known = registry


def _child_of(event: FlovynEvent) -> UUID | None:
    data = event.data if isinstance(event.data, dict) else {}
    try:
        return UUID(str(data.get("childWorkflowId")))
    except ValueError:
        return None


@_broken("SSE-27", seen="to arrive on")
class ForgetsWhoseChildrenTheyAre(Parts):
    """Forgets the parent of a child that began on another replica: late readers miss its events."""

    following = _Orphaning


def _one_generation(feed: Any) -> Any:
    class Flat(feed):  # type: ignore[misc]  # because: of whichever class the feed is
        async def adopt(self, workflow: UUID) -> None:
            entry = self.registry.workflows.get(workflow)
            if workflow == self.id or (entry is not None and entry.parent == self.id):
                await super().adopt(workflow)

    return Flat


@_broken("SSE-27", seen="to arrive on")
class IncludesOneGenerationFromElsewhere(Parts):
    """Includes children that began on another replica, but not grandchildren."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        if order.peer is not None:
            self.app = feeding("consolidated", _one_generation)


# A replica is lost


class _Leaning(Parts):
    """A replica that does something once the first one is gone."""

    async def run_beside(self, app: Any) -> None:
        """Watches the first one."""
        if self.order.peer is None:
            return
        url = urlsplit(self.order.peer)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1024):
                pass
        writer.close()
        self.lose(app)

    def lose(self, app: Any) -> None:
        """Does nothing when the first replica is gone."""


@_broken("SSE-28", seen="to arrive on")
class HearsOnlyWhatItsLeaderPassesOn(_Leaning):
    """Listens to the bus on one replica only: without it, readers of the others get nothing."""

    def lose(self, app: Any) -> None:
        for feed in app.feeds.all_open():
            feed.put = lambda frame, side: None


@_broken("SSE-28", seen="the stream to open with 200")
class ForgetsWhatALostReplicaMade(_Leaning):
    """Forgets the executions that a lost replica created."""

    def lose(self, app: Any) -> None:
        app.registry.workflows.clear()
        app.registry.tasks.clear()


@_broken("SSE-28", seen="to arrive on")
class StartsAnewWhenAReplicaIsLost(_Leaning):
    """Ends the streams of all replicas when one of them is lost."""

    def lose(self, app: Any) -> None:
        for feed in app.feeds.all_open():
            feed.finish()


# The bus is lost


Lose: TypeAlias = Callable[[Any], None]


def _losing(*caught_by: str, seen: str) -> Callable[[Lose], Lose]:
    """Enters a server over NATS into the zoo that does `lose(app)` when the bus is lost."""

    return register(SERVING_REPLICAS, *caught_by, seen=seen, target=_over_nats)


def _over_nats(name: str, lose: Lose) -> Target:
    running: list[Server] = []

    @asynccontextmanager
    async def server() -> AsyncIterator[Server]:
        async with nats.server() as started:
            running[:] = [started]
            yield started

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        return _watched(backend, running[0].address, lose)

    return Target(
        name,
        server=server,
        connect=nats.connect,
        http=http,
        capabilities=Capabilities(profiles={"sse"}, causal_order=True),
    )


@asynccontextmanager
async def _watched(
    backend: StreamingBackend, address: str, lose: Lose
) -> AsyncIterator[HttpTarget]:
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.server import http

    apps: list[SseApp] = []

    def make_app(*args: Any, **named: Any) -> SseApp:
        apps.append(SseApp(*args, **named))
        return apps[0]

    async def watch() -> None:
        url = urlsplit(address)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        writer.close()
        lose(apps[0])

    async with http(backend, keep_alive_s=KEEP_ALIVE_S, make_app=make_app) as target:
        watching = asyncio.get_running_loop().create_task(watch())
        try:
            yield target
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@_losing("SSE-24", seen="is open and silent")
def stays_deaf_after_the_bus_was_lost(app: Any) -> None:
    """Never subscribes again after the bus was lost, and tells its readers nothing."""
    for feed in app.feeds.all_open():
        feed.put = lambda frame, side: None


@_losing("SSE-24", seen="is open and silent")
def renews_events_and_no_streams(app: Any) -> None:
    """Subscribes again to lifecycle events after the bus was lost, but not to stream events."""
    for feed in app.feeds.all_open():
        feed.stream_frame = lambda event: None


@_losing("SSE-24", seen="a new stream")
def answers_new_readers_from_a_bus_that_is_gone(app: Any) -> None:
    """Ends streams when the bus is lost, and opens new ones on the lost connection."""
    from eventhook_reference.sse.feed import Feed

    make: Any = app.make_feed

    def make_deaf(*args: Any) -> Feed:
        feed: Feed = make(*args)
        feed.put = lambda frame, side: None  # type: ignore[method-assign]  # because: a bug is
        return feed

    app.make_feed = make_deaf
    for feed in app.feeds.all_open():
        feed.finish()
