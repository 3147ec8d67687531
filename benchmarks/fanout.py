"""Measures fan-out in memory: the reference, litestar channels, broadcaster and a hand-made log.

Each contender has one publisher, which lets the readers run every 256 events, and readers with `async for`.
An `async` publish is awaited itself; any other gets a wrapper. The cost of a publish beside subscriptions
that do not match is measured too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from uuid import uuid4

from broadcaster import Broadcast
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_reference.memory import MemoryBus, open_client
from measuring import Goal, Measured, in_turn, main, ratios
from shared_log import Cursor, SharedLog

SUBSCRIBERS = (1, 10, 100)
DELIVERIES = 100_000
MOST_EVENTS = 20_000
BURST = 256
LIMIT_S = 120

Publish = Callable[[int], Awaitable[None]]


async def fan_out(readers: list[AsyncIterator[Any]], publish: Publish, events: int) -> float:
    """Measures the deliveries a second."""

    async def read(reader: AsyncIterator[Any]) -> None:
        left = events
        async for _ in reader:
            left -= 1
            if not left:
                return

    reading = [asyncio.create_task(read(one)) for one in readers]
    await asyncio.sleep(0)
    began = time.perf_counter()
    async with asyncio.timeout(LIMIT_S):
        for number in range(events):
            await publish(number)
            if number % BURST == BURST - 1:
                await asyncio.sleep(0)
        await asyncio.gather(*reading)
    return events * len(readers) / (time.perf_counter() - began)


def events_for(subscribers: int) -> int:
    """Returns the number of events that makes about as many deliveries at every width."""
    return min(MOST_EVENTS, DELIVERIES // subscribers)


async def reference(subscribers: int) -> float:
    """Measures `memory`, with every guarantee."""
    tenant = uuid4()
    made = [
        FlovynEvent.new(tenant, "task.created", "bench", {"text": "x" * 200})
        for _ in range(events_for(subscribers))
    ]
    async with open_client(MemoryBus()) as client, AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(client.events.subscribe(EventPattern.all(tenant)))
            for _ in range(subscribers)
        ]
        events = client.events

        def publish(number: int) -> Awaitable[None]:
            return events.publish(made[number])

        return await fan_out(list(readers), publish, len(made))


async def shared_log(subscribers: int) -> float:
    """Measures the shared log, with which the others are compared."""
    log = SharedLog()
    event = FlovynEvent.new(uuid4(), "task.created", "bench", {"text": "x" * 200})

    async def publish(number: int) -> None:
        del number
        log.publish(event)

    readers: list[Any] = [Cursor(log) for _ in range(subscribers)]
    return await fan_out(readers, publish, events_for(subscribers))


async def litestar(subscribers: int) -> float:
    """Measures litestar's channels over its backend in memory; it takes bytes and encodes nothing."""
    plugin = ChannelsPlugin(MemoryChannelsBackend(), channels=["bench"])
    body = b"x" * 353
    async with plugin, AsyncExitStack() as stack:
        readers: list[Any] = [
            (await stack.enter_async_context(plugin.start_subscription(["bench"]))).iter_events()
            for _ in range(subscribers)
        ]

        async def publish(number: int) -> None:
            del number
            plugin.publish(body, "bench")

        return await fan_out(readers, publish, events_for(subscribers))


async def broadcaster(subscribers: int) -> float:
    """Measures broadcaster over its backend in memory."""
    body = "x" * 353
    async with Broadcast("memory://") as broadcast, AsyncExitStack() as stack:
        readers: list[Any] = [
            aiter(await stack.enter_async_context(broadcast.subscribe(channel="bench")))
            for _ in range(subscribers)
        ]

        def publish(number: int) -> Awaitable[None]:
            del number
            publishing: Awaitable[None] = broadcast.publish(channel="bench", message=body)
            return publishing

        return await fan_out(readers, publish, events_for(subscribers))


async def beside_idle(others: int, same: int) -> float:
    """Measures the microseconds of a publish to ten readers, beside subscriptions that do not match."""
    tenant, workflow = uuid4(), uuid4()
    made = [
        FlovynEvent.new(tenant, "task.created", "bench", None).with_workflow(workflow)
        for _ in range(5_000)
    ]
    patterns = [EventPattern.all(uuid4()) for _ in range(others)]
    patterns += [EventPattern.for_workflow(tenant, uuid4()) for _ in range(same)]
    async with open_client(MemoryBus()) as client, AsyncExitStack() as stack:
        for pattern in patterns:
            await stack.enter_async_context(client.events.subscribe(pattern))
        readers = [
            await stack.enter_async_context(
                client.events.subscribe(EventPattern.for_workflow(tenant, workflow))
            )
            for _ in range(10)
        ]
        events = client.events

        def publish(number: int) -> Awaitable[None]:
            return events.publish(made[number])

        return 1e6 * len(readers) / await fan_out(list(readers), publish, len(made))


async def measure(rounds: int) -> Measured:
    """Measures all widths, then the idle subscriptions."""
    measured = Measured("fanout.py", "Fan-out in memory")
    contenders = {
        "memory": reference,
        "shared log": shared_log,
        "litestar": litestar,
        "broadcaster": broadcaster,
    }
    for width in SUBSCRIBERS:
        names = {f"{name}, {width}": partial(one, width) for name, one in contenders.items()}
        rows = await in_turn(names, rounds)
        measured.enter(rows, "deliveries/s")
        mine = f"memory, {width}"
        if width > 1:
            measured.goals += [
                Goal(
                    f"{mine} over {peer}",
                    3,
                    "at least",
                    "×",
                    ratios(rows, mine, f"{peer}, {width}"),
                )
                for peer in ("litestar", "broadcaster")
            ]
            log = ratios(rows, f"shared log, {width}", mine)
            measured.goals.append(Goal(f"shared log over {mine}", 3, "at most", "×", log))
    alone = "publish, none idle"
    rows = await in_turn(
        {
            alone: partial(beside_idle, 0, 0),
            "publish, 10,000 idle of other tenants": partial(beside_idle, 10_000, 0),
            "publish, 1,000 idle on other workflows": partial(beside_idle, 0, 1_000),
        },
        rounds,
    )
    measured.enter(rows, "µs")
    measured.goals += [
        Goal(f"{name} over none", 1.2, "at most", "×", ratios(rows, name, alone))
        for name in rows
        if name != alone
    ]
    return measured


if __name__ == "__main__":
    main(measure)
