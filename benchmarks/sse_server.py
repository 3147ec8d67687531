"""A server of token streams for `sse_readers.py`, in a process of its own: `sse_server.py NAME`.

It prints its address as one line of JSON, then publishes as many events as each line of its input says.
Both contenders run behind the same uvicorn, set up alike.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_reference.memory import MemoryBus, open_client
from eventhook_reference.sse.server import http, running

PAYLOAD = "a token of the size that language models emit"
Publish = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Serving:
    """A running server."""

    url: str
    headers: dict[str, str]
    publish: Publish


@asynccontextmanager
async def reference() -> AsyncIterator[Serving]:
    """Serves the reference's SSE server over the bus in memory."""
    async with open_client(MemoryBus()) as client, http(client) as target:
        tenant = target.tenants[0]
        assert target.provision is not None
        workflow = await target.provision(tenant, "workflow", None)

        async def publish(number: int) -> None:
            await client.streams.publish(
                StreamEvent(
                    task_execution_id="",
                    workflow_execution_id=str(workflow),
                    sequence=number,
                    event_type=StreamEventType.TOKEN,
                    payload=PAYLOAD,
                    timestamp_ms=number,
                )
            )
            await asyncio.sleep(0)

        url = f"{target.base_url}{tenant.base_path}/workflow-executions/{workflow}/stream"
        yield Serving(url, dict(tenant.headers), publish)


class _App:
    """The application that `running` needs."""

    http_protocol = None
    """As the reference is served."""

    def __init__(self, asgi: Any) -> None:
        self.asgi = asgi

    def close(self) -> None:
        """Does nothing: the server cuts the readers off."""


@asynccontextmanager
async def sse_starlette() -> AsyncIterator[Serving]:
    """Serves by sse-starlette as its documentation does: a queue a reader, a dictionary an event."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.routing import Route

    queues: set[asyncio.Queue[dict[str, Any]]] = set()

    async def stream(request: Request) -> EventSourceResponse:
        del request
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        queues.add(queue)

        async def events() -> AsyncIterator[dict[str, Any]]:
            try:
                while True:
                    yield await queue.get()
            finally:
                queues.discard(queue)

        return EventSourceResponse(events())

    async def publish(number: int) -> None:
        event = {"event": "token", "id": str(number), "data": PAYLOAD}
        for queue in queues:
            queue.put_nowait(event)
        await asyncio.sleep(0)

    app: Any = _App(Starlette(routes=[Route("/stream", stream)]))
    async with running(app) as base_url:
        yield Serving(f"{base_url}/stream", {}, publish)


CONTENDERS = {"reference": reference, "sse-starlette": sse_starlette}


async def serve(name: str) -> None:
    """Serves until the input ends."""
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with CONTENDERS[name]() as serving:
        print(json.dumps({"url": serving.url, "headers": serving.headers}), flush=True)
        number = 0
        while line := await orders.readline():
            for _ in range(int(line)):
                await serving.publish(number)
                number += 1


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
