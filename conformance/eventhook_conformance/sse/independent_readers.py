"""The same stream, read by other people's code (SSE-15).

`aiohttp` has an HTTP parser of its own, and httpx2 a parser of server-sent events.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable, Mapping
from typing import Any, Final

Seen = tuple[str, str, str]
"""Name, data and id of an event."""


async def read_with_aiohttp(
    url: str, headers: Mapping[str, str], see: Callable[[Seen], None], opened: asyncio.Event
) -> None:
    """Reads until it is cancelled or the stream ends."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False, read_bufsize=2**20) as session,
        session.get(url, headers=dict(headers), allow_redirects=False) as response,
    ):
        opened.set()
        rest = b""
        async for chunk in response.content.iter_any():
            rest = (rest + chunk).removeprefix(codecs.BOM_UTF8)
            # A CR at the very end may be half of a line end.
            whole = rest[:-1] if rest.endswith(b"\r") else rest
            *blocks, last = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
            rest = last + rest[len(whole) :]
            for block in blocks:
                seen = _read_block(block.decode("utf-8").split("\n"))
                if seen is not None:
                    see(seen)


def _read_block(lines: list[str]) -> Seen | None:
    """Returns the event of a block of lines; written apart from the parser, to be a second opinion."""
    found: dict[str, list[str]] = {"event": [], "data": [], "id": []}
    for line in lines:
        if not line.startswith(":"):
            name, _, value = line.partition(":")
            found.setdefault(name, []).append(value[1:] if value[:1] == " " else value)
    if not found["data"]:
        return None
    name, last_id = (found[one][-1] if found[one] else "" for one in ("event", "id"))
    return name or "message", "\n".join(found["data"]), last_id


async def read_with_httpx2(
    url: str, headers: Mapping[str, str], see: Callable[[Seen], None], opened: asyncio.Event
) -> None:
    """Reads until it is cancelled or the stream ends, with the library's own `EventSource`."""
    import httpx2

    async with (
        httpx2.AsyncClient(
            trust_env=False, verify=url.startswith("https:"), timeout=httpx2.Timeout(None)
        ) as client,
        client.stream("GET", url, headers=dict(headers)) as response,
    ):
        opened.set()
        async for event in httpx2.EventSource(response):
            # It hands on blocks without data too, such as one with `retry` alone.
            if (event.event, event.data) != ("message", ""):
                see((event.event, event.data, event.id))


LIBRARIES: Final[Mapping[str, Callable[..., Any]]] = {
    "aiohttp": read_with_aiohttp,
    "httpx2": read_with_httpx2,
}
