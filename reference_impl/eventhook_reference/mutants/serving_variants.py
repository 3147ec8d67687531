"""Correct servers of another make: nothing may be charged to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Mutant, Target
from eventhook_reference.mutants._other_makes import Running, aiohttp_server, raw_server, served_by
from eventhook_reference.mutants._register_server import KEEP_ALIVE_S, broken
from eventhook_reference.mutants.base import PliableClient, pliable_target

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_VARIANTS: Final[list[Mutant]] = []


def _writing(change: Any, first: bytes = b"", cut: int = 0) -> type[SseApp]:
    """Returns an application that passes all that it writes through `change`.

    Args:
        change: bytes to bytes.
        first: what it begins with.
        cut: into pieces of how many bytes, or else 64 of them; 0 leaves them whole.
    """
    from eventhook_reference.sse.app import SseApp

    class Other(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            async def changed(message: Any) -> None:
                for number, piece in enumerate(_pieces(change(message["body"]), cut)):
                    # The loop has to turn, or nobody hears of a reader that is gone by now, and
                    # the rest of the pieces is written to a connection that is closed.
                    if number % 4 == 3:
                        await asyncio.sleep(0)
                    await send({**message, "body": piece, "more_body": True})
                if not message["more_body"]:
                    await send({**message, "body": b""})

            for piece in _pieces(first, cut):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await super().write(outbox, changed)

    return Other


def _pieces(body: bytes, cut: int) -> list[bytes]:
    size = max(cut, len(body) // 64) if cut else len(body) or 1
    return [body[start : start + size] for start in range(0, len(body), size)]


@broken(SERVING_VARIANTS, seen="")
def server_with_crlf() -> type[SseApp]:
    """Ends lines with CRLF, and writes every field by itself."""
    return _writing(lambda body: body.replace(b"\n", b"\r\n"), cut=61)


@broken(SERVING_VARIANTS, seen="")
def server_with_bare_cr() -> type[SseApp]:
    """Ends lines with CR alone, which the rules allow."""
    return _writing(lambda body: body.replace(b"\n", b"\r"))


_BLANK: Final = re.compile(rb"^(event|data|id): (?! )", re.MULTILINE)


def terse(body: bytes) -> bytes:
    """Removes the blanks that a parser removes anyway."""
    return _BLANK.sub(rb"\1:", body)


@broken(SERVING_VARIANTS, seen="")
def server_that_writes_tersely() -> type[SseApp]:
    """Writes no space after a colon, 5 bytes at a time, and 32 KiB of headers in front."""

    class Other(_writing(terse, cut=5)):  # type: ignore[misc]  # because: made above
        def headers(self) -> dict[str, str]:
            return {**super().headers(), **{f"x-trace-{n}": "x" * 1000 for n in range(32)}}

    made: type[SseApp] = Other
    return made


@broken(SERVING_VARIANTS, seen="")
def server_that_writes_byte_by_byte() -> type[SseApp]:
    """Writes one byte at a time: a byte order mark, CRLF, comments and characters all come in pieces."""
    return _writing(lambda body: body.replace(b"\n", b"\r\n"), "\ufeff: é\r\n\r\n".encode(), cut=1)


@broken(SERVING_VARIANTS, seen="")
def server_that_counts_silence() -> type[SseApp]:
    """Times comments for each reader, and puts the next one off at each event."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.framing import KEEP_ALIVE

    class Other(SseApp):
        async def keep_alive(self, feed: Any) -> None:
            await asyncio.Event().wait()

        async def write(self, outbox: Any, send: Any) -> None:
            while True:
                taken = outbox.take()
                while not (await asyncio.wait({taken}, timeout=self.keep_alive_s * 0.8))[0]:
                    await send(
                        {"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True}
                    )
                if (body := taken.result()) is None:
                    break
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Other


@broken(SERVING_VARIANTS, seen="")
def server_that_reads_freely() -> type[SseApp]:
    """Takes UUIDs of any form, and looks at `Accept` last."""
    from starlette.requests import Request

    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Other(SseApp):
        def read_form(self, endpoint: Any, request: Request) -> Any:
            if endpoint.names and request.path_params["id"].isascii():
                with suppress(ValueError):
                    request.path_params["id"] = str(UUID(request.path_params["id"]))
            return super().read_form(endpoint, request)

        async def answer(self, endpoint: Any, request: Request) -> Any:
            try:
                return await super().answer(endpoint, request)
            except Refused as refused:
                if refused.status == HTTPStatus.NOT_ACCEPTABLE and endpoint.names:
                    tenant = await self.admit(request)
                    self.find(endpoint, request, tenant, UUID(request.path_params["id"]))
                raise

    return Other


@broken(SERVING_VARIANTS, seen="")
def server_that_says_more() -> type[SseApp]:
    """Sends a byte order mark, comments, a `retry`, a charset, and no-cache instead of no-store."""

    class Other(_writing(lambda body: body, "\ufeff: hello\nretry: 3000\n\n".encode())):  # type: ignore[misc]  # because: made above
        def headers(self) -> dict[str, str]:
            return {
                **super().headers(),
                "content-type": 'text/event-stream; charset="UTF-8"',
                "cache-control": "no-cache, private",
                "vary": "Authorization",
            }

        def make_document(self) -> dict[str, Any]:
            document: dict[str, Any] = super().make_document()
            for item in document["paths"].values():
                for method in item.keys() & {"get", "head"}:
                    item[method]["responses"]["200"].pop("headers", None)
            return document

    made: type[SseApp] = Other
    return made


@broken(SERVING_VARIANTS, seen="")
def server_that_takes_its_time() -> type[SseApp]:
    """Delays answers and events by some milliseconds."""
    from eventhook_reference.sse.app import SseApp

    class Other(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            await asyncio.sleep(0.004)
            return await super().answer(endpoint, request)

        async def write(self, outbox: Any, send: Any) -> None:
            async def later(message: Any) -> None:
                await asyncio.sleep(0.004)
                await send(message)

            await super().write(outbox, later)

    return Other


@broken(SERVING_VARIANTS, seen="")
def server_that_says_that_it_is_over() -> type[SseApp]:
    """Says by an event that the workflow has ended, and leaves the stream open."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.outbox import Side

    class Other(SseApp):
        def make_feed(self, endpoint: Any, types: Any, tenant: Any, id: Any) -> Any:
            feed = super().make_feed(endpoint, types, tenant, id)

            class Telling(type(feed)):  # type: ignore[misc]  # because: of whichever class it is
                told = b""

                async def end(self) -> None:
                    await self.settle()
                    if not self.told:
                        status = self.registry.workflows[self.id].status
                        self.told = f'event: end\ndata: {{"status":"{status}"}}\n\n'.encode()
                        self.put(self.told, Side.EVENTS)

                @contextmanager
                def joined(self) -> Iterator[Any]:
                    with super().joined() as outbox:
                        if self.told:  # before this reader came, who has to hear of it too
                            outbox.put(self.told, Side.EVENTS)
                        yield outbox

            feed.__class__ = Telling
            return feed

    return Other


@broken(SERVING_VARIANTS, seen="")
def server_that_compresses() -> type[SseApp]:
    """Compresses streams for those who accept it, and flushes each event."""
    from eventhook_reference.mutants.serving_answers import compressing

    return compressing(lambda body: True)


def _of_another_make(name: str, about: str, running: Running) -> Mutant:
    """Makes a variant: the application behind another server."""

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        return served_by(running, backend, KEEP_ALIVE_S)

    def target() -> Target:
        claimed = replace(PliableClient.capabilities, profiles={"sse"})
        return replace(pliable_target(name, capabilities=claimed), http=http)

    return Mutant(name=name, bug=about, caught_by=(), seen="", target=target)


SERVING_VARIANTS.extend(
    (
        _of_another_make(
            "server-of-raw-asyncio",
            "Serves over bare sockets: early hints, odd chunks, chunk extensions, trailers.",
            raw_server,
        ),
        _of_another_make(
            "server-of-aiohttp", "Serves the same streams by aiohttp.", aiohttp_server
        ),
    )
)
