"""A TCP proxy of the suite's own, between a client and its server: what networks do, on demand.

It knows no protocol. It counts the bytes of each fault, which shows that the fault happened.
Closing it is complete, and waits for nobody but its own tasks.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Final, Self, TypeAlias

_ADDRESS: Final = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?)(?P<host>\[[^\s\]]+\]|[^\s/@:,]+)"
    r":(?P<port>[0-9]{1,5})(?P<after>[/?#]\S*)?"
)
_CHUNK: Final = 64 * 1024
_SLICES_A_SECOND: Final = 20
_CHUNKS_UNDER_WAY: Final = 256
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

_Item: TypeAlias = tuple[float, bytes] | None


class Proxy(AbstractAsyncContextManager["Proxy"]):
    """Forwards all bytes until told otherwise; listens on a free port of 127.0.0.1.

    Args:
        address: the server's, as `scheme://[user:password@]host:port`.

    Raises:
        ValueError: the address has no host and port to stand before.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError("the server's address is not of the form scheme://host:port")
        self.upstream = (found["host"].strip("[]"), int(found["port"]))
        """Host and port of the server."""
        self.address = address
        """The server's address with the proxy's host and port in place of the server's own."""
        self.port = 0
        """Its own; 0 before it is entered."""
        self.accepted = 0
        """Connections accepted so far."""
        self.cut = 0
        """Connections reset by the proxy so far."""
        self.ended = 0
        """The number of connections that a side began to end, or that the server refused."""
        self.swallowed = 0
        """Bytes that were taken and passed on to nobody."""
        self.hindered = 0
        """Bytes that had to wait."""
        self.sent = {"server": 0, "client": 0}
        """Bytes passed on to the server and to clients."""
        self.delay_s = 0.0
        self.bytes_per_s: int | None = None
        self.silent = False
        self._before, self._after = found["before"], found["after"] or ""
        self._free_at = {"server": 0.0, "client": 0.0}
        self._unhindered = asyncio.Event()
        self._unhindered.set()
        self._reserved: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[_Connection] = set()

    @property
    def open(self) -> int:
        """Connections that are open, silent ones included."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        """Listens.

        Raises:
            OSError: there is no free port.
        """
        # It holds the port while nothing listens there, so that nobody else gets it meanwhile.
        self._reserved = _socket()
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self.address = f"{self._before}127.0.0.1:{self.port}{self._after}"
        self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop_listening()
        await self._cut_all()
        if self._reserved is not None:
            self._reserved.close()

    # Its faults

    def pass_on(self) -> None:
        """Forwards everything from now on; silent connections stay silent, as in a real network."""
        self.delay_s, self.bytes_per_s, self.silent = 0.0, None, False
        self._free_at = dict.fromkeys(self._free_at, 0.0)
        self._unhindered.set()
        if self._listener is None:
            self._listen()

    async def reset(self) -> int:
        """Cuts every connection, with a reset on both sides; returns how many there were."""
        cut = len(self._connections)
        self.cut += cut
        await self._cut_all()
        return cut

    async def refuse(self) -> int:
        """Cuts every connection and accepts no other: a full outage. Returns how many it cut."""
        await self._stop_listening()
        return await self.reset()

    def fall_silent(self) -> None:
        """Takes everything and passes on nothing, without ending a connection: they are half-open."""
        self.silent = True
        for connection in self._connections:
            connection.silent = True

    def hinder(self, *, delay_s: float = 0.0, bytes_per_s: int | None = None) -> None:
        """Delays bytes, or limits their rate, each way."""
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s
        self._unhindered.clear()

    # How it does it

    def due(self, to: str, count: int) -> float:
        """Returns when so many bytes that were just read go out, on the loop's clock."""
        now = asyncio.get_running_loop().time()
        if self.bytes_per_s is not None:
            now = max(now, self._free_at[to]) + count / self.bytes_per_s
            self._free_at[to] = now
        return now + self.delay_s

    def slice_bytes(self) -> int:
        """Returns how many bytes to read at once: few at a low rate, so that they pass evenly."""
        if self.bytes_per_s is None:
            return _CHUNK
        return max(1, self.bytes_per_s // _SLICES_A_SECOND)

    async def wait_until(self, due: float, count: int) -> None:
        """Waits until so many bytes may go out: when they are due, or nothing hinders any more."""
        left = due - asyncio.get_running_loop().time()
        if left > 0 and not self._unhindered.is_set():
            self.hindered += count
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._unhindered.wait()

    def _listen(self) -> None:
        if self._reserved is None:
            return
        self._listener = _socket()
        self._listener.bind(self._reserved.getsockname())
        self._listener.listen(128)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._listener))

    async def _stop_listening(self) -> None:
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.wait({accepting})
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError:
                continue  # the client has given up
            client.setblocking(False)
            self.accepted += 1
            connection = _Connection(self, client)
            self._connections.add(connection)
            connection.task = loop.create_task(connection.run())

    async def _cut_all(self) -> None:
        tasks = {connection.task for connection in self._connections if connection.task}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def forget(self, connection: _Connection) -> None:
        """Forgets a connection that closed."""
        self._connections.discard(connection)


class _Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.silent = proxy.silent
        self.task: asyncio.Task[None] | None = None
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self._ended = False

    async def run(self) -> None:
        proxy, loop = self._proxy, asyncio.get_running_loop()
        try:
            family = socket.AF_INET6 if ":" in proxy.upstream[0] else socket.AF_INET
            server = self._server = socket.socket(family, socket.SOCK_STREAM)
            server.setblocking(False)
            if self.silent:
                await self._swallow(self._client)
                return
            await loop.sock_connect(server, proxy.upstream)
            for side in (self._client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as flows:
                for source, sink, to in (
                    (self._client, server, "server"),
                    (server, self._client, "client"),
                ):
                    queue: asyncio.Queue[_Item] = asyncio.Queue(_CHUNKS_UNDER_WAY)
                    flows.create_task(self._read(source, queue, to))
                    flows.create_task(self._write(sink, queue, to))
        except (OSError, ExceptionGroup):
            # A reset, or a refusal, by one side: the other gets it too.
            self._note_end()
            self._reset_on_close()
        except asyncio.CancelledError:
            self._reset_on_close()
            raise
        finally:
            self._client.close()
            if self._server is not None:
                self._server.close()
            proxy.forget(self)

    def _note_end(self) -> None:
        if not self._ended:
            self._ended = True
            self._proxy.ended += 1

    def _reset_on_close(self) -> None:
        for side in (self._client, self._server):
            if side is not None:
                with suppress(OSError):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    async def _read(self, source: socket.socket, queue: asyncio.Queue[_Item], to: str) -> None:
        loop, proxy = asyncio.get_running_loop(), self._proxy
        try:
            while data := await loop.sock_recv(source, proxy.slice_bytes()):
                if self.silent:
                    proxy.swallowed += len(data)
                else:
                    await queue.put((proxy.due(to, len(data)), data))
        except OSError:
            if not self.silent:
                raise
        if not self.silent:
            self._note_end()
            await queue.put(None)

    async def _write(self, sink: socket.socket, queue: asyncio.Queue[_Item], to: str) -> None:
        loop, proxy = asyncio.get_running_loop(), self._proxy
        while (item := await queue.get()) is not None:
            due, data = item
            await proxy.wait_until(due, len(data))
            if self.silent:
                proxy.swallowed += len(data)
                continue
            await loop.sock_sendall(sink, data)
            proxy.sent[to] += len(data)
        if not self.silent:
            sink.shutdown(socket.SHUT_WR)

    async def _swallow(self, source: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(source, _CHUNK):
            self._proxy.swallowed += len(data)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setblocking(False)
    return made
