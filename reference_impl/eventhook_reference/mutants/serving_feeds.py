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
    """The headers go out first; what is published before the subscription stands is lost."""
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
    """The first event of a stream opens it, and is not sent."""
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
    """Readers are kept by workflow, and a new one takes the place of the old."""

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
    """Readers share a feed, and the one who had it opened closes it when leaving."""
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
    """Nobody looks whether the reader is still there; an idle stream keeps its subscriptions."""
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
    """A reader that leaves before the answer began is never cleaned up."""
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
    """The unread rest of one reader begins the stream of the next."""
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
    """A task for each event: those that are longer under way arrive later."""

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
    """The workflows of the family are looked up once, when the reader comes."""

    def change(feed: Any) -> Any:
        class Fixed(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                return event.workflow_execution_id in self.family

        return Fixed

    return feeding("consolidated", change)


@broken(SERVING_FEEDS, "SSE-11", seen="to arrive on")
def listens_to_a_child_too_late() -> type[SseApp]:
    """The reader is told of a child first, and the child listened to a little later."""

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
    """The consolidated stream carries every lifecycle event of the tenant."""

    def change(feed: Any) -> Any:
        class Wide(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                await super().on_event(event)
                return True

        return Wide

    return feeding("consolidated", change)


@broken(SERVING_FEEDS, "SSE-12", seen="a comment within")
def stays_silent_when_idle() -> type[SseApp]:
    """There are no keep-alive comments: proxies cut the connection."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def keep_alive(self, feed: Any) -> None:
            await asyncio.Event().wait()

    return Broken


@broken(SERVING_FEEDS, "SSE-12", seen="on r1")
def comments_into_the_middle_of_events() -> type[SseApp]:
    """A timer writes its comment whenever it is due, in the midst of an event too."""
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
    """The queue of a reader has no bound."""

    def change(feed: Any) -> Any:
        class Unbounded(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Any:
                from eventhook_reference.sse.outbox import Outbox

                return Outbox(2**40, 2**40)

        return Unbounded

    return feeding("every", change)


@broken(SERVING_FEEDS, "SSE-13", seen="to be kept for a reader that stalled")
def keeps_everything_and_writes_tersely() -> type[SseApp]:
    """The queue of a reader has no bound, and fields have no blank after the colon."""
    from eventhook_reference.mutants.serving_variants import terse

    class Terse(keeps_everything_for_a_stalled_reader()):  # type: ignore[misc]  # because: made above
        async def write(self, outbox: Any, send: Any) -> None:
            async def shortened(message: Any) -> None:
                await send({**message, "body": terse(message["body"])})

            await super().write(outbox, shortened)

    return Terse


@broken(SERVING_FEEDS, "SSE-13", seen="to arrive on")
def waits_for_the_slowest_reader() -> type[SseApp]:
    """One writer serves all readers in turn, and stands still where one does not read."""
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
    """A task without a workflow is listened to under the id of none: 200, and never an event."""

    def change(feed: Any) -> Any:
        class Astray(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def follow_stream(self, key: UUID) -> None:
                entry = self.registry.tasks[self.id]
                await super().follow_stream(key if entry.workflow else UUID(int=0))

        return Astray

    return feeding("task", change)


@broken(SERVING_FEEDS, "SSE-16", seen="to arrive on r1")
def sends_the_first_progress_alone() -> type[SseApp]:
    """Progress after the first is written to the database and to nobody else."""

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
    """A reader with a Last-Event-ID gets what is remembered of the last minutes."""

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
    """The stream of a workflow that has ended stays open."""

    def change(feed: Any) -> Any:
        class Endless(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def end(self) -> None:
                await asyncio.Event().wait()

        return Endless

    return feeding("every", change)
