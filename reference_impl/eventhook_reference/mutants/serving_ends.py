"""Servers that end streams too early, too late or unclearly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken, send_body
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_ENDS: Final[list[Mutant]] = []


# The end


@broken(SERVING_ENDS, "SSE-18", seen="opened after the end")
def waits_for_an_end_that_was() -> type[SseApp]:
    """Never ends a stream that is opened after its workflow ended."""
    from eventhook_reference.lifecycle.registry import Registry
    from eventhook_reference.sse.app import SseApp

    class Forgetful(Registry):
        def ended(self, id: UUID) -> bool:
            return False

    class Broken(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.registry.__class__ = Forgetful

    return Broken


@broken(SERVING_ENDS, "SSE-18", seen="it stays open")
def ends_only_for_those_who_hear_of_it() -> type[SseApp]:
    """Never ends a stream whose `types` leave out the end."""

    def change(feed: Any) -> Any:
        class Deaf(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def begin_end(self) -> None:
                if self.types.takes_lifecycle("workflow.completed"):
                    super().begin_end()

        return Deaf

    return feeding("every", change)


@broken(SERVING_ENDS, "SSE-19", seen="to arrive on")
def discards_what_waits_at_the_end() -> type[SseApp]:
    """Discards unsent events when the workflow has ended."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.over = asyncio.Event()

        def make_feed(self, endpoint: Any, types: Any, tenant: Any, id: Any) -> Any:
            feed = super().make_feed(endpoint, types, tenant, id)

            class Hasty(type(feed)):  # type: ignore[misc]  # because: of whichever class it is
                over = self.over

                async def end(self) -> None:
                    await asyncio.sleep(0.05)
                    self.over.set()

            feed.__class__ = Hasty
            return feed

        async def write(self, outbox: Any, send: Any) -> None:
            while not self.over.is_set() and (body := await outbox.take()) is not None:
                for frame in body.split(b"\n\n")[:-1]:
                    if not self.over.is_set():
                        await send_body(send, frame + b"\n\n")
                        await asyncio.sleep(0.005)
            await send_body(send, b"", more=False)

    return Broken


@broken(SERVING_ENDS, "SSE-19", seen="it ends within an event or a line")
def leaves_the_last_event_unfinished() -> type[SseApp]:
    """Sends the last event without its empty line first, and then again as a whole."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            while (body := await outbox.take()) is not None:
                await send_body(send, body)
            await send_body(send, b"event: end\ndata: {}\n", more=False)

    return Broken


@broken(SERVING_ENDS, "SSE-19", seen="the stream to end in good order")
def breaks_off_at_the_end() -> type[SseApp]:
    """Breaks the connection off at the end, without a last chunk."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            while (body := await outbox.take()) is not None:
                await send_body(send, body)
            raise RuntimeError("the end of a stream was not expected here")

    return Broken


@broken(SERVING_ENDS, "SSE-19", seen="before the stream ends")
def closes_instead_of_telling() -> type[SseApp]:
    """Ends the stream instead of sending the last event of a workflow."""

    def change(feed: Any) -> Any:
        class Mute(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                taken = await super().on_event(event)
                return bool(taken) and event.event_type != "workflow.completed"

        return Mute

    return feeding("every", change)


def _ending_with(ends: Any, kind: str = "every") -> type[SseApp]:
    """Returns an application whose feeds end with an event for which `ends(feed, event)` is true."""

    def change(feed: Any) -> Any:
        class Early(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                taken = await super().on_event(event)
                if taken and ends(self, event):
                    self.begin_end()
                return bool(taken)

        return Early

    return feeding(kind, change)


_LAST: Final = ("completed", "failed", "cancelled")


def _is_last(event: Any, category: str) -> bool:
    first, _, last = event.event_type.rpartition(".")
    return first == category and last in _LAST


@broken(SERVING_ENDS, "SSE-20", seen="to arrive on")
def ends_with_the_first_task() -> type[SseApp]:
    """Ends a workflow's stream at the end of its first task."""
    return _ending_with(lambda feed, event: _is_last(event, "task"))


@broken(SERVING_ENDS, "SSE-20", seen="to arrive on")
def ends_with_any_child() -> type[SseApp]:
    """Ends a workflow's stream at the end of a child."""
    return _ending_with(
        lambda feed, event: (
            _is_last(event, "child_workflow")
            or (_is_last(event, "workflow") and event.workflow_execution_id != feed.id)
        )
    )


@broken(SERVING_ENDS, "SSE-20", seen="to arrive on")
def ends_with_the_root() -> type[SseApp]:
    """Ends a consolidated stream at the end of its root, while a child still runs."""
    return _ending_with(
        lambda feed, event: _is_last(event, "workflow") and event.workflow_execution_id == feed.id,
        "consolidated",
    )


def _saying(frame: bytes) -> type[SseApp]:
    """Returns an application whose streams stay open after the end, and say this then."""

    def change(feed: Any) -> Any:
        class Saying(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def end(self) -> None:
                from eventhook_reference.sse.outbox import Side

                self.put(frame, Side.EVENTS)

        return Saying

    return feeding("every", change)


@broken(SERVING_ENDS, "SSE-25", seen="the stream to close, or an event end")
def says_the_end_in_a_comment() -> type[SseApp]:
    """Says in a comment that the workflow has ended, and leaves the stream open."""
    return _saying(b": the workflow has ended\n\n")


@broken(SERVING_ENDS, "SSE-25", seen="the stream to close, or an event end")
def says_the_end_without_data() -> type[SseApp]:
    """Says by an event without data that the workflow has ended, which no browser dispatches."""
    return _saying(b"event: end\n\n")


@broken(SERVING_ENDS, "SSE-25", seen="the end to be said once")
def says_the_end_twice() -> type[SseApp]:
    """Says twice that the workflow has ended."""
    return _saying(b'event: end\ndata: {"status":"COMPLETED"}\n\n' * 2)


# Comments


@broken(SERVING_ENDS, "SSE-12", seen="a comment within")
def counts_what_it_leaves_out_as_traffic() -> type[SseApp]:
    """Puts the next comment off at events too that it leaves out for a reader."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_feed(self, endpoint: Any, types: Any, tenant: Any, id: Any) -> Any:
            feed = super().make_feed(endpoint, types, tenant, id)

            class Counting(type(feed)):  # type: ignore[misc]  # because: of whichever class it is
                heard_s = 0.0

                async def _forward_event(self, event: Any) -> None:
                    self.heard_s = asyncio.get_running_loop().time()
                    await super()._forward_event(event)

            feed.__class__ = Counting
            return feed

        async def keep_alive(self, feed: Any) -> None:
            loop = asyncio.get_running_loop()
            while True:
                due = feed.heard_s + self.keep_alive_s * 0.8
                await asyncio.sleep(max(0.01, due - loop.time()))
                if loop.time() >= feed.heard_s + self.keep_alive_s * 0.8:
                    feed.put_if_idle(b": keep-alive\n\n")
                    await asyncio.sleep(self.keep_alive_s * 0.8)

    return Broken


@broken(SERVING_ENDS, "SSE-12", seen="a comment within")
def comments_three_times() -> type[SseApp]:
    """Sends three comments, and then no more."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def keep_alive(self, feed: Any) -> None:
            for _ in range(3):
                await asyncio.sleep(self.keep_alive_s * 0.8)
                feed.put_if_idle(b": keep-alive\n\n")

    return Broken


@broken(SERVING_ENDS, "SSE-12", seen="the stream ended")
def closes_what_is_idle() -> type[SseApp]:
    """Ends a stream after five intervals without an event."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            idle = 0
            while (body := await outbox.take()) is not None:
                idle = idle + 1 if body.startswith(b":") else 0
                if idle == 5:
                    break
                await send_body(send, body)
            await send_body(send, b"", more=False)

    return Broken


@broken(SERVING_ENDS, "SSE-20", seen="to arrive on")
def tenant_stream_stops_at_a_thousand() -> type[SseApp]:
    """Sends 1,024 events on the tenant's stream, and then no more."""

    def change(feed: Any) -> Any:
        class Counted(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            written = 0

            def put(self, frame: bytes, side: Any) -> None:
                self.written += 1
                if self.written <= 1_024:
                    super().put(frame, side)

        return Counted

    return feeding("events", change)
