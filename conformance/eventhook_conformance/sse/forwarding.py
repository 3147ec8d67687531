"""Passes a stream on to a browser, byte for byte, with the tenant's headers added to the request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

_KEPT: Final = ("content-type", "cache-control", "content-encoding")


async def pass_on(url: str, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
    """Forwards the server's answer to a browser, as it comes.

    Args:
        url: of the stream.
        headers: that authenticate the tenant.
        writer: to the browser.
    """
    import httpx

    async with (
        httpx.AsyncClient(
            trust_env=False, verify=url.startswith("https:"), timeout=httpx.Timeout(None)
        ) as client,
        client.stream(
            "GET",
            url,
            headers={**headers, "Accept": "text/event-stream", "Accept-Encoding": ""},
        ) as response,
    ):
        lines = [f"HTTP/1.1 {response.status_code} Passed-On", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in response.headers.items() if name in _KEPT]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        async for chunk in response.aiter_raw():
            writer.write(chunk)
            await writer.drain()


def respond(writer: asyncio.StreamWriter, status: str, media: str, body: bytes) -> None:
    """Writes a whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
