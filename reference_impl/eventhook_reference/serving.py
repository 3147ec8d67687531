"""The servers that the command `serve` starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from eventhook_conformance.contract import StreamingBackend, StreamingError
from eventhook_conformance.target import Served, Server
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.following import Following
from eventhook_reference.sse.playing import play_on
from eventhook_reference.sse.replay_app import ReplayApp
from eventhook_reference.sse.server import MakeApp, http


@asynccontextmanager
async def memory(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Serves over a bus in this process."""
    from eventhook_reference.memory import MemoryBus, open_client

    async with open_client(MemoryBus()) as backend, _over(backend, host, port, play) as served:
        yield served


@asynccontextmanager
async def nats(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Serves over NATS: the server at `NATS_URL`, or one of our own."""
    from eventhook_reference.nats import connect, server

    async with (
        server() as running,
        connect(running.address) as backend,
        _over(backend, host, port, play, running) as served,
    ):
        yield served


@asynccontextmanager
async def memory_replay(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Serves over a bus with history in this process."""
    from eventhook_reference.memory_replay import replay_target

    open_client = replay_target("memory-replay").open
    assert open_client is not None  # noqa: S101  # because: it is made so
    async with (
        open_client() as backend,
        _over(backend, host, port, play, make_app=ReplayApp) as served,
    ):
        yield served


@asynccontextmanager
async def nats_replay(*, host: str, port: int, play: bool) -> AsyncIterator[Served]:
    """Serves over JetStream: the server at `NATS_URL`, or one of our own."""
    from eventhook_reference.nats_replay import connect, server

    async with (
        server() as running,
        connect(running.address) as backend,
        _over(backend, host, port, play, running, ReplayApp) as served,
    ):
        yield served


@asynccontextmanager
async def _over(
    backend: StreamingBackend,
    host: str,
    port: int,
    play: bool,
    bus: Server | None = None,
    make_app: MakeApp = SseApp,
) -> AsyncIterator[Served]:
    registry = Registry()
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(
            http(backend, registry, host=host, port=port, follows=Following, make_app=make_app)
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
