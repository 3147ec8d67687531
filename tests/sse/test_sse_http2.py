"""The suite's reader speaks HTTP/2 with a server that offers it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.history import Clock
from eventhook_conformance.settings import Settings
from eventhook_conformance.sse.client import HttpClient
from eventhook_reference.memory import MemoryBackend, MemoryBus, open_client
from eventhook_reference.mutants._other_makes import served_by
from eventhook_reference.sse.app import SseApp
from sse.serving import token
from variants.third_party import hypercorn, target_of


@pytest.mark.asyncio
@pytest.mark.parametrize(("http2", "version"), [(False, "HTTP/1.1"), (True, "HTTP/2")])
async def test_a_stream_and_an_answer(http2: bool, version: str) -> None:
    async with open_client(MemoryBus()) as backend, served_by(hypercorn, backend, 5.0) as target:
        assert target.provision is not None
        tenant = target.tenants[0]
        workflow = await target.provision(tenant, "workflow", None)
        path = f"{tenant.base_path}/workflow-executions/{workflow}/stream"
        client = HttpClient(target.base_url, Clock(), http2=http2)
        try:
            async with client.stream(path, tenant.headers) as reading:
                assert reading.http_version == version
                await backend.streams.publish(token(workflow, "over HTTP/2"))
                await reading.until(lambda: bool(reading.received))
                assert reading.received[0].event.data == "over HTTP/2"
                other = await client.ask("HEAD", path, tenant.headers)
                assert other.status == 200
            await _freed(backend)
        finally:
            await client.aclose()


async def _freed(backend: MemoryBackend) -> None:
    """Returns once the server holds nothing more for a reader that left."""
    async with asyncio.timeout(20):
        while True:
            await backend.cleanup_inactive_channels()
            counts = await backend.active_channels()
            if not counts.events + counts.streams:
                return
            await asyncio.sleep(0.01)


class _Connection:
    """The application, with a bug that shows if streams share a connection."""

    def __init__(self, app: SseApp) -> None:
        self._app = app
        self.close = app.close
        self.open: dict[Any, str] = {}
        """By connection and tenant, the path of the stream that came first."""

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.endswith(("/stream", "/consolidated")):
            await self._app.asgi(scope, receive, send)
            return
        first = self.open.setdefault((scope["client"], path.split("/")[3]), path)
        await self.answer(first, scope, receive, send)

    async def answer(self, first: str, scope: Any, receive: Any, send: Any) -> None:
        await self._app.asgi(scope, receive, send)


class _Mixes(_Connection):
    """Takes later streams of a connection for the first one."""

    async def answer(self, first: str, scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, "path": first, "raw_path": first.encode()}
        await super().answer(first, scope, receive, send)


class _Stalls(_Connection):
    """Sends nothing on later streams of a connection while the first one lasts."""

    async def answer(self, first: str, scope: Any, receive: Any, send: Any) -> None:
        async def held(message: Any) -> None:
            if message["type"] == "http.response.body" and scope["path"] != first:
                return
            await send(message)

        await super().answer(first, scope, receive, held)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_Connection, None),
        (_Mixes, "expected only"),
        (_Stalls, "to arrive"),
    ],
)
def test_streams_on_one_connection(make: type[_Connection], words: str | None) -> None:
    def served(app: SseApp) -> AbstractAsyncContextManager[str]:
        return hypercorn(cast("SseApp", make(app)))

    target = target_of("hypercorn", served, http2=True)
    name = "sse_multiplexed::streams_on_one_connection_stay_apart"
    [case] = judge(target, Settings(arrival_timeout_s=1.0), [catalog()[name]]).cases
    assert (words or "") in (case.message or ""), case.message
    assert case.outcome == ("failed" if words else "passed"), case.message
