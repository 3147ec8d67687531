"""Bugs of servers with unusual but valid requests: headers, encodings, families, retries."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent, StreamingBackend
from eventhook_conformance.target import HttpTarget, Mutant, Target
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants._register_server import KEEP_ALIVE_S, broken, send_body
from eventhook_reference.mutants._serving_apps import feeding
from eventhook_reference.mutants.base import pliable_target

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_UNUSUAL: Final[list[Mutant]] = []

_GENERATIONS: Final = 5


# Headers


def _refusing(header: str, status: HTTPStatus) -> type[SseApp]:
    """Returns an application that refuses requests for streams with such a header."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            answer = await super().answer(endpoint, request)
            if header in request.headers:
                raise Refused(status, f"{header} is not supported")
            return answer

    return Broken


@broken(SERVING_UNUSUAL, "SSE-01", seen="with If-None-Match")
def takes_a_validator_for_a_match() -> type[SseApp]:
    """Answers 304 to any request with a validator."""
    return _refusing("if-none-match", HTTPStatus.NOT_MODIFIED)


@broken(SERVING_UNUSUAL, "SSE-01", seen="with Range")
def refuses_ranges() -> type[SseApp]:
    """Answers 416 to a request with a range, instead of ignoring the range."""
    return _refusing("range", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


@broken(SERVING_UNUSUAL, "SSE-01", seen="with Cookie")
def takes_any_cookie_for_a_session() -> type[SseApp]:
    """Answers 401 to a request with a cookie, whatever its token is."""
    return _refusing("cookie", HTTPStatus.UNAUTHORIZED)


@broken(SERVING_UNUSUAL, "SSE-01", seen="where Accept-Encoding is")
def compresses_what_was_refused() -> type[SseApp]:
    """Compresses by an encoding that the request refused, with the weight 0."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def reading_for(self, request: Any, *rest: Any) -> Any:
            reading = super().reading_for(request, *rest)
            if "gzip" in request.headers.get("accept-encoding", ""):
                self.__dict__.setdefault("squeezed", []).append(reading)
            return reading

        async def stream(self, reading: Any, send: Any) -> None:
            if reading not in self.__dict__.get("squeezed", ()):
                await super().stream(reading, send)
                return
            squeezing = zlib.compressobj(wbits=31)

            async def squeezed(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = [*message["headers"], (b"content-encoding", b"gzip")]
                    await send({**message, "headers": headers})
                    return
                body = squeezing.compress(message["body"]) + squeezing.flush(zlib.Z_SYNC_FLUSH)
                await send_body(send, body, more=message["more_body"])

            await super().stream(reading, squeezed)

    return Broken


@broken(SERVING_UNUSUAL, "SSE-05", seen="400 for GET")
def decodes_types_twice() -> type[SseApp]:
    """Decodes `types` twice."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            return super().read_types(endpoint, [unquote(one) for one in values])

    return Broken


# Families, and what waits


@broken(SERVING_UNUSUAL, "SSE-11", seen="to arrive on")
def listens_to_five_generations() -> type[SseApp]:
    """Includes five generations of a family, and no more."""

    def change(feed: Any) -> Any:
        class Shallow(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def adopt(self, workflow: UUID) -> None:
                known, member, depth = self.registry.workflows, workflow, 0
                while member != self.id and member in known and known[member].parent is not None:
                    member, depth = known[member].parent, depth + 1
                if depth <= _GENERATIONS:
                    await super().adopt(workflow)

        return Shallow

    return feeding("consolidated", change)


@broken(SERVING_UNUSUAL, "SSE-21", seen="in order for a reader that stalled")
def sorts_what_waits_by_sequence() -> type[SseApp]:
    """Sorts waiting events by their sequence."""

    def change(feed: Any) -> Any:
        class Sorted(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Any:
                return _sorting()

        return Sorted

    return feeding("every", change)


def _sorting() -> Any:
    from eventhook_reference.sse.outbox import Outbox

    class Sorting(Outbox):
        def _fit(self) -> int:
            number = super()._fit()
            places = [n for n in range(number) if _sequence(self._frames[n]) is not None]
            ordered = sorted((self._frames[n] for n in places), key=_sequence)
            for place, frame in zip(places, ordered, strict=True):
                self._frames[place] = frame
            return number

    return Sorting()


def _sequence(frame: bytes) -> Any:
    found = re.search(rb"^id: (?:\S*:)?(-?\d+)$", frame, re.MULTILINE)
    return None if found is None else int(found[1])


# Second lives


def _with_engine(name: str, make: Callable[[], type[Any]]) -> Target:
    """Returns a target with that application, over the engine whose workflows it serves."""
    registry = Registry()

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        from eventhook_reference.sse.server import http as serve

        return serve(backend, registry, keep_alive_s=KEEP_ALIVE_S, make_app=make())

    target = with_lifecycle(pliable_target(name), name, registry)
    claimed = replace(target.capabilities, profiles={"lifecycle", "sse"})
    return replace(target, http=http, capabilities=claimed)


def _outliving(change: Callable[[Any, set[UUID]], None]) -> type[SseApp]:
    """Returns an application that remembers ends, and does something with a feed that is opened."""
    ended: set[UUID] = set()

    def changed(feed: Any) -> Any:
        class Remembering(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def note_end(self, event: FlovynEvent) -> None:
                super().note_end(event)
                ended.add(event.workflow_execution_id or self.id)

            async def open(self) -> None:
                await super().open()
                change(self, ended)

        return Remembering

    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_feed(self, endpoint: Any, types: Any, tenant: UUID, id: UUID) -> Any:
            feed: Any = super().make_feed(endpoint, types, tenant, id)
            if endpoint.kind in ("workflow", "consolidated"):
                feed.__class__ = changed(type(feed))
            return feed

    return Broken


@register(SERVING_UNUSUAL, "SSE-20", seen="of a workflow that was retried", target=_with_engine)
def remembers_an_end_for_ever() -> type[SseApp]:
    """Ends the stream of a workflow at once that failed before and was tried again."""

    def change(feed: Any, ended: set[UUID]) -> None:
        if feed.id in ended:
            feed.begin_end()

    return _outliving(change)
