"""One replica of the server, as a process of its own over the NATS that others share.

    python -m eventhook_reference.sse.replica

The first line on its standard input says what to serve; its first line of output says where. Each further
line of input asks for an execution, and is answered by its id. It ends with its input.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamingBackend
from eventhook_conformance.target import Tenant
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.nats import connect
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.following import Following
from eventhook_reference.sse.server import http

_LONGEST_LINE: Final = 65536


class TenantOf(msgspec.Struct):
    """One tenant, as `Tenant` has it."""

    id: UUID
    base_path: str
    headers: dict[str, str]


class Order(msgspec.Struct):
    """The configuration of a replica."""

    nats_url: str
    keep_alive_s: float
    tenants: list[TenantOf]
    parts: str = "eventhook_reference.sse.replica:Parts"
    """The class of the parts it is made of."""
    peer: str | None = None
    """Base URL of a replica that was there before."""


class Wish(msgspec.Struct):
    """A request to make an execution."""

    tenant: UUID
    kind: Literal["workflow", "task", "child"]
    parent: UUID | None = None


class Parts:
    """The parts of a replica; mutants override one.

    Args:
        order: what it is told.
    """

    app: type[SseApp] = SseApp
    following: type[Following] = Following

    def __init__(self, order: Order) -> None:
        self.order = order

    def publishing(self, backend: StreamingBackend) -> StreamingBackend:
        """Returns where its own events are published."""
        return backend

    async def run_beside(self, app: SseApp) -> None:
        """Runs as long as it serves."""


async def serve(order: Order, asked: asyncio.StreamReader) -> None:
    """Serves until nothing more is asked for."""
    parts: Parts = resolve_name(order.parts)(order)
    registry = Registry()
    apps: list[SseApp] = []

    def make_app(*args: Any, **named: Any) -> SseApp:
        apps.append(parts.app(*args, **named))
        return apps[0]

    tenants = [Tenant(one.id, one.base_path, one.headers) for one in order.tenants]
    async with (
        connect(order.nats_url) as backend,
        http(
            backend,
            registry,
            keep_alive_s=order.keep_alive_s,
            make_app=make_app,
            follows=parts.following,
            tenants=tenants,
        ) as target,
    ):
        beside = asyncio.get_running_loop().create_task(parts.run_beside(apps[0]))
        _answer({"base_url": target.base_url})
        while line := await asked.readline():
            made = await make(
                msgspec.json.decode(line, type=Wish), registry, parts.publishing(backend)
            )
            _answer({"id": str(made)})
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


async def make(wish: Wish, registry: Registry, backend: StreamingBackend) -> UUID:
    """Makes an execution, and tells the bus of it."""
    made = uuid4()
    kind = "provisioned"
    snapshot: dict[str, Any] = {"id": str(made), "kind": kind, "status": "PENDING"}
    if wish.kind == "task":
        registry.add_task(made, wish.tenant, kind, wish.parent)
        event = FlovynEvent.new(wish.tenant, "task.created", "system", snapshot).with_task(made)
        event = event if wish.parent is None else event.with_workflow(wish.parent)
    else:
        registry.add_workflow(made, wish.tenant, kind, wish.parent)
        if wish.parent is not None:
            snapshot["parentWorkflowExecutionId"] = str(wish.parent)
        event = FlovynEvent.new(wish.tenant, "workflow.created", "system", snapshot)
        event = event.with_workflow(made)
    await backend.events.publish(event)
    return made


def _answer(value: Mapping[str, str]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


async def main() -> None:
    """Reads what to serve, and serves it."""
    asked = asyncio.StreamReader(limit=_LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    await serve(msgspec.json.decode(await asked.readline(), type=Order), asked)


if __name__ == "__main__":
    asyncio.run(main())
