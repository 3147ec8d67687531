"""The suite's reader speaks HTTP/2 with a server that offers it."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_conformance.history import Clock
from eventhook_conformance.sse.client import HttpClient
from eventhook_reference.memory import MemoryBackend, MemoryBus, open_client
from eventhook_reference.mutants._other_makes import served_by
from sse.serving import token
from variants.third_party import hypercorn

pytestmark = pytest.mark.asyncio


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
