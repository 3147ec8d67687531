"""What the guard looks at, in whatever version is installed: seconds of each, as one line of JSON.

Only what every version offers is used: the command line, the contract, and the registered targets.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamingBackend
from eventhook_conformance.target import find_target

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
LIMIT_S = 300
DELIVERIES = 50_000
NATS_EVENTS = 3_000
BURST = 200


def command(*arguments: str) -> float:
    """Seconds of the command line."""
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
    """Seconds until every subscriber has read them all; nobody is overrun."""
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


async def buses() -> dict[str, float]:
    """The references, through their targets."""
    found = {}
    memory, nats = find_target("memory"), find_target("nats")
    assert memory.open is not None
    assert nats.server is not None
    assert nats.connect is not None
    async with memory.open() as client:
        for subscribers in (1, 10, 100):
            events = max(BURST, min(10_000, DELIVERIES // subscribers) // BURST * BURST)
            found[f"memory, {subscribers} subscribers"] = await fan_out(client, subscribers, events)
    async with nats.server() as server, nats.connect(server.address) as client:
        await fan_out(client, 1, BURST)
        found["nats, published and read"] = await fan_out(client, 1, NATS_EVENTS)
        one = FlovynEvent.new(uuid4(), "task.created", "guard", None)
        began = time.perf_counter()
        for _ in range(NATS_EVENTS // 10):
            await client.events.publish(one)
        found["nats, one publish after another"] = time.perf_counter() - began
    return found


def main() -> None:
    """All of it, once."""
    found = {
        "--version": command("--version"),
        "run memory": command("run", "memory", "-q"),
        "run nats": command("run", "nats", "-q"),
        **asyncio.run(buses()),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
