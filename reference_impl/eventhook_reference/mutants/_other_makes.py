"""The application behind other HTTP servers than uvicorn: a raw asyncio one, and aiohttp's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget
from eventhook_reference.lifecycle.registry import Registry

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

LONGEST_HEAD: Final = 131072
_FAREWELL_S: Final = 0.2

Running: TypeAlias = Callable[["SseApp"], AbstractAsyncContextManager[str]]
"""Serves an application, and gives its base URL."""


@asynccontextmanager
async def served_by(
    running: Running, backend: StreamingBackend, keep_alive_s: float
) -> AsyncIterator[HttpTarget]:
    """Serves the reference's application by another server."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.server import Provision, new_tenants

    registry, tenants = Registry(), new_tenants()
    app = SseApp(backend, registry, tenants, keep_alive_s=keep_alive_s)
    async with running(app) as base_url:
        yield HttpTarget(base_url, tenants, keep_alive_s, Provision(registry))


def scope_of(method: str, target: str, version: str, headers: Any) -> dict[str, Any]:
    """Returns an ASGI scope."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


# A raw asyncio server


@asynccontextmanager
async def raw_server(app: SseApp) -> AsyncIterator[str]:
    """Serves HTTP with nothing but streams; its chunks are legal and look unusual."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # because: a coroutine runs in a task
        connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await _Exchange(app, reader, writer).run():
                    pass
        finally:
            connections.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=LONGEST_HEAD)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        app.close()
        if connections:
            await asyncio.wait(connections, timeout=_FAREWELL_S)
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, app: SseApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._app = app
        self._reader = reader
        self._writer = writer
        self._body: bytes | None = None
        self._chunked = False
        self._keeps = True
        self._started = False
        self._ended = False
        self._over = asyncio.Event()

    async def run(self) -> bool:
        """Returns whether the connection takes another request."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        words = line.split(" ")
        if len(words) != 3:
            self._writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            return False
        self._method, target, version = words[0], words[1], words[2].removeprefix("HTTP/")
        parts = (one.partition(":") for one in rest if ":" in one)
        headers = [
            (name.strip().lower().encode("latin-1"), value.strip().encode("latin-1"))
            for name, _, value in parts
        ]
        self._old = version == "1.0"
        names = dict(headers)
        self._keeps = not self._old and names.get(b"connection", b"").lower() != b"close"
        self._body = await self._read_body(names)
        scope = scope_of(self._method, target, version, headers)
        leaving = asyncio.create_task(self._watch())
        try:
            await self._app.asgi(scope, self._receive, self._send)
        except Exception:  # because: a server makes a 500 of whatever an application raises
            self._keeps = False
            if not self._started:
                self._writer.write(
                    b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
                )
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        await self._writer.drain()
        return self._keeps and self._ended and not self._over.is_set()

    async def _read_body(self, names: dict[bytes, bytes]) -> bytes:
        if names.get(b"transfer-encoding", b"").lower() != b"chunked":
            return await self._reader.readexactly(int(names.get(b"content-length", b"0")))
        body = b""
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        while (await self._reader.readline()).strip():
            pass
        return body

    async def _watch(self) -> None:
        """Looks whether the reader is still there: anything that it sends now ends the connection."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)
        self._keeps = False
        self._over.set()

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self._over.is_set():
            return
        if message["type"] == "http.response.start":
            self._start(message)
        else:
            self._write(message.get("body", b""), message.get("more_body", False))
        await self._writer.drain()

    def _start(self, message: Any) -> None:
        self._started = True
        status = HTTPStatus(message["status"])
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b":" + value + b" \t" for name, value in message["headers"]]
        sized = any(name.lower() == b"content-length" for name, _ in message["headers"])
        self._chunked = not sized and not self._old and self._method != "HEAD"
        if self._chunked:
            lines += [b"transfer-encoding: chunked", b"trailer: x-end"]
        if not self._keeps:
            lines.append(b"connection: close")
        early = b"" if self._old else b"HTTP/1.1 103 Early Hints\r\nlink:</a>;rel=preload\r\n\r\n"
        self._writer.write(early + b"\r\n".join([*lines, b"", b""]))

    def _write(self, body: bytes, more: bool) -> None:
        if self._method == "HEAD":
            body = b""
        elif self._chunked and body:
            half = (len(body) + 1) // 2
            pieces = [one for one in (body[:half], body[half:]) if one]
            body = b"".join(b"%06X;x=y\r\n%s\r\n" % (len(one), one) for one in pieces)
        if not more:
            self._ended = True
            if self._chunked:
                body += b"000\r\nx-end: yes\r\n\r\n"
        self._writer.write(body)


# aiohttp


@asynccontextmanager
async def aiohttp_server(app: SseApp) -> AsyncIterator[str]:
    """Serves the application with aiohttp's server."""
    from aiohttp import web

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer: web.StreamResponse = await _bridged(app, request)
        return answer

    server = web.Server(handle, handler_cancellation=True)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=_FAREWELL_S)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        app.close()
        await runner.cleanup()


async def _bridged(app: SseApp, request: Any) -> Any:
    from aiohttp import web

    body: bytes | None = await request.read()
    version = f"{request.version.major}.{request.version.minor}"
    headers = [(name.lower(), value) for name, value in request.raw_headers]
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal body
        if body is not None:
            whole, body = body, None
            return {"type": "http.request", "body": whole, "more_body": False}
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            response = web.StreamResponse(status=message["status"])
            for name, value in message["headers"]:
                response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
            answers.append(response)
            await response.prepare(request)
            return
        if message.get("body") and request.method != "HEAD":
            await answers[0].write(message["body"])
        if not message.get("more_body", False):
            await answers[0].write_eof()

    scope = scope_of(request.method, request.raw_path, version, headers)
    try:
        await app.asgi(scope, receive, send)
    except ConnectionError:
        if not answers:
            raise
    answer: web.StreamResponse = answers[0]
    return answer
