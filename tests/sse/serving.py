"""A running reference server for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_conformance.history import Clock
from eventhook_conformance.sse.client import HttpClient
from eventhook_conformance.target import HttpTarget, Tenant
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.memory import MemoryBackend, MemoryBus, open_client
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.server import http


def token(workflow: UUID, payload: str = "token") -> StreamEvent:
    """Returns a token of that workflow's stream."""
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=str(workflow),
        sequence=1,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=1,
    )


@dataclass(frozen=True)
class Running:
    """The parts of a running server that tests use."""

    backend: MemoryBackend
    registry: Registry
    target: HttpTarget
    client: HttpClient

    @property
    def tenant(self) -> Tenant:
        return self.target.tenants[0]

    async def workflow(self, parent: UUID | None = None, tenant: int = 0) -> UUID:
        assert self.target.provision is not None
        kind: Any = "workflow" if parent is None else "child"
        return await self.target.provision(self.target.tenants[tenant], kind, parent)

    def path(self, workflow: UUID, tail: str = "/stream") -> str:
        return f"{self.tenant.base_path}/workflow-executions/{workflow}{tail}"

    async def held(self) -> int:
        await self.backend.cleanup_inactive_channels()
        counts = await self.backend.active_channels()
        return counts.events + counts.streams


@asynccontextmanager
async def running(make_app: Callable[..., SseApp] = SseApp) -> AsyncIterator[Running]:
    registry = Registry()
    async with (
        open_client(MemoryBus()) as backend,
        http(backend, registry, keep_alive_s=5.0, make_app=make_app) as target,
    ):
        client = HttpClient(target.base_url, Clock())
        try:
            yield Running(backend, registry, target, client)
        finally:
            await client.aclose()
