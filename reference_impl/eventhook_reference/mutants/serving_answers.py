"""Servers that answer late, or in pieces that do not make a whole."""

from __future__ import annotations

import asyncio
import re
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken, send_body
from eventhook_reference.mutants._serving_apps import feeding, knowing_what_is_read

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_ANSWERS: Final[list[Mutant]] = []


# At once


@broken(SERVING_ANSWERS, "SSE-01", seen="came with a keep-alive comment")
def flushes_with_comments() -> type[SseApp]:
    """Flushes its buffer with keep-alive comments only."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            kept = b""
            while (body := await outbox.take()) is not None:
                kept += body
                if body.startswith(b":"):
                    await send_body(send, kept)
                    kept = b""
            await send_body(send, kept, more=False)

        async def keep_alive(self, feed: Any) -> None:
            while True:
                await asyncio.sleep(self.keep_alive_s * 0.8)
                feed.put(b": keep-alive\n\n", 1)

    return Broken


def compressing(flush: Any) -> type[SseApp]:
    """Returns an application that compresses if the client accepts it, and flushes if `flush(body)`."""
    from eventhook_reference.sse.app import SseApp

    class Compressing(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            response = await super().answer(endpoint, request)
            accepted = request.headers.get("accept-encoding", "")
            if _accepts_gzip(accepted) and hasattr(response, "_reading"):
                response.__class__ = _compressed(type(response), flush)
            return response

        async def keep_alive(self, feed: Any) -> None:
            while True:
                await asyncio.sleep(self.keep_alive_s * 0.8)
                feed.put(b": keep-alive\n\n", 1)

    return Compressing


def _accepts_gzip(header: str) -> bool:
    """Returns whether an `Accept-Encoding` header names gzip, with a weight that is not zero."""
    items = (item.partition(";") for item in header.lower().split(","))
    weights = {name.strip(): weight.replace(" ", "") for name, _, weight in items}
    weight = weights.get("gzip")
    return weight is not None and not re.fullmatch(r"q=0(\.0*)?", weight)


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

            await super()._stream(scope, receive, packed)

    return Compressed


@broken(SERVING_ANSWERS, "SSE-01", seen="came with a keep-alive comment")
def compresses_without_flushing() -> type[SseApp]:
    """Flushes its compressor with comments only."""
    return compressing(lambda body: body.startswith(b":"))


@broken(SERVING_ANSWERS, "SSE-01", seen="the head of a stream as soon as that of a HEAD")
def heads_with_the_first_comment() -> type[SseApp]:
    """Sends the headers with the first event or comment."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def start(self, send: Any) -> None:
            pass

        async def write(self, outbox: Any, send: Any) -> None:
            first = await outbox.take()
            await super().start(send)
            if first is not None:
                await send_body(send, first)
            await super().write(outbox, send)

    return Broken


# Whole


@broken(SERVING_ANSWERS, "SSE-02", seen="to arrive on")
def drops_long_events_of_the_tenant() -> type[SseApp]:
    """Leaves out events of more than 64,000 bytes on the tenant's stream."""

    def change(feed: Any) -> Any:
        class Short(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                if len(frame) < 64000:
                    super().put(frame, side)

        return Short

    return feeding("events", change)


@broken(SERVING_ANSWERS, "SSE-02", seen="on r1")
def cuts_consolidated_events_at_64_kib() -> type[SseApp]:
    """Cuts frames of the consolidated stream at 64 KiB."""

    def change(feed: Any) -> Any:
        class Cut(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                super().put(frame if len(frame) <= 65536 else frame[:65000] + b"\n\n", side)

        return Cut

    return feeding("consolidated", change)


@broken(SERVING_ANSWERS, "SSE-03", seen="to arrive on")
def drops_equal_sequences() -> type[SseApp]:
    """Drops a stream event whose sequence came before."""

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
    """Uses the id as written for the stream's key: an id in upper case gets no stream events."""
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
    """Sends ids only to the clients that it was tested with, by their User-Agent."""
    return _for_strangers(lambda body: b"\n".join(_without_ids(body.split(b"\n"))))


@broken(SERVING_ANSWERS, "SSE-15", seen="to read")
def names_no_events_for_clients_it_does_not_know() -> type[SseApp]:
    """Sends event names only to the clients that it was tested with, by their User-Agent."""
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


@broken(SERVING_ANSWERS, "SSE-17", seen="to open with 200")
def refuses_long_last_event_ids() -> type[SseApp]:
    """Refuses a `Last-Event-ID` of more than 64 characters."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            if len(request.headers.get("last-event-id", "")) > 64:
                raise Refused(HTTPStatus.BAD_REQUEST, "the last event id is too long")
            return await super().answer(endpoint, request)

    return Broken
