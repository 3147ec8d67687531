"""Servers that get the feeds wrong: subscribing, merging, and readers that leave.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding, knowing_what_is_read

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_FEEDS: Final[list[Mutant]] = []


@broken(SERVING_FEEDS, "SSE-04", seen="to arrive on r1")
def answers_before_it_subscribes() -> type[SseApp]:
    """Sends the headers before it subscribes, and loses events published between."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def stream(self, reading: Any, send: Any) -> None:
            await super().start(send)
            await asyncio.sleep(0.02)
            await super().stream(reading, send)

        async def start(self, send: Any) -> None:
            pass

    return Broken


@broken(SERVING_FEEDS, "SSE-04", seen="to arrive on")
def forgets_the_first_event_of_each_reader() -> type[SseApp]:
    """Drops the first event of each stream."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            body = await outbox.take()
            if body is not None:
                rest = body.partition(b"\n\n")[2]
                await send({"type": "http.response.body", "body": rest, "more_body": True})
                await super().write(outbox, send)

    return Broken


@broken(SERVING_FEEDS, "SSE-07", seen="to arrive on")
def last_reader_takes_all() -> type[SseApp]:
    """Sends a workflow's events only to its newest reader."""

    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        async def write(self, outbox: Any, send: Any) -> None:
            newest: dict[Any, Any] = self.__dict__.setdefault("newest", {})
            read = self.read[outbox]
            newest[read] = outbox
            while (body := await outbox.take()) is not None:
                if newest[read] is outbox:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_FEEDS, "SSE-07", seen="to arrive on")
def closes_with_who_came_first() -> type[SseApp]:
    """Ends the streams of all readers of a feed when the first of them leaves."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            opened: list[Any] = []

            def make() -> Any:
                opened.append(self.make_feed(endpoint, types, tenant, id))
                return opened[0]

            async with self.feeds.reading((endpoint.kind, tenant, id, types), make) as outbox:
                try:
                    yield outbox
                finally:
                    for feed in opened:
                        await feed.aclose()

    return Broken


@broken(SERVING_FEEDS, "SSE-08", seen="to be freed within 2 s")
def notices_a_reader_only_when_it_writes() -> type[SseApp]:
    """Keeps the subscriptions of a reader that left until it writes to it."""
    from eventhook_reference.sse.app import SseApp, _StreamResponse

    class Unwatched(_StreamResponse):
        async def answer(self, scope: Any, receive: Any, send: Any) -> None:
            async def never() -> Any:
                return await asyncio.Event().wait()

            await super().answer(scope, never, send)

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            response = await super().answer(endpoint, request)
            if isinstance(response, _StreamResponse):
                response.__class__ = Unwatched
            return response

    return Broken


@broken(SERVING_FEEDS, "SSE-08", seen="to be freed within 2 s")
def leaks_readers_that_left_early() -> type[SseApp]:
    """Keeps the subscriptions of a reader that left before the answer began."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        kept: Final[list[Any]] = []

        async def stream(self, reading: Any, send: Any) -> None:
            self.kept.append(reading)
            outbox = await reading.__aenter__()
            await asyncio.sleep(0.02)
            try:
                await self.start(send)
                await self.write(outbox, send)
            finally:
                await reading.__aexit__(None, None, None)

    return Broken


@broken(SERVING_FEEDS, "SSE-09", seen="what belongs elsewhere")
def uses_a_buffer_again() -> type[SseApp]:
    """Sends the unsent rest of one reader's buffer to the next reader."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        last = b""

        async def write(self, outbox: Any, send: Any) -> None:
            await send({"type": "http.response.body", "body": self.last, "more_body": True})
            while (body := await outbox.take()) is not None:
                if not body.startswith(b":"):
                    type(self).last = body
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_FEEDS, "SSE-10", seen="its publisher's order on each side")
def sends_each_event_in_its_own_task() -> type[SseApp]:
    """Sends each event in a task of its own, and some of them take longer."""

    def change(feed: Any) -> Any:
        class Hasty(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            count = 0

            async def _forward_event(self, event: Any) -> None:
                self.count += 1
                self.start(self._later(event, self.count % 2 * 0.005))

            async def _later(self, event: Any, delay_s: float) -> None:
                await asyncio.sleep(delay_s)
                await super()._forward_event(event)

        return Hasty

    return feeding("every", change)


@broken(SERVING_FEEDS, "SSE-11", seen="to arrive on")
def fixes_the_family_on_connecting() -> type[SseApp]:
    """Includes only the children that exist when the reader connects."""

    def change(feed: Any) -> Any:
        class Fixed(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                return event.workflow_execution_id in self.family

        return Fixed

    return feeding("consolidated", change)


@broken(SERVING_FEEDS, "SSE-11", seen="to arrive on")
def listens_to_a_child_too_late() -> type[SseApp]:
    """Subscribes to a child after it told the reader of it, and loses its first events."""

    def change(feed: Any) -> Any:
        class Late(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def follow_stream(self, key: UUID) -> None:
                if key == self.id:
                    await super().follow_stream(key)
                else:
                    self.start(self._soon(key))

            async def _soon(self, key: UUID) -> None:
                await asyncio.sleep(0.05)
                await super().follow_stream(key)

        return Late

    return feeding("consolidated", change)


@broken(SERVING_FEEDS, "SSE-11", seen="what belongs elsewhere")
def takes_the_tenant_for_the_family() -> type[SseApp]:
    """Sends every lifecycle event of the tenant on a consolidated stream."""

    def change(feed: Any) -> Any:
        class Wide(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                await super().on_event(event)
                return True

        return Wide

    return feeding("consolidated", change)


@broken(SERVING_FEEDS, "SSE-12", seen="a comment within")
def stays_silent_when_idle() -> type[SseApp]:
    """Sends no keep-alive comments."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def keep_alive(self, feed: Any) -> None:
            await asyncio.Event().wait()

    return Broken


@broken(SERVING_FEEDS, "SSE-12", seen="on r1")
def comments_into_the_middle_of_events() -> type[SseApp]:
    """Writes comments into the middle of events."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            loop = asyncio.get_running_loop()
            due = loop.time() + self.keep_alive_s / 2
            while (body := await outbox.take()) is not None:
                if loop.time() > due and len(body) > 1000:
                    half = len(body) // 2
                    body, due = body[:half] + b": keep-alive\n\n" + body[half:], loop.time() + 1
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_FEEDS, "SSE-13", seen="to be kept for a reader that stalled")
def keeps_everything_for_a_stalled_reader() -> type[SseApp]:
    """Queues events for a stalled reader without a bound."""

    def change(feed: Any) -> Any:
        class Unbounded(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Any:
                from eventhook_reference.sse.outbox import Outbox

                return Outbox(2**40, 2**40)

        return Unbounded

    return feeding("every", change)


@broken(SERVING_FEEDS, "SSE-13", seen="to be kept for a reader that stalled")
def keeps_everything_and_writes_tersely() -> type[SseApp]:
    """Queues events without a bound, and writes fields without a space after the colon."""
    from eventhook_reference.mutants.serving_variants import terse

    class Terse(keeps_everything_for_a_stalled_reader()):  # type: ignore[misc]  # because: made above
        async def write(self, outbox: Any, send: Any) -> None:
            async def shortened(message: Any) -> None:
                await send({**message, "body": terse(message["body"])})

            await super().write(outbox, shortened)

    return Terse


@broken(SERVING_FEEDS, "SSE-13", seen="to arrive on")
def waits_for_the_slowest_reader() -> type[SseApp]:
    """Writes to all readers in turn, and waits for one that does not read."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.turn = asyncio.Lock()

        async def write(self, outbox: Any, send: Any) -> None:
            while (body := await outbox.take()) is not None:
                async with self.turn:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_FEEDS, "SSE-16", seen="to arrive on r1")
def waits_on_a_standalone_tasks_workflow() -> type[SseApp]:
    """Subscribes a standalone task's stream under the id of no workflow, and sends nothing."""

    def change(feed: Any) -> Any:
        class Astray(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def follow_stream(self, key: UUID) -> None:
                entry = self.registry.tasks[self.id]
                await super().follow_stream(key if entry.workflow else UUID(int=0))

        return Astray

    return feeding("task", change)


@broken(SERVING_FEEDS, "SSE-16", seen="to arrive on r1")
def sends_the_first_progress_alone() -> type[SseApp]:
    """Sends the first progress of a task only."""

    def change(feed: Any) -> Any:
        class Once(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            progressed = False

            def stream_frame(self, event: Any) -> bytes | None:
                if event.event_type == "PROGRESS":
                    if self.progressed:
                        return None
                    self.progressed = True
                frame: bytes | None = super().stream_frame(event)
                return frame

        return Once

    return feeding("task", change)


@broken(SERVING_FEEDS, "SSE-17", seen="nothing from before the request")
def replays_to_who_names_an_event() -> type[SseApp]:
    """Sends the events of the last minutes to a reader with a Last-Event-ID, without offering replay."""

    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        async def answer(self, endpoint: Any, request: Any) -> Any:
            self.again = "last-event-id" in request.headers
            return await super().answer(endpoint, request)

        async def write(self, outbox: Any, send: Any) -> None:
            memory: dict[Any, bytes] = self.__dict__.setdefault("memory", {})
            read = self.read[outbox]
            if self.again and (old := memory.get(read)):
                await send({"type": "http.response.body", "body": old, "more_body": True})
            while (body := await outbox.take()) is not None:
                memory[read] = memory.get(read, b"") + body
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_FEEDS, "SSE-18", seen="it stays open")
def never_closes() -> type[SseApp]:
    """Never ends the stream of a workflow that has ended."""

    def change(feed: Any) -> Any:
        class Endless(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def end(self) -> None:
                await asyncio.Event().wait()

        return Endless

    return feeding("every", change)
