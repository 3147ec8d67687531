"""The target `nats-replicas`: two servers over one NATS, each in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import Capabilities, HttpTarget, Server, Target, Tenant
from eventhook_reference import nats

KEEP_ALIVE_S: Final = 0.4
_START_S: Final = 60.0


class Replica:
    """One server in a process of its own.

    Args:
        process: it.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()
        self.base_url = ""

    async def ask(self, value: Any) -> dict[str, str]:
        """Returns its answer to a line.

        Raises:
            ConnectionError: the process has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018  # because: both are pipes
        async with self._asking:
            stdin.write(msgspec.json.encode(value) + b"\n")
            await stdin.drain()
            line = await stdout.readline()
        if not line:
            raise ConnectionError("the replica has ended")
        return msgspec.json.decode(line, type=dict[str, str])

    async def kill(self) -> None:
        """Ends it at once."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def replica(order: Any) -> AsyncIterator[Replica]:
    """Runs one replica as long as the context is open.

    Raises:
        ConnectionError: it ends at once.
        TimeoutError: it does not start.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "eventhook_reference.sse.replica"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    started = Replica(process)
    try:
        async with asyncio.timeout(_START_S):
            started.base_url = (await started.ask(order))["base_url"]
        yield started
    finally:
        # It has nothing to finish; a graceful end could exceed the time for leaving.
        await started.kill()


def replicated(
    name: str, parts: str = "eventhook_reference.sse.replica:Parts", how_many: int = 2
) -> Target:
    """Returns several replicas over one NATS, as a target.

    Args:
        name: of the target.
        parts: the class of the parts that the replicas are made of.
        how_many: they are.
    """
    running: list[Server] = []

    @asynccontextmanager
    async def server() -> AsyncIterator[Server]:
        async with nats.server() as started:
            running.append(started)
            try:
                yield started
            finally:
                running.remove(started)

    @asynccontextmanager
    async def http(backend: StreamingBackend) -> AsyncIterator[HttpTarget]:
        from eventhook_reference.sse.server import new_tenants

        tenants = new_tenants()
        order: dict[str, Any] = {
            "nats_url": running[0].address,
            "keep_alive_s": KEEP_ALIVE_S,
            "tenants": [
                {"id": str(one.id), "base_path": one.base_path, "headers": dict(one.headers)}
                for one in tenants
            ],
            "parts": parts,
        }
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(replica(order))
            order["peer"] = first.base_url
            others = [await stack.enter_async_context(replica(order)) for _ in range(how_many - 1)]

            async def provision(
                tenant: Tenant,
                kind: Literal["workflow", "task", "child"],
                parent: UUID | None = None,
            ) -> UUID:
                wish = {"tenant": str(tenant.id), "kind": kind, "parent": parent}
                return UUID((await first.ask(wish))["id"])

            async def kill(base_url: str) -> None:
                for one in (first, *others):
                    if one.base_url == base_url:
                        await one.kill()

            yield HttpTarget(
                first.base_url,
                tenants,
                KEEP_ALIVE_S,
                provision,
                replicas=[one.base_url for one in others],
                kill_replica=kill,
            )

    return Target(
        name,
        server=server,
        connect=nats.connect,
        http=http,
        capabilities=Capabilities(profiles={"sse"}, causal_order=nats.CAPABILITIES.causal_order),
    )


nats_replicas: Final = replicated("nats-replicas")
