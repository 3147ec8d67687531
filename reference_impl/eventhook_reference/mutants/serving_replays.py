"""Bugs of servers when a reader comes back: the `id`, its meaning, and the answer to it.

Over 300 lines: a list of many small servers, which share what makes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.contract import (
    LIVE,
    CursorExpired,
    InvalidCursor,
    StreamingBackend,
    StreamingError,
)
from eventhook_conformance.target import HttpTarget, Mutant, Target
from eventhook_reference.memory_replay import CAPABILITIES, ReplayBus, replay_target
from eventhook_reference.mutants._register_replay import kebab
from eventhook_reference.mutants._register_server import KEEP_ALIVE_S

if TYPE_CHECKING:
    from eventhook_reference.sse.replay_app import ReplayApp

SERVING_REPLAYS: Final[list[Mutant]] = []


class _SmallBus(ReplayBus):
    """A history that is full in a breath."""

    capabilities = dataclasses.replace(CAPABILITIES, replay_events=64)


def replay_serving(
    name: str, make: Callable[[], type[ReplayApp]], bus: type[ReplayBus] = _SmallBus
) -> Target:
    """Makes a target over a bus with history of its own, with two servers of that application."""

    @asynccontextmanager
    async def http(backend: StreamingBackend) -> AsyncIterator[HttpTarget]:
        from eventhook_reference.lifecycle.registry import Registry
        from eventhook_reference.sse.server import http as serve
        from eventhook_reference.sse.server import new_tenants

        registry = Registry()
        named: Any = {
            "keep_alive_s": KEEP_ALIVE_S,
            "make_app": make(),
            "tenants": new_tenants(),
        }
        async with (
            serve(backend, registry, **named) as first,
            serve(backend, registry, **named) as second,
        ):
            yield dataclasses.replace(first, replicas=[second.base_url])

    base = replay_target(name, bus)
    # The bus is a correct one: what it claims is tested elsewhere.
    claimed = dataclasses.replace(base.capabilities, profiles={"sse", "replay"})
    return dataclasses.replace(base, http=http, capabilities=claimed)


def broken_replay(
    *caught_by: str, seen: str
) -> Callable[[Callable[[], type[ReplayApp]]], Callable[[], type[ReplayApp]]]:
    """Enters a broken application, as `broken` does for servers without history."""
    return entering(SERVING_REPLAYS, *caught_by, seen=seen)


def entering(
    zoo: list[Mutant], *caught_by: str, seen: str, bus: type[ReplayBus] = _SmallBus
) -> Callable[[Callable[[], type[ReplayApp]]], Callable[[], type[ReplayApp]]]:
    """Enters a broken application into a zoo, named as its function, with its docstring as the bug."""

    def enter(make: Callable[[], type[ReplayApp]]) -> Callable[[], type[ReplayApp]]:
        name = kebab(make.__name__).replace("_", "-")
        zoo.append(
            Mutant(
                name=name,
                bug=(make.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=lambda: replay_serving(name, make, bus),
            )
        )
        return make

    return enter


def with_feeds(change: Callable[[type[Any]], type[Any]]) -> type[ReplayApp]:
    """Returns an application whose feeds are changed."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def make_feed(self, *args: Any) -> Any:
            feed = super().make_feed(*args)
            feed.__class__ = change(type(feed))
            return feed

    return Broken


def with_positions(change: Callable[[type[Any]], type[Any]]) -> type[ReplayApp]:
    """Returns an application whose positions are changed."""
    from eventhook_reference.sse.position import Position
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def make_position(self, stream: str) -> Any:
            position = super().make_position(stream)
            position.__class__ = change(Position)
            return position

    return Broken


@broken_replay("RPL-16", seen="to arrive on r")
def reads_the_query_alone() -> type[ReplayApp]:
    """Ignores the header `Last-Event-ID`: each reconnect begins live."""
    from eventhook_reference.sse.replay_app import PARAMETER, ReplayApp

    class Broken(ReplayApp):
        def last_id(self, request: Any) -> str:
            return str(request.query_params.get(PARAMETER, ""))

    return Broken


@broken_replay("RPL-16", seen="to arrive on r")
def reads_the_header_alone() -> type[ReplayApp]:
    """Ignores `last_event_id` in the query: a page that was loaded again begins live."""
    from eventhook_reference.sse.replay_app import HEADER, ReplayApp

    class Broken(ReplayApp):
        def last_id(self, request: Any) -> str:
            return request.headers.get(HEADER) or ""

    return Broken


@broken_replay("RPL-16", seen="nothing up to the id")
def query_wins() -> type[ReplayApp]:
    """Prefers the query to the header: each reconnect of a page begins at the same old place."""
    from eventhook_reference.sse.replay_app import PARAMETER, ReplayApp

    class Broken(ReplayApp):
        def last_id(self, request: Any) -> str:
            return request.query_params.get(PARAMETER) or super().last_id(request)

    return Broken


@broken_replay("RPL-16", seen="nothing up to the id")
def sends_the_last_one_again() -> type[ReplayApp]:
    """Sends the event of the `Last-Event-ID` again."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def _move(self, side: str, subscription: Any) -> None:
                previous = self.__dict__.setdefault("previous", {})
                at = previous.get(side)
                if at != subscription.cursor:
                    previous[side] = subscription.cursor
                    self.position.move(side, at)

        return Changed

    return with_feeds(change)


@broken_replay("RPL-16", seen="to arrive on r")
def skips_one_on_coming_back() -> type[ReplayApp]:
    """Skips the first event after the `Last-Event-ID`."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def put(self, frame: bytes, side: Any) -> None:
                if self.position.resumed and not self.__dict__.get("skipped"):
                    self.__dict__["skipped"] = True
                    return
                super().put(frame, side)

        return Changed

    return with_feeds(change)


@broken_replay("RPL-16", seen="nothing from before the request")
def begins_at_the_start_for_any_text() -> type[ReplayApp]:
    """Takes an unknown `Last-Event-ID` for the start."""
    from eventhook_conformance.contract import START

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def resume(self, text: str) -> None:
                try:
                    super().resume(text)
                except InvalidCursor:
                    self._default = START

        return Changed

    return with_positions(change)


@broken_replay("RPL-17", seen="nothing up to the id")
def id_of_one_side_alone() -> type[ReplayApp]:
    """Puts the cursor of one side only into an `id`: the other begins at the start again."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def move(self, side: str, cursor: str | None) -> None:
                self._cursors.clear()
                super().move(side, cursor)

        return Changed

    return with_positions(change)


@broken_replay("RPL-17", seen="to arrive on r")
def other_side_begins_live() -> type[ReplayApp]:
    """Resumes lifecycle events only: stream events begin live."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def since(self, side: str) -> Any:
                return super().since(side) if side == "events" else LIVE

        return Changed

    return with_positions(change)


@broken_replay("RPL-17", seen="the last id to stay")
def keep_alives_have_an_id() -> type[ReplayApp]:
    """Sends `id: 0` with keep-alives, from where nobody can resume."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def put_if_idle(self, comment: bytes) -> None:
                super().put_if_idle(comment[:-1] + b"id: 0\n\n")

        return Changed

    return with_feeds(change)


@broken_replay("RPL-17", seen="the last id to stay")
def keep_alives_forget_the_id() -> type[ReplayApp]:
    """Sends an empty `id` with keep-alives, which a browser takes for none."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def put_if_idle(self, comment: bytes) -> None:
                super().put_if_idle(comment[:-1] + b"id\n\n")

        return Changed

    return with_feeds(change)


@broken_replay("RPL-18", seen="the stream to open with 200")
def ids_live_in_one_process() -> type[ReplayApp]:
    """Uses positions as `id` that only this process knows."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def text(self) -> str:
                return f"1-t.{self._stream}.{self._tokens.keep(self._cursors)}"

        return Changed

    return with_positions(change)


@broken_replay("RPL-18", seen="to arrive on r")
def unknown_ids_begin_live() -> type[ReplayApp]:
    """Begins live at an `id` that another replica gave."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def text(self) -> str:
                return f"1-t.{self._stream}.{self._tokens.keep(self._cursors)}"

            def resume(self, text: str) -> None:
                try:
                    super().resume(text)
                except CursorExpired:
                    self._default = LIVE

        return Changed

    return with_positions(change)


@broken_replay("RPL-19", seen="an id before any event")
def begins_without_an_id() -> type[ReplayApp]:
    """Sends no `id` before the first event."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def tell_position(self) -> None:
                if self.position.ended:
                    super().tell_position()

        return Changed

    return with_feeds(change)


@broken_replay("RPL-19", seen="410 for GET")
def expired_is_a_bad_request() -> type[ReplayApp]:
    """Answers an expired `id` as an unknown one."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def refusal(self, error: StreamingError) -> Any:
            return super().refusal(
                InvalidCursor(str(error)) if isinstance(error, CursorExpired) else error
            )

    return Broken


@broken_replay("RPL-19", seen="204 to a reader that has all events")
def streams_again_what_ended() -> type[ReplayApp]:
    """Answers readers of an ended workflow with a stream without events, each time they come back."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def settled(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> Any:
            super().settled(endpoint, request, tenant, id)

    return Broken


def _by_default() -> type[ReplayApp]:
    from eventhook_reference.sse.replay_app import ReplayApp

    class Other(ReplayApp):
        replay = "start"

    return Other


SERVING_REPLAYS.append(
    Mutant(
        name="server-that-replays-by-default",
        bug="Sends all that is retained to a connection without an `id`.",
        caught_by=(),
        seen="",
        target=lambda: replay_serving("server-that-replays-by-default", _by_default),
    )
)
