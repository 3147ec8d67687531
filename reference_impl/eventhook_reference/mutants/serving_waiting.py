"""Servers that are wrong with what waits: frames that stand together, the last of them, and comments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_WAITING: Final[list[Mutant]] = []

_TOGETHER_S: Final = 0.02
_PART: Final = 16384


def _keeping(kind: str, outbox: Callable[[], Any]) -> type[SseApp]:
    """Returns an application whose feeds of a kind give their readers such an outbox."""

    def change(feed: Any) -> Any:
        class Keeping(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Any:
                return outbox()

        return Keeping

    return feeding(kind, change)


# Frames that stand together


@broken(SERVING_WAITING, "SSE-21", seen="in order for a reader that stalled")
def sorts_what_waits_by_type() -> type[SseApp]:
    """Groups events that go out in one write by their names."""

    def make() -> Any:
        from eventhook_reference.sse.outbox import Outbox

        class Sorting(Outbox):
            def _fit(self) -> int:
                number = super()._fit()
                self._frames[:number] = sorted(
                    self._frames[:number], key=lambda frame: frame.partition(b"\n")[0]
                )
                return number

        return Sorting()

    return _keeping("every", make)


@broken(SERVING_WAITING, "SSE-02", seen="to arrive on")
def interleaves_the_parts_of_long_frames() -> type[SseApp]:
    """Sends long frames in parts, and mixes those of two subscriptions."""

    def change(feed: Any) -> Any:
        class Parting(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                if len(frame) <= _PART:
                    super().put(frame, side)
                else:
                    self.start(self.put_parts(frame, side))

            async def put_parts(self, frame: bytes, side: Any) -> None:
                for start in range(0, len(frame), _PART):
                    super().put(frame[start : start + _PART], side)
                    await asyncio.sleep(0)

        return Parting

    return feeding("consolidated", change)


@broken(SERVING_WAITING, "SSE-02", seen="to arrive on")
def encodes_long_frames_in_one_buffer() -> type[SseApp]:
    """Encodes long frames of all connections in one buffer, and mixes up two at once."""
    scratch = bytearray()

    def change(feed: Any) -> Any:
        class Sharing(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                if len(frame) <= _PART:
                    super().put(frame, side)
                    return
                scratch[:] = frame
                self.start(self.put_later(side))

            async def put_later(self, side: Any) -> None:
                await asyncio.sleep(0)
                super().put(bytes(scratch), side)

        return Sharing

    return feeding("workflow", change)


# The last of them


@broken(SERVING_WAITING, "SSE-01", seen="the last event to come by itself")
def holds_the_last_of_several() -> type[SseApp]:
    """Holds back the last of several events until the next event or comment."""
    return _holding("every", lambda side, apart_s: apart_s < _TOGETHER_S)


@broken(SERVING_WAITING, "SSE-01", seen="the last event to come by itself")
def holds_stream_events_back() -> type[SseApp]:
    """Holds back stream events until the next event or comment."""
    return _holding("every", lambda side, apart_s: side == 0)


@broken(SERVING_WAITING, "SSE-01", seen="the last event to come by itself")
def holds_events_of_a_tenant_back() -> type[SseApp]:
    """Holds back each event of the tenant's stream until the next event or comment."""
    return _holding("events", lambda side, apart_s: True)


def _holding(kind: str, holds: Callable[[Any, float], bool]) -> type[SseApp]:
    """Returns an application that keeps such a frame until the next, given side and seconds."""

    def make() -> Any:
        from eventhook_reference.sse.outbox import Outbox

        class Holding(Outbox):
            held: tuple[bytes, Any] | None = None
            last_s = 0.0

            def put(self, frame: bytes, side: Any) -> None:
                self.release()
                now_s = asyncio.get_running_loop().time()
                apart_s, self.last_s = now_s - self.last_s, now_s
                if holds(side, apart_s):
                    self.held = frame, side
                else:
                    super().put(frame, side)

            def put_if_idle(self, comment: bytes) -> None:
                self.release()
                super().put(comment, 1)  # type: ignore[arg-type]  # because: an enumeration's number

            def release(self) -> None:
                if self.held is not None:
                    super().put(*self.held)
                    self.held = None

            def close(self) -> None:
                self.release()
                super().close()

        return Holding()

    return _keeping(kind, make)


# Comments


@broken(SERVING_WAITING, "SSE-12", seen="a comment within")
def comments_until_the_first_event() -> type[SseApp]:
    """Sends no more comments after the first event."""
    return _silent_after(lambda name: True)


@broken(SERVING_WAITING, "SSE-12", seen="a comment within")
def comments_until_the_first_stream_event() -> type[SseApp]:
    """Sends no more comments after the first stream event."""
    return _silent_after(lambda name: "." not in name)


@broken(SERVING_WAITING, "SSE-12", seen="a comment within")
def comments_until_a_task_has_ended() -> type[SseApp]:
    """Sends no more comments on a workflow's streams after the end of a task."""
    return _silent_after(lambda name: name.endswith(".completed"))


def _silenced(feed: Any) -> Any:
    """Returns a feed that sends no more comments once its `silent` is true."""

    class Silenced(feed):  # type: ignore[misc]  # because: of whichever class the feed is
        silent = False

        def put_if_idle(self, comment: bytes) -> None:
            if not self.silent:
                super().put_if_idle(comment)

    return Silenced


def _silent_after(stops: Callable[[str], bool]) -> type[SseApp]:
    """Returns an application without comments once such an event was forwarded, given its name."""

    def change(feed: Any) -> Any:
        class Silent(_silenced(feed)):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                super().put(frame, side)
                if stops(frame.partition(b"\n")[0].decode().removeprefix("event: ")):
                    self.silent = True

        return Silent

    return feeding("every", change)


@broken(SERVING_WAITING, "SSE-12", seen="a comment within")
def comments_until_a_reader_leaves() -> type[SseApp]:
    """Sends no more comments to anybody after a reader left."""

    def change(feed: Any) -> Any:
        class Silent(_silenced(feed)):  # type: ignore[misc]  # because: of whichever class the feed is
            @contextmanager
            def joined(self) -> Any:
                try:
                    with super().joined() as outbox:
                        yield outbox
                finally:
                    self.silent = True

        return Silent

    return feeding("every", change)


@broken(SERVING_WAITING, "SSE-12", seen="to close, or a comment within")
def says_the_end_and_falls_silent() -> type[SseApp]:
    """Says by an event `end` that the workflow has ended, and sends no comments on the open stream."""

    def change(feed: Any) -> Any:
        class Open(_silenced(feed)):  # type: ignore[misc]  # because: of whichever class the feed is
            def finish(self) -> None:
                if not self.ending:
                    super().finish()
                    return
                self.silent = True
                self.put(b'event: end\ndata: {"status": "COMPLETED"}\n\n', 1)

        return Open

    return feeding("workflow", change)
