"""A page that shows the streams of a server in a browser, through a proxy that adds the credentials.

The page never sees a token: it asks the proxy, on its own origin, for a tenant by its number.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from eventhook_conformance.sse.forwarding import pass_on, respond
from eventhook_conformance.sse.paths import PATHS
from eventhook_conformance.target import HttpTarget

_LONGEST_HEAD: Final = 65536
_HOME: Final = frozenset({"127.0.0.1", "localhost"})


class Viewer:
    """Serves the page, and passes on the streams that it asks for.

    Args:
        target: the server whose streams are shown.
    """

    def __init__(self, target: HttpTarget) -> None:
        self._target = target
        tenants = [{"id": str(one.id), "base_path": one.base_path} for one in target.tenants]
        # Within a script element no text may end it.
        config = json.dumps({"tenants": tenants}).replace("<", "\\u003c")
        text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        self._page = text.replace("CONFIG", config, 1).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request on one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            await self._answer(head, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the browser went away, or sent no request
        finally:
            writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        line, *rest = head.split("\r\n")
        method, target, *_ = [*line.split(" "), "", ""]
        url = urlsplit(target)
        if not _is_home(rest):
            # Another site's page must not read streams through it, under whatever name it calls it.
            respond(writer, "403 Forbidden", "text/plain", b"open it as 127.0.0.1\n")
        elif method != "GET":
            respond(writer, "405 Method Not Allowed", "text/plain", b"")
        elif url.path == "/":
            respond(writer, "200 OK", "text/html; charset=utf-8", self._page)
        elif (stream := self._stream(url.path)) is not None:
            path, headers = stream
            query = f"?{url.query}" if url.query else ""
            await pass_on(f"{self._target.base_url}{path}{query}", headers, writer)
        else:
            respond(writer, "404 Not Found", "text/plain", b"")

    def _stream(self, path: str) -> tuple[str, dict[str, str]] | None:
        """Returns a stream's path at the server and its credentials; None if there is no such stream."""
        _, first, number, name, *rest = [*path.split("/"), "", ""]
        kind = next((one for one in PATHS if one == name), None)
        if first != "streams" or kind is None or not number.isdigit():
            return None
        if int(number) >= len(self._target.tenants):
            return None
        tenant = self._target.tenants[int(number)]
        try:
            text = str(UUID(rest[0])) if "{id}" in PATHS[kind] else ""
        except ValueError:
            return None
        return tenant.base_path + PATHS[kind].replace("{id}", text), dict(tenant.headers)


def _is_home(lines: list[str]) -> bool:
    """Returns whether a request calls the proxy by an address of this machine."""
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "host":
            return urlsplit(f"//{value.strip()}").hostname in _HOME
    return False


@asynccontextmanager
async def viewing(target: HttpTarget) -> AsyncIterator[str]:
    """Shows a server's streams as long as the context is open; gives the URL of the page."""
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(
            Viewer(target).answer, "127.0.0.1", 0, limit=_LONGEST_HEAD
        )
        stack.callback(server.close)
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
