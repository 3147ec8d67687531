"""Servers that serve their readers unequally."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken, send_body
from eventhook_reference.mutants._serving_apps import feeding, knowing_what_is_read

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_READERS: Final[list[Mutant]] = []


# Several readers


@broken(SERVING_READERS, "SSE-07", seen="to arrive on")
def leaving_takes_the_newest_along() -> type[SseApp]:
    """Ends the newest reader's stream of a workflow when another one leaves."""

    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        async def write(self, outbox: Any, send: Any) -> None:
            current: dict[Any, Any] = self.__dict__.setdefault("current", {})
            dead: set[Any] = self.__dict__.setdefault("dead", set())
            read = self.read[outbox]
            current[read] = outbox
            try:
                while (body := await outbox.take()) is not None:
                    if outbox not in dead:
                        await send_body(send, body)
                await send_body(send, b"", more=False)
            finally:
                dead.add(current.get(read))

    made: type[SseApp] = Broken
    return made


@broken(SERVING_READERS, "SSE-07", seen="to arrive on")
def serves_fifty_readers() -> type[SseApp]:
    """Accepts readers of a stream beyond fifty, and sends them nothing."""

    def change(feed: Any) -> Any:
        class Full(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                for outbox in list(self._outboxes)[:50]:
                    outbox.put(frame, side)

        return Full

    return feeding("every", change)


@broken(SERVING_READERS, "SSE-04", seen="to arrive on")
def forgets_the_first_event_of_those_who_join() -> type[SseApp]:
    """Drops the first event of a reader that joins a feed."""

    def change(feed: Any) -> Any:
        class Late(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                known = self.__dict__.setdefault("entered", set())
                first = not known
                for outbox in list(self._outboxes):
                    if first or outbox in known:
                        outbox.put(frame, side)
                known.update(self._outboxes)

        return Late

    return feeding("every", change)


@broken(SERVING_READERS, "SSE-09", seen="what belongs elsewhere")
def shares_one_feed_among_a_tenants_workflows() -> type[SseApp]:
    """Keeps feeds by tenant: a reader gets the feed of the tenant's first workflow."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            def make() -> Any:
                feed = self.make_feed(endpoint, types, tenant, id)
                feed.start(self.keep_alive(feed))
                return feed

            async with self.feeds.reading((endpoint.kind, tenant, types), make) as outbox:
                yield outbox

    return Broken


@broken(SERVING_READERS, "SSE-09", seen="what belongs elsewhere")
def shows_a_workflow_its_tenants_events() -> type[SseApp]:
    """Sends the lifecycle events of all of a tenant's workflows on a workflow's stream."""

    def change(feed: Any) -> Any:
        class Wide(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def follow_events(self, pattern: Any) -> None:
                from eventhook_conformance.contract import EventPattern

                await super().follow_events(EventPattern.all(self.tenant_id))

            def begin_end(self) -> None:
                pass

        return Wide

    return feeding("workflow", change)


@broken(SERVING_READERS, "SSE-10", seen="its publisher's order on each side")
def writes_workflow_events_first() -> type[SseApp]:
    """Writes waiting events of the workflow itself before those of its tasks."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            while (body := await outbox.take()) is not None:
                await asyncio.sleep(0.002)  # so that something waits
                frames = [frame + b"\n\n" for frame in body.split(b"\n\n")[:-1]]
                frames.sort(key=lambda frame: not frame.startswith(b"event: workflow."))
                await send_body(send, b"".join(frames))
            await send_body(send, b"", more=False)

    return Broken


@broken(SERVING_READERS, "SSE-10", seen="its publisher's order on each side")
def reads_what_waits_from_the_end() -> type[SseApp]:
    """Writes waiting events newest first."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            while (body := await outbox.take()) is not None:
                await asyncio.sleep(0.002)  # so that something waits
                frames = [frame + b"\n\n" for frame in body.split(b"\n\n")[:-1]]
                await send_body(send, b"".join(reversed(frames)))
            await send_body(send, b"", more=False)

    return Broken


@broken(SERVING_READERS, "SSE-16", seen="to arrive on")
def leaves_out_a_standalone_tasks_events() -> type[SseApp]:
    """Leaves a standalone task's lifecycle events out of its stream."""

    def change(feed: Any) -> Any:
        class Half(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                taken = await super().on_event(event)
                return bool(taken) and event.workflow_execution_id is not None

        return Half

    return feeding("task", change)


# Readers that stall


def _stalling(then: Any) -> type[SseApp]:
    """Returns an application that calls `then` in place of the first write after one that took long."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            loop, stalled, last = asyncio.get_running_loop(), False, b""
            while (body := await outbox.take()) is not None:
                began = loop.time()
                if stalled:
                    await then(send, last, body)
                    stalled = False
                else:
                    await send_body(send, body)
                    stalled = loop.time() - began > _STALL_S
                last = body
            await send_body(send, b"", more=False)

    return Broken


_STALL_S: Final = 0.05


@broken(SERVING_READERS, "SSE-21", seen="each token once for a reader that stalled")
def sends_again_to_who_stalled() -> type[SseApp]:
    """Sends an event again whose write took too long."""

    async def again(send: Any, last: bytes, body: bytes) -> None:
        await send_body(send, last + body)

    return _stalling(again)


@broken(SERVING_READERS, "SSE-21", seen="for a reader that stalled")
def cuts_events_for_who_stalled() -> type[SseApp]:
    """Drops the bytes that do not fit into a stalled reader's socket, even within an event."""

    async def half(send: Any, last: bytes, body: bytes) -> None:
        await send_body(send, body[: len(body) // 3])

    return _stalling(half)


@broken(SERVING_READERS, "SSE-21", seen="to get the newest event, or its stream to end")
def gives_up_on_who_stalled() -> type[SseApp]:
    """Sends nothing more to a reader that stalled, and leaves its connection open."""

    async def forget(send: Any, last: bytes, body: bytes) -> None:
        await asyncio.Event().wait()

    return _stalling(forget)
