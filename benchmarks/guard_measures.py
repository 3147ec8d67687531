"""Takes one measure of the installed version: `guard_measures.py NAME` prints seconds.

Uses only what every version offers: the command line, the contract, and the registered targets.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamingBackend
from eventhook_conformance.engine.resolve_target import find_target

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
LIMIT_S = 300
DELIVERIES = 50_000
NATS_EVENTS = 3_000
IN_A_ROW = 300
BURST = 200
TRIES = 3
SPEND_S = 0.5
"""A measure of milliseconds is repeated for this long: a single try varies too much."""


def command(*arguments: str) -> float:
    """Measures the seconds of a command."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=folder, capture_output=True, timeout=LIMIT_S, check=False
        )
        took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} exits {done.returncode}: {done.stderr.decode()}")
    return took


async def fan_out(client: StreamingBackend, subscribers: int, events: int) -> float:
    """Measures the seconds until every subscriber has read all events, without overflow."""
    tenant = uuid4()
    made = [FlovynEvent.new(tenant, "task.created", "guard", {"n": n}) for n in range(events)]
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(client.events.subscribe(EventPattern.all(tenant)))
            for _ in range(subscribers)
        ]
        began = time.perf_counter()
        async with asyncio.timeout(LIMIT_S):
            for start in range(0, events, BURST):
                burst = made[start : start + BURST]
                await asyncio.gather(*[client.events.publish(one) for one in burst])
                for reader in readers:
                    for _ in burst:
                        await anext(reader)
        return time.perf_counter() - began


async def in_a_row(client: StreamingBackend) -> float:
    """Measures the seconds of publishes one after another."""
    one = FlovynEvent.new(uuid4(), "task.created", "guard", None)
    began = time.perf_counter()
    async with asyncio.timeout(LIMIT_S):
        for _ in range(IN_A_ROW):
            await client.events.publish(one)
    return time.perf_counter() - began


async def fastest(once: Callable[[], Awaitable[float]]) -> float:
    """Returns the fastest of several tries."""
    took: list[float] = []
    while len(took) < TRIES or sum(took) < SPEND_S:
        took.append(await once())
    return min(took)


async def in_memory(subscribers: int) -> float:
    """Measures the reference in memory, through its target."""
    target = find_target("memory")
    assert target.open is not None
    async with target.open() as client:
        events = max(BURST, min(10_000, DELIVERIES // subscribers) // BURST * BURST)
        return await fastest(lambda: fan_out(client, subscribers, events))


async def over_nats(*, one_by_one: bool) -> float:
    """Measures the reference over NATS, through its target."""
    target = find_target("nats")
    assert target.server is not None
    assert target.connect is not None
    async with target.server() as server, target.connect(server.address) as client:
        await fan_out(client, 1, BURST)
        if not one_by_one:
            return await fastest(lambda: fan_out(client, 1, NATS_EVENTS))
        return await fastest(lambda: in_a_row(client))


MEASURES = {
    "--version": lambda: min(command("--version") for _ in range(TRIES)),
    "run memory": lambda: command("run", "memory", "-q"),
    "run nats": lambda: command("run", "nats", "-q"),
    "memory, 1 subscriber": lambda: asyncio.run(in_memory(1)),
    "memory, 10 subscribers": lambda: asyncio.run(in_memory(10)),
    "memory, 100 subscribers": lambda: asyncio.run(in_memory(100)),
    "nats, published and read": lambda: asyncio.run(over_nats(one_by_one=False)),
    "nats, one publish after another": lambda: asyncio.run(over_nats(one_by_one=True)),
}


if __name__ == "__main__":
    print(MEASURES[sys.argv[1]]())
