"""An HTTP reader on a plain socket: for readers that stall, reset, or leave before they have read.

h11 parses the answers: chunks of any size, trailers, long heads, answers without a length.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from eventhook_conformance.sse.parser import Parser, ServerSentEvent

if TYPE_CHECKING:
    import h11

_SMALL: Final = 4096
"""Bytes that the kernel keeps for a reader that stalls."""
_AT_ONCE: Final = 65536
_LONGEST_HEAD: Final = 2 * 65536
"""Bytes. Servers and proxies allow heads of 64 KiB."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class SocketReader:
    """One connection with one request sent; made by `socket_reader`.

    Args:
        sock: the connected socket.
        reader, writer: its streams.
        request_with: returns the bytes of the request with those headers.
        headers: of the first request.
        method: of the request.
    """

    def __init__(
        self,
        sock: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request_with: Callable[[Mapping[str, str]], bytes],
        headers: Mapping[str, str],
        method: str,
    ) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        """By lower-case name, once `read_head` has returned."""
        self.events: list[ServerSentEvent] = []
        """The events that `read_events` has read."""
        self.parser = Parser()
        self.ended = False
        """True once the answer has ended in good order."""
        self._sock = sock
        self._reader = reader
        self._writer = writer
        self._request_with = request_with
        self._first_headers = headers
        self._method = method
        self._http = self._new_exchange()

    def _new_exchange(self) -> h11.Connection:
        import h11  # because: it belongs to the extra `sse`

        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        # h11 has to know the method, which decides whether there is a body. The bytes are our own:
        # h11 would not send HTTP/1.0.
        http.send(h11.Request(method=self._method, target="/", headers=[("Host", "suite")]))
        http.send(h11.EndOfMessage())
        return http

    def ask(self, headers: Mapping[str, str] | None = None) -> None:
        """Sends the request, for the first time or again, or with other headers."""
        self._writer.write(self._request_with(self._first_headers if headers is None else headers))

    async def read_head(self) -> int:
        """Reads all headers; returns the status.

        Raises:
            ConnectionError: the server closed the connection before.
            h11.RemoteProtocolError: the answer is not HTTP.
        """
        import h11

        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                self.headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in event.headers
                }
                return self.status

    async def read_body(self) -> bytes:
        """Returns the next part of the body; empty once it has ended.

        Raises:
            h11.RemoteProtocolError: the body ends before its last chunk, or is not HTTP.
        """
        import h11

        if self.ended:
            return b""
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                self.ended = True
                return b""

    async def read_events(self) -> list[ServerSentEvent]:
        """Reads until at least one more event is complete; none once the stream has ended."""
        while True:
            body = await self.read_body()
            if not body:
                return []
            if events := self.parser.feed(body):
                self.events += events
                return events

    async def _next(self) -> object:
        import h11

        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_AT_ONCE)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise ConnectionResetError("the server closed the connection without an answer")
            self._http.receive_data(data)
        return event

    async def ends(self) -> bool:
        """Reads the answer to its end: then the same request is answered again, or all is closed."""
        await self.ask_again()
        return True

    async def ask_again(self, headers: Mapping[str, str] | None = None) -> int | None:
        """Reads the answer to its end, and sends the request again on the same connection.

        Args:
            headers: of this request; None: those of the first.

        Returns:
            The status; None if the server has closed the connection.
        """
        while await self.read_body():
            pass
        with contextlib.suppress(ConnectionError):
            self.ask(headers)
            rest, _ = self._http.trailing_data
            self._http, self.ended = self._new_exchange(), False
            if rest:  # no bytes would mean the end of the connection
                self._http.receive_data(rest)
            return await self.read_head()
        return None

    def reset(self) -> None:
        """Breaks the connection off, as a process that is killed does."""
        with contextlib.suppress(OSError):  # because: the server may have broken it off first
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def close(self) -> None:
        """Closes the connection in good order."""
        self._writer.close()


@asynccontextmanager
async def socket_reader(
    base_url: str,
    path: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    version: Literal["1.0", "1.1"] = "1.1",
    small: bool = False,
) -> AsyncIterator[SocketReader]:
    """Connects and sends a request; nothing of the answer is read yet.

    Args:
        base_url: of the server.
        path: under it.
        headers: that the request carries.
        method: of the request.
        version: of HTTP.
        small: use the smallest buffers, for a reader that will stall.
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
            limit=_SMALL if small else _AT_ONCE,
            ssl=secure or None,
            server_hostname=host if secure else None,
        )
    except BaseException:  # because: a cancelled connect must not leak its socket either
        sock.close()
        raise

    def request_with(headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {url.path.rstrip('/')}{path} HTTP/{version}", f"Host: {url.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    opened = SocketReader(sock, reader, writer, request_with, headers, method)
    opened.ask()
    try:
        yield opened
    finally:
        writer.transport.abort()
