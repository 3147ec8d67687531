"""The servers that the command `serve` starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from eventhook_conformance.contract import StreamingBackend, StreamingError
from eventhook_conformance.target import Served, Server
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.following import Following
from eventhook_reference.sse.playing import play_on
from eventhook_reference.sse.server import http


@asynccontextmanager
async def memory(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Over a bus in this process."""
    from eventhook_reference.memory import MemoryBus, open_client

    async with open_client(MemoryBus()) as backend, _over(backend, host, port, play) as served:
        yield served


@asynccontextmanager
async def nats(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Over NATS: the server at `NATS_URL`, or one of our own."""
    from eventhook_reference.nats import connect, server

    async with (
        server() as running,
        connect(running.address) as backend,
        _over(backend, host, port, play, running) as served,
    ):
        yield served


@asynccontextmanager
async def _over(
    backend: StreamingBackend, host: str, port: int, play: bool, bus: Server | None = None
) -> AsyncIterator[Served]:
    registry = Registry()
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(
            http(backend, registry, host=host, port=port, follows=Following)
        )
        if play:
            playing = asyncio.get_running_loop().create_task(
                play_on(backend, registry, target.tenants[0].id)
            )
            stack.push_async_callback(_end, playing)
        yield Served(target) if bus is None else Served(target, bus.address, bus.monitor_url)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, StreamingError):
        await task
