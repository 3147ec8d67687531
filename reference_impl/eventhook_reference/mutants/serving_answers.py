"""Servers that answer late, leave things behind, or do not speak every HTTP."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants.serving_feeds import feeding, knowing_what_is_read

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_ANSWERS: Final[list[Mutant]] = []


async def _send(send: Any, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


# At once


@broken(SERVING_ANSWERS, "SSE-01", seen="came with a keep-alive comment")
def flushes_with_comments() -> type[SseApp]:
    """A buffer on the way is flushed by each keep-alive comment, and by nothing else."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            kept = b""
            while (body := await outbox.take()) is not None:
                kept += body
                if body.startswith(b":"):
                    await _send(send, kept)
                    kept = b""
            await _send(send, kept, more=False)

        async def keep_alive(self, feed: Any) -> None:
            while True:
                await asyncio.sleep(self.keep_alive_s * 0.8)
                feed.put(b": keep-alive\n\n", 1)

    return Broken


def compressing(flush: Any) -> type[SseApp]:
    """An application that compresses for those who accept it, flushed where `flush(body)` says so."""
    from eventhook_reference.sse.app import SseApp

    class Compressing(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            response = await super().answer(endpoint, request)
            accepted = "gzip" in request.headers.get("accept-encoding", "")
            if accepted and hasattr(response, "_reading"):
                response.__class__ = _compressed(type(response), flush)
            return response

        async def keep_alive(self, feed: Any) -> None:
            while True:
                await asyncio.sleep(self.keep_alive_s * 0.8)
                feed.put(b": keep-alive\n\n", 1)

    return Compressing


def _compressed(kind: Any, flush: Any) -> Any:
    class Compressed(kind):  # type: ignore[misc]  # because: of whichever class it is
        async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
            packing = zlib.compressobj(wbits=31)

            async def packed(message: Any) -> None:
                if message["type"] == "http.response.start":
                    names = {b"content-encoding": b"gzip", b"vary": b"Accept-Encoding"}
                    headers = [*message["headers"], *names.items()]
                    await send({**message, "headers": headers})
                    return
                body = packing.compress(message["body"])
                if not message["more_body"]:
                    body += packing.flush()
                elif flush(message["body"]):
                    body += packing.flush(zlib.Z_SYNC_FLUSH)
                if body or not message["more_body"]:
                    await send({**message, "body": body})

            await super()._stream({**scope, "eventhook.send": packed}, receive, packed)

    return Compressed


@broken(SERVING_ANSWERS, "SSE-01", seen="came with a keep-alive comment")
def compresses_without_flushing() -> type[SseApp]:
    """The compressor keeps events until a comment flushes it."""
    return compressing(lambda body: body.startswith(b":"))


@broken(SERVING_ANSWERS, "SSE-01", seen="the head of a stream as soon as that of a HEAD")
def heads_with_the_first_comment() -> type[SseApp]:
    """The head of a stream is sent with its first event or comment."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def start(self, send: Any) -> None:
            pass

        async def write(self, outbox: Any, send: Any) -> None:
            first = await outbox.take()
            await super().start(send)
            if first is not None:
                await _send(send, first)
            await super().write(outbox, send)

    return Broken


# Whole


@broken(SERVING_ANSWERS, "SSE-02", seen="to arrive on")
def drops_long_events_of_the_tenant() -> type[SseApp]:
    """On the tenant's stream an event of more than 64,000 bytes is left out."""

    def change(feed: Any) -> Any:
        class Short(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                if len(frame) < 64000:
                    super().put(frame, side)

        return Short

    return feeding("events", change)


@broken(SERVING_ANSWERS, "SSE-02", seen="on r1")
def cuts_consolidated_events_at_64_kib() -> type[SseApp]:
    """A frame of the consolidated stream is cut to fit a buffer."""

    def change(feed: Any) -> Any:
        class Cut(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                super().put(frame if len(frame) <= 65536 else frame[:65000] + b"\n\n", side)

        return Cut

    return feeding("consolidated", change)


@broken(SERVING_ANSWERS, "SSE-03", seen="to arrive on")
def drops_equal_sequences() -> type[SseApp]:
    """A stream event whose sequence was seen already is taken for a repetition."""

    def change(feed: Any) -> Any:
        class Once(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def stream_frame(self, event: Any) -> Any:
                seen = self.__dict__.setdefault("sequences", set())
                if event.sequence in seen:
                    return None
                seen.add(event.sequence)
                return super().stream_frame(event)

        return Once

    return feeding("every", change)


@broken(SERVING_ANSWERS, "SSE-04", seen="to arrive on")
def listens_to_ids_as_they_are_written() -> type[SseApp]:
    """The stream's key is the id as written: an id in capitals subscribes to a key without events."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            named, types = super().read_form(endpoint, request)
            if request.path_params.get("id", "").isupper():
                named = _Capital(int=named.int)
            return named, types

    class _Capital(UUID):
        def __str__(self) -> str:
            return super().__str__().upper()

        def __eq__(self, other: object) -> bool:
            return isinstance(other, UUID) and self.int == other.int

        def __hash__(self) -> int:
            return hash(self.int)

    return Broken


@broken(SERVING_ANSWERS, "SSE-15", seen="to read")
def leaves_ids_out_for_clients_it_does_not_know() -> type[SseApp]:
    """Ids are sent only to the clients that the server was tested with."""
    return _for_strangers(lambda body: b"\n".join(_without_ids(body.split(b"\n"))))


@broken(SERVING_ANSWERS, "SSE-15", seen="to read")
def names_no_events_for_clients_it_does_not_know() -> type[SseApp]:
    """Other clients than those it was tested with get every event as `message`."""
    return _for_strangers(
        lambda body: b"\n".join(
            line for line in body.split(b"\n") if not line.startswith(b"event:")
        )
    )


def _without_ids(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if not line.startswith(b"id:")]


def _for_strangers(change: Any) -> type[SseApp]:
    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        async def answer(self, endpoint: Any, request: Any) -> Any:
            self.strange = not request.headers.get("user-agent", "python-httpx/").startswith(
                "python-httpx/"
            )
            return await super().answer(endpoint, request)

        async def write(self, outbox: Any, send: Any) -> None:
            strange = self.strange

            async def changed(message: Any) -> None:
                body = change(message["body"]) if strange else message["body"]
                await send({**message, "body": body})

            await super().write(outbox, changed)

    made: type[SseApp] = Broken
    return made


# Access


@broken(SERVING_ANSWERS, "SSE-06", seen="which its owner reads")
def joins_a_stream_by_its_id_alone() -> type[SseApp]:
    """The owner of a workflow is checked when its stream is opened; a reader who joins later is let in."""

    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            if not any(read == (endpoint.kind, id) for read in self.read.values()):
                super().find(endpoint, request, tenant, id)

    made: type[SseApp] = Broken
    return made


@broken(SERVING_ANSWERS, "SSE-06", seen="404 for GET")
def remembers_paths_that_were_right() -> type[SseApp]:
    """A path that was found once is not checked again for other tenants."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            known: set[str] = self.__dict__.setdefault("known", set())
            if request.url.path not in known:
                super().find(endpoint, request, tenant, id)
                known.add(request.url.path)

    return Broken


@broken(SERVING_ANSWERS, "SSE-06", seen="in another letter case")
def compares_tokens_without_case() -> type[SseApp]:
    """Tokens are compared as host names are: in any letter case."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def admit(self, request: Any) -> Any:
            given = request.headers.get("authorization", "")
            for known, tenant in self.authenticator.tokens.items():
                if given.lower() == f"bearer {known}".lower():
                    return tenant
            return await super().admit(request)

    return Broken


# Leaks


@broken(SERVING_ANSWERS, "SSE-08", seen="to be freed within 2 s")
def keeps_a_feed_for_those_who_come_back() -> type[SseApp]:
    """Half a minute after its last reader left, a workflow is still listened to."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            kept = super().reading(endpoint, types, tenant, id)
            async with super().reading(endpoint, types, tenant, id) as outbox:
                await kept.__aenter__()
                try:
                    yield outbox
                finally:
                    loop = asyncio.get_running_loop()
                    loop.call_later(30, lambda: loop.create_task(kept.__aexit__(None, None, None)))

    return Broken


def _opening_first(where: Any) -> type[SseApp]:
    """An application that opens a feed for requests of which no stream comes, and forgets it."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        kept: Final[list[Any]] = []

        async def answer(self, endpoint: Any, request: Any) -> Any:
            tenant = await self.admit(request)
            if where(request, tenant, self) and endpoint.names != "task execution":
                from eventhook_reference.sse.types import TypesFilter

                named = UUID(request.path_params["id"]) if endpoint.names else UUID(int=0)
                reading = self.reading(endpoint, TypesFilter(), tenant, named)
                self.kept.append(reading)
                await reading.__aenter__()
            return await super().answer(endpoint, request)

    return Broken


@broken(SERVING_ANSWERS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_for_head() -> type[SseApp]:
    """HEAD subscribes as GET does, and never unsubscribes."""
    return _opening_first(lambda request, tenant, app: request.method == "HEAD")


@broken(SERVING_ANSWERS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_before_it_looks_at_accept() -> type[SseApp]:
    """A request subscribes before it is refused with 406."""
    return _opening_first(lambda request, tenant, app: "html" in request.headers.get("accept", ""))


@broken(SERVING_ANSWERS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_before_it_looks_for_the_owner() -> type[SseApp]:
    """A request subscribes before it is refused with 404."""

    def is_foreign(request: Any, tenant: UUID, app: Any) -> bool:
        try:
            known = app.registry.workflows.get(UUID(request.path_params.get("id", "")))
        except ValueError:
            return False
        return known is not None and known.tenant_id != tenant

    return _opening_first(is_foreign)


# HTTP/1.0


@broken(SERVING_ANSWERS, "SSE-22", seen="no transfer-encoding to HTTP/1.0")
def sends_chunks_to_http_1_0() -> type[SseApp]:
    """Every stream is chunked, also to readers of HTTP/1.0."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        http_protocol = HttpToolsProtocol

    return Broken


@broken(SERVING_ANSWERS, "SSE-22", seen="200 to a GET of HTTP/1.0")
def refuses_http_1_0() -> type[SseApp]:
    """A stream cannot be chunked for HTTP/1.0, and so there is none."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            if request.scope["http_version"] == "1.0":
                from http import HTTPStatus

                raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "send HTTP/1.1")
            return await super().answer(endpoint, request)

    return Broken


@broken(SERVING_ANSWERS, "SSE-22", seen="over HTTP/1.0")
def collects_for_http_1_0() -> type[SseApp]:
    """Without chunks the length must be known, and so everything is collected first."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            self.old = request.scope["http_version"] == "1.0"
            return await super().answer(endpoint, request)

        async def write(self, outbox: Any, send: Any) -> None:
            if not self.old:
                return await super().write(outbox, send)
            kept = b""
            while (body := await outbox.take()) is not None:
                kept += body
            await _send(send, kept, more=False)
            return None

    return Broken


# Types


def _queried(change: Any) -> type[SseApp]:
    """An application that reads the query by itself."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            scope = {**request.scope, "query_string": change(request.scope["query_string"])}
            return await super().answer(endpoint, type(request)(scope, request.receive))

    return Broken


@broken(SERVING_ANSWERS, "SSE-05", seen="the stream to open with 200")
def takes_plus_for_a_plus() -> type[SseApp]:
    """A `+` in the query is not read as the blank that it stands for."""
    return _queried(lambda query: query.replace(b"+", b"%2B"))


@broken(SERVING_ANSWERS, "SSE-05", seen="200")
def splits_types_before_decoding() -> type[SseApp]:
    """Items are split at commas before the query is decoded, so that `%2C` is part of an item."""
    return _queried(lambda query: query.replace(b"%2C", b"%00").replace(b"%2c", b"%00"))
