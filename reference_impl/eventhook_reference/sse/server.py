"""The application on a real port, in the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Tenant
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.app import KEEP_ALIVE_S, SseApp
from eventhook_reference.sse.following import Following

_FAREWELL_S: Final = 0.2
"""Seconds that open streams have to write their queues when the server ends."""

_LONGEST_LINE: Final = 65536

ProvisionKind = Literal["workflow", "task", "child"]
MakeApp = Callable[..., SseApp]
MakeFollowing = Callable[[StreamingBackend, Registry], Following]


class AnyVersion(HttpToolsProtocol):
    """Serves HTTP/1.0 through h11: httptools is faster, but answers it with chunks."""

    _first = b""
    _decided = False

    def data_received(self, data: bytes) -> None:
        """Decides by the first line of a connection which protocol serves it."""
        if not self._decided:
            self._first += data
            line, end, _ = self._first.partition(b"\n")
            if not end and len(line) < _LONGEST_LINE:
                return
            self._decided, data = True, self._first
            if line.rstrip(b"\r").endswith(b" HTTP/1.0"):
                self._hand_over(data)
                return
        super().data_received(data)

    def _hand_over(self, data: bytes) -> None:
        successor = H11Protocol(self.config, self.server_state, self.app_state, self.loop)
        self.connections.discard(self)
        self._unset_keepalive_if_required()
        successor.connection_made(self.transport)
        self.transport.set_protocol(successor)
        successor.data_received(data)


class _InProcess(uvicorn.Server):
    """uvicorn among other things in one process: it leaves the signals alone, and ends at once."""

    def __init__(self, config: uvicorn.Config, app: SseApp) -> None:
        super().__init__(config)
        self._app = app
        self.up = asyncio.Event()
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leaves the handlers of the process as they are."""
        yield

    async def main_loop(self) -> None:
        """Waits for `stop`, where uvicorn looks ten times a second; once a second sets the date."""
        stopped = asyncio.get_running_loop().create_task(self.stop.wait())
        while not stopped.done():
            await self.on_tick(0)
            self.up.set()
            await asyncio.wait({stopped}, timeout=1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends open streams in good order, and cuts off readers that do not read."""
        for server in self.servers:
            server.close()
        self._app.close()
        tasks = self.server_state.tasks
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL_S)
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            transport.abort()
        await super().shutdown(sockets)


@asynccontextmanager
async def running(app: SseApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves the application; gives its base URL.

    Args:
        app: the served application.
        host: where to listen.
        port: 0 takes a free one.

    Raises:
        OSError: the address is not available.
    """
    listening = socket.create_server((host, port), backlog=2048)
    # Requests that are not HTTP are answered with 400; logging them helps no one.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    config = uvicorn.Config(
        app.asgi,
        interface="asgi3",
        http=app.http_protocol or AnyVersion,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the client's address or scheme
    )
    server = _InProcess(config, app)
    serving = asyncio.get_running_loop().create_task(server.serve([listening]))
    try:
        up = asyncio.get_running_loop().create_task(server.up.wait())
        await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if serving.done():
            serving.result()
        yield f"http://{_shown(host)}:{listening.getsockname()[1]}"
    finally:
        server.stop.set()
        await serving


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def new_tenants() -> tuple[Tenant, Tenant]:
    """Makes two tenants with random tokens."""
    first, second = (
        Tenant(
            uuid4(), f"/api/tenants/{name}", {"Authorization": f"Bearer {secrets.token_hex(16)}"}
        )
        for name in ("acme", "globex")
    )
    return first, second


class Provision:
    """Makes executions for others to look at."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(
        self, tenant: Tenant, kind: ProvisionKind, parent: UUID | None = None
    ) -> UUID:
        """Makes a workflow, a task (of the workflow `parent`, or standalone), or a child of `parent`."""
        made = uuid4()
        if kind == "task":
            self._registry.add_task(made, tenant.id, "provisioned", parent)
        else:
            self._registry.add_workflow(made, tenant.id, "provisioned", parent)
        return made


def http(
    backend: StreamingBackend,
    registry: Registry | None = None,
    *,
    keep_alive_s: float = KEEP_ALIVE_S,
    host: str = "127.0.0.1",
    port: int = 0,
    make_app: MakeApp = SseApp,
    follows: MakeFollowing | None = None,
    tenants: Sequence[Tenant] = (),
) -> AbstractAsyncContextManager[HttpTarget]:
    """Serves over one client of a bus, in the form that a target's `http` has.

    Args:
        backend: the client.
        registry: which executions there are; by default, those that are provisioned.
        keep_alive_s: seconds between comments, at most.
        host, port: where to listen; port 0 takes a free one.
        make_app: makes the application, so that a mutant can change it.
        follows: learns from the bus what other servers began; None: nothing begins elsewhere.
        tenants: whom it serves; by default two new ones.
    """
    registry = registry or Registry()
    return _http(
        backend, registry, keep_alive_s, host, port, make_app, follows, tenants or new_tenants()
    )


@asynccontextmanager
async def _http(
    backend: StreamingBackend,
    registry: Registry,
    keep_alive_s: float,
    host: str,
    port: int,
    make_app: MakeApp,
    follows: MakeFollowing | None,
    tenants: Sequence[Tenant],
) -> AsyncIterator[HttpTarget]:
    app = make_app(backend, registry, tenants, keep_alive_s=keep_alive_s)
    async with AsyncExitStack() as stack:
        if follows is not None:
            following = follows(backend, registry)
            for tenant in tenants:
                await stack.enter_async_context(following.of(tenant.id))
            app.catch_up = following.catch_up
        base_url = await stack.enter_async_context(running(app, host, port))
        yield HttpTarget(
            base_url, tenants, keep_alive_s, Provision(registry), app.asgi, replay=app.replay
        )
