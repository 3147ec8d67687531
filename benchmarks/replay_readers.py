"""Measures readers of a history on JetStream against the bare client library reading the same.

`replay_readers.py [EVENTS] [READERS]`: so many retained events (100,000), read by one reader of the
reference and by an ordered consumer of nats-py, in turn; then so many readers (1,000) that catch up at
once, of which none may lose anything.
"""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID, uuid4

import nats
from nats.aio.msg import Msg

from eventhook_conformance.contract import START, EventPattern, FlovynEvent
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Capabilities
from eventhook_reference.nats_replay import CAPABILITIES, ReplayBackend, connect
from eventhook_reference.nats_subjects import event_subject
from measuring import in_turn

EVENTS: Final = 100_000
READERS: Final = 1_000
CAUGHT_UP: Final = 200
"""Events that each of the many readers catches up with."""
CLIENTS: Final = 8
ROUNDS: Final = 3
GOAL: Final = 0.5
LIMIT_S: Final = 240
FLOOD: Final = Path(__file__).with_name("nats_flood.py")


async def filled(backend: ReplayBackend, url: str, events: int) -> UUID:
    """Returns a tenant with so many retained events."""
    one = FlovynEvent.new(uuid4(), "task.created", "bench", {"text": "x" * 100})
    await backend.events.publish(one)
    command = [sys.executable, str(FLOOD), url, event_subject(one), str(events - 1)]
    await asyncio.to_thread(
        partial(subprocess.run, command, input=one.to_json(), check=True, timeout=LIMIT_S)
    )
    return one.tenant_id


async def reference(backend: ReplayBackend, tenant: UUID, events: int) -> float:
    """Returns the events a second of the reference."""
    began = time.perf_counter()
    async with backend.events.subscribe(EventPattern.all(tenant), since=START) as reading:
        for _ in range(events):
            await anext(reading)
        if reading.dropped:
            raise AssertionError(f"expected to lose nothing, lost {reading.dropped}")
    return events / (time.perf_counter() - began)


async def bare(url: str, tenant: UUID, events: int) -> float:
    """Returns the events a second of the client library, which decodes nothing."""
    client = await nats.connect(url)
    try:
        began = time.perf_counter()
        came = 0
        done = asyncio.Event()

        async def take(message: Msg) -> None:
            nonlocal came
            came += 1
            if came == events:
                done.set()

        await client.jetstream().subscribe(
            f"flovyn.events.{tenant}.>", cb=take, ordered_consumer=True, pending_msgs_limit=-1
        )
        await done.wait()
        return events / (time.perf_counter() - began)
    finally:
        await client.close()


async def catch_up(url: str, readers: int) -> float:
    """Lets all readers catch up at once; returns the seconds until the last one has everything."""
    claims = dataclasses.replace(CAPABILITIES, replay_events=CAUGHT_UP)
    async with connect(url, claims) as first:
        tenant = uuid4()
        for number in range(CAUGHT_UP):
            await first.events.publish(FlovynEvent.new(tenant, "task.created", "bench", number))

        async def read(backend: ReplayBackend) -> None:
            async with backend.events.subscribe(EventPattern.all(tenant), since=START) as reading:
                got = [(await anext(reading)).data for _ in range(CAUGHT_UP)]
            if got != list(range(CAUGHT_UP)):
                raise AssertionError("expected every event once and in order")

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(_client(url, claims, readers // CLIENTS, read))
        return time.perf_counter() - began


async def _client(
    url: str,
    claims: Capabilities,
    readers: int,
    read: Callable[[ReplayBackend], Awaitable[None]],
) -> None:
    async with connect(url, claims) as backend:
        await asyncio.gather(*(read(backend) for _ in range(readers)))


async def run(events: int, readers: int) -> bool:
    """Measures, prints, and returns whether the goal is met."""
    claims = dataclasses.replace(CAPABILITIES, replay_events=events)
    async with asyncio.timeout(LIMIT_S), NatsServer(jetstream=True) as server:
        async with connect(server.address, claims) as backend:
            tenant = await filled(backend, server.address, events)
            rows = await in_turn(
                {
                    "reference": lambda: reference(backend, tenant, events),
                    "nats-py": lambda: bare(server.address, tenant, events),
                },
                ROUNDS,
            )
        share = median(rows["reference"]) / median(rows["nats-py"])
        for name, speeds in rows.items():
            print(f"{name:<10} {median(speeds):10,.0f} events a second of {events:,} retained")
        print(f"{'share':<10} {share:10.2f} of the bare library; goal: at least {GOAL:g}")
        took_s = await catch_up(server.address, readers)
        print(f"{readers:,} readers caught up with {CAUGHT_UP} events each in {took_s:.1f} s")
    return share >= GOAL


if __name__ == "__main__":
    counts = [int(one) for one in sys.argv[1:]]
    met = asyncio.run(run(*counts, *(EVENTS, READERS)[len(counts) :]))
    sys.exit(0 if met else 1)
