"""A reader on a plain socket: one that stalls, resets, or leaves before it has read anything."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

_SMALL: Final = 4096
"""Bytes that the kernel holds for a reader that stalls."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class RawReader:
    """One connection, with one request sent."""

    def __init__(
        self,
        sock: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: bytes,
    ) -> None:
        self._sock = sock
        self._reader = reader
        self._writer = writer
        self._request = request

    def ask(self) -> None:
        """Sends the request, for the first time or again on the same connection."""
        self._writer.write(self._request)

    async def read_head(self) -> int:
        """The status, after all headers were read."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])

    async def ends(self) -> bool:
        """Whether what was asked for is over: the same request is answered again, or all is closed."""
        self.ask()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.read_head()
        return True

    async def read_some(self) -> bytes:
        """What comes next; empty at the end."""
        return await self._reader.read(65536)

    def reset(self) -> None:
        """Breaks the connection off, as a process that is killed does."""
        with contextlib.suppress(OSError):  # because: the server may have broken it off first
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def close(self) -> None:
        """Closes the connection in good order."""
        self._writer.close()


@asynccontextmanager
async def raw_reader(
    base_url: str,
    path: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    small: bool = False,
) -> AsyncIterator[RawReader]:
    """Connects and sends a request; nothing of the answer is read yet.

    Args:
        base_url: of the server.
        path: under it.
        headers: that the request carries.
        method: of the request.
        small: with the smallest buffers, for a reader that will stall.
    """
    url = urlsplit(base_url)
    secure = url.scheme == "https"
    host, port = url.hostname or "", url.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        await loop.sock_connect(sock, address)
        reader, writer = await asyncio.open_connection(
            sock=sock,
            limit=_SMALL if small else 65536,
            ssl=secure or None,
            server_hostname=host if secure else None,
        )
    except BaseException:  # because: a cancelled connect must not leak its socket either
        sock.close()
        raise
    lines = [f"{method} {url.path.rstrip('/')}{path} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    raw = RawReader(sock, reader, writer, "\r\n".join([*lines, "", ""]).encode())
    raw.ask()
    try:
        yield raw
    finally:
        writer.transport.abort()
