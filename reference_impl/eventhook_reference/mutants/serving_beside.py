"""Servers whose streams are wrong beside others: of other tenants, workflows, readers and requests.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_BESIDE: Final[list[Mutant]] = []


# Other tenants


@broken(SERVING_BESIDE, "SSE-20", seen="the stream ended")
def believes_any_tenants_end() -> type[SseApp]:
    """Ends a workflow's stream at its end as published under another tenant."""
    from eventhook_reference.sse.feeds import ENDINGS

    def change(feed: Any) -> Any:
        class Trusting(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def open(self) -> None:
                await super().open()
                for tenant in {one.tenant_id for one in self.registry.workflows.values()}:
                    every = self.backend.events.subscribe(EventPattern.all(tenant))
                    self.start(self.end_by(await self._subscriptions.enter_async_context(every)))

            async def end_by(self, events: Any) -> None:
                async for event in events:
                    if event.event_type in ENDINGS and event.workflow_execution_id == self.id:
                        self.begin_end()

        return Trusting

    return feeding("workflow", change)


@broken(SERVING_BESIDE, "SSE-11", seen="what belongs elsewhere")
def takes_any_workflow_for_a_child() -> type[SseApp]:
    """Includes a workflow that an event names as a child, even if another tenant owns it."""

    def change(feed: Any) -> Any:
        class Adopting(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def _is_ours(self, workflow: UUID) -> bool:
                return True

        return Adopting

    return feeding("consolidated", change)


@broken(SERVING_BESIDE, "SSE-06", seen="another tenant's")
def knows_events_by_their_id_alone() -> type[SseApp]:
    """Caches encoded events by their id: two tenants' events with one id become one."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.framing import lifecycle_frame

    class Broken(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            frames: dict[UUID, bytes] = {}

            def encode(event: FlovynEvent) -> bytes:
                return frames.setdefault(event.id, lifecycle_frame(event))

            encoders: Any = self.encoders
            encoders.lifecycle = encode

    return Broken


@broken(SERVING_BESIDE, "SSE-06", seen="on the same connection")
def authenticates_connections() -> type[SseApp]:
    """Authenticates a connection once: a request without credentials gets those of the one before."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def admit(self, request: Any) -> UUID:
            known: dict[Any, UUID] = self.__dict__.setdefault("known", {})
            connection = tuple(request.client or ())
            if "authorization" not in request.headers and connection in known:
                return known[connection]
            known[connection] = await super().admit(request)
            return known[connection]

    return Broken


# Children


@broken(SERVING_BESIDE, "SSE-11", seen="the stream ended")
def stumbles_over_children_without_id() -> type[SseApp]:
    """Ends the stream at a child's event without the child's id."""

    def change(feed: Any) -> Any:
        class Stumbling(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: FlovynEvent) -> bool:
                if event.event_type == "child_workflow.initiated" and not names_a_child(event.data):
                    self.finish()
                return bool(await super().on_event(event))

        return Stumbling

    return feeding("consolidated", change)


def names_a_child(data: Any) -> bool:
    """Returns whether a snapshot has a possible id of a child."""
    return isinstance(data, dict) and isinstance(data.get("childWorkflowId"), str)


@broken(SERVING_BESIDE, "SSE-11", seen="each event once")
def listens_again_when_a_child_starts() -> type[SseApp]:
    """Subscribes to a child twice: when it is initiated, and when it starts."""

    def change(feed: Any) -> Any:
        class Doubling(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: FlovynEvent) -> bool:
                taken = bool(await super().on_event(event))
                if taken and event.event_type == "child_workflow.started":
                    await self.follow_stream(UUID(event.data["childWorkflowId"]))
                return taken

        return Doubling

    return feeding("consolidated", change)


def _forwarding(taken: Callable[[Any, FlovynEvent], bool]) -> type[SseApp]:
    """Returns an application whose tenants' streams carry these events alone."""

    def change(feed: Any) -> Any:
        class Choosing(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def _forward_event(self, event: FlovynEvent) -> None:
                if taken(self.registry, event):
                    await super()._forward_event(event)

        return Choosing

    return feeding("events", change)


@broken(SERVING_BESIDE, "SSE-04", seen="to be delivered")
def leaves_children_out_of_the_tenants_stream() -> type[SseApp]:
    """Leaves the events of children out of the tenant's stream."""

    def taken(registry: Any, event: FlovynEvent) -> bool:
        known = registry.workflows.get(event.workflow_execution_id)
        return known is None or known.parent is None

    return _forwarding(taken)


@broken(SERVING_BESIDE, "SSE-04", seen="to be delivered")
def leaves_standalone_tasks_out_of_the_tenants_stream() -> type[SseApp]:
    """Leaves the events of standalone tasks out of the tenant's stream."""
    return _forwarding(
        lambda registry, event: bool(event.workflow_execution_id) or not event.task_execution_id
    )


# Other readers


@broken(SERVING_BESIDE, "SSE-04", seen="to arrive on")
def listens_to_sixteen_workflows() -> type[SseApp]:
    """Keeps sixteen subscriptions, and ends the oldest for a new one, though it is still read."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_feed(self, endpoint: Any, types: Any, tenant: UUID, id: UUID) -> Any:
            feed: Any = super().make_feed(endpoint, types, tenant, id)
            kept: list[Any] = self.__dict__.setdefault("kept", [])
            if endpoint.kind == "workflow":
                kept[:] = [one for one in kept if one in self.feeds.all_open()]
                kept.append(feed)
                if len(kept) > 16:
                    kept.pop(0).__class__ = _deaf(type(feed))
            return feed

    return Broken


@broken(SERVING_BESIDE, "SSE-04", seen="to arrive on")
def joins_readers_to_what_is_being_closed() -> type[SseApp]:
    """Joins a reader to a stream that is being closed, which sends nothing more."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.outbox import Outbox

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            closing: dict[Any, None] = self.__dict__.setdefault("closing", {})
            key = (endpoint.kind, tenant, id, types)
            if key in closing:
                yield Outbox()
                return
            try:
                async with super().reading(endpoint, types, tenant, id) as outbox:
                    yield outbox
            finally:
                closing[key] = None
                asyncio.get_running_loop().call_later(0.05, closing.pop, key, None)

    return Broken


@broken(SERVING_BESIDE, "SSE-04", seen="to arrive on")
def keeps_sixteen_events_on_their_way() -> type[SseApp]:
    """Queues sixteen events for a reader, and drops the oldest of more that come at once."""

    def change(feed: Any) -> Any:
        class Narrow(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Any:
                from eventhook_reference.sse.outbox import Outbox

                return Outbox(16, 16)

        return Narrow

    return feeding("every", change)


def _deaf(feed: type[Any]) -> type[Any]:
    class Deaf(feed):  # type: ignore[misc]  # because: of whichever class the feed is
        def put(self, frame: bytes, side: Any) -> None:
            pass

    return Deaf


def _taking_along(taken: Callable[[Any, Any, Any], bool]) -> type[SseApp]:
    """Returns an application in which a reader that leaves silences others' subscriptions to streams.

    Args:
        taken: whether another feed's subscriptions go, given the endpoint and types that were read, and it.
    """
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            try:
                async with super().reading(endpoint, types, tenant, id) as outbox:
                    yield outbox
            finally:
                self.take_along(endpoint, types, id)

        def take_along(self, endpoint: Any, types: Any, id: UUID) -> None:
            keys = {id}
            if endpoint.kind == "task":
                keys.add(self.registry.tasks[id].workflow or id)
            if endpoint.kind == "consolidated":
                keys.update(self.registry.children(id))
            for feed in self.feeds.all_open():
                if taken(endpoint, types, feed):
                    feed.__dict__.setdefault("silent", set()).update(map(str, keys))

        def make_feed(self, endpoint: Any, types: Any, tenant: UUID, id: UUID) -> Any:
            feed: Any = super().make_feed(endpoint, types, tenant, id)
            feed.kind = endpoint.kind

            class Silenced(type(feed)):  # type: ignore[misc]  # because: of whichever class it is
                async def _forward_stream_event(self, event: Any) -> None:
                    if event.workflow_execution_id not in self.__dict__.get("silent", ()):
                        await super()._forward_stream_event(event)

            feed.__class__ = Silenced
            return feed

    return Broken


@broken(SERVING_BESIDE, "SSE-07", seen="to arrive on")
def tasks_readers_take_the_workflows_stream_along() -> type[SseApp]:
    """Ends its workflow's stream for others when a task's reader leaves."""
    return _taking_along(lambda endpoint, types, other: endpoint.kind == "task")


@broken(SERVING_BESIDE, "SSE-07", seen="to arrive on")
def readers_take_their_familys_subscription_along() -> type[SseApp]:
    """Ends a workflow's part of a consolidated stream when a reader of the workflow leaves."""
    return _taking_along(
        lambda endpoint, types, other: endpoint.kind == "workflow" and other.kind == "consolidated"
    )


@broken(SERVING_BESIDE, "SSE-07", seen="to arrive on")
def families_readers_take_their_members_along() -> type[SseApp]:
    """Ends the streams of single workflows when a reader of their consolidated stream leaves."""
    return _taking_along(lambda endpoint, types, other: endpoint.kind == "consolidated")


@broken(SERVING_BESIDE, "SSE-07", seen="to arrive on")
def readers_of_some_types_take_the_others_along() -> type[SseApp]:
    """Ends the streams with other `types` when a reader of some types leaves."""
    return _taking_along(
        lambda endpoint, types, other: types.prefixes is not None and other.types != types
    )
