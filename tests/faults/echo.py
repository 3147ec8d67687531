"""A server that sends back what it gets, and a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from eventhook_conformance.faults import Proxy

PATIENCE_S = 5.0


@dataclass
class Talk:
    """One connection to the echo."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, text: bytes) -> bytes:
        """Sends it, and waits for it to come back."""
        self.writer.write(text)
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readexactly(len(text))

    async def hear(self) -> bytes:
        """Returns the next bytes; none at the end."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read(1024)


async def until(check: Callable[[], bool]) -> None:
    """Gives everybody turns until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        # because: the count waited for notifies nobody
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """Yields the address of a running echo."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"echo://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def talk(proxy: Proxy) -> AsyncIterator[Talk]:
    """Yields a connection through the proxy."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
