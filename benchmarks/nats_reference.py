"""Compares the NATS reference with the bare client library on the same server.

Publishing, 256 at once, against publishing that never waits for the server: with a subscriber on the same
connection that gets it all, and with nobody subscribed; one after another, against one sound barrier;
reading, against a callback that decodes the same payload.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import msgspec
import nats

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.kit import NatsServer
from eventhook_reference.nats import NatsBackend, connect
from eventhook_reference.nats_subjects import event_subject
from measuring import Goal, Measured, in_turn, main, ratios, shown

PUBLISHERS = 256
EVENTS = 10_240
ONE_BY_ONE = 500
READ = 20_000
LIMIT_S = 120
Speed = Callable[[str], Awaitable[float]]
FLOOD = Path(__file__).with_name("nats_flood.py")


def event() -> FlovynEvent:
    """Makes an event of 353 bytes, the size of the earlier measurements."""
    made = FlovynEvent.new(uuid4(), "task.created", "bench", {"text": ""})
    filler = "x" * (353 - len(made.to_json()))
    return msgspec.structs.replace(made, data={"text": filler})


async def publish_all(client: NatsBackend, one: FlovynEvent) -> None:
    """Publishes by 256 publishers at once."""
    publish = client.events.publish

    async def publisher() -> None:
        for _ in range(EVENTS // PUBLISHERS):
            await publish(one)

    await asyncio.gather(*[publisher() for _ in range(PUBLISHERS)])


async def reference_delivered(url: str) -> float:
    """Measures the events a second from 256 publishers to a reader."""
    one = event()
    async with (
        connect(url) as client,
        client.events.subscribe(EventPattern.all(one.tenant_id)) as subscription,
    ):

        async def read() -> None:
            left = EVENTS
            async for _ in subscription:
                left -= 1
                if not left:
                    return

        reading = asyncio.create_task(read())
        began = time.perf_counter()
        async with asyncio.timeout(LIMIT_S):
            await publish_all(client, one)
            await reading
        if subscription.dropped:
            raise SystemExit(f"the reference dropped {subscription.dropped} events")
        return EVENTS / (time.perf_counter() - began)


async def raw_delivered(url: str) -> float:
    """Measures the messages a second that nats-py publishes without a flush, until a callback has all."""
    client = await nats.connect(url)
    try:
        one = event()
        subject, body = event_subject(one), one.to_json()
        done = asyncio.get_running_loop().create_future()
        left = EVENTS

        async def came(message: Any) -> None:
            nonlocal left
            del message
            left -= 1
            if not left:
                done.set_result(None)

        await client.subscribe(subject, cb=came)
        began = time.perf_counter()
        async with asyncio.timeout(LIMIT_S):
            for _ in range(EVENTS):
                await client.publish(subject, body)
            await done
        return EVENTS / (time.perf_counter() - began)
    finally:
        await client.close()


async def reference_at_once(url: str) -> float:
    """Measures the events a second that 256 publishers bring to the server."""
    async with connect(url) as client:
        one = event()
        began = time.perf_counter()
        async with asyncio.timeout(LIMIT_S):
            await publish_all(client, one)
        return EVENTS / (time.perf_counter() - began)


async def raw_at_once(url: str) -> float:
    """Measures the events a second that nats-py takes, with one flush at the end."""
    client = await nats.connect(url)
    try:
        one = event()
        subject, body = event_subject(one), one.to_json()
        began = time.perf_counter()
        for _ in range(EVENTS):
            await client.publish(subject, body)
        await client.flush(LIMIT_S)
        return EVENTS / (time.perf_counter() - began)
    finally:
        await client.close()


async def reference_one_by_one(url: str) -> float:
    """Measures the microseconds of one publish, by the median."""
    async with connect(url) as client:
        one = event()
        took = []
        for _ in range(ONE_BY_ONE):
            began = time.perf_counter()
            await client.events.publish(one)
            took.append(time.perf_counter() - began)
        return 1e6 * median(took)


async def sound_barrier(url: str) -> float:
    """Measures the microseconds of a bare publish and its proof: a message to one's own inbox."""
    client = await nats.connect(url)
    try:
        one = event()
        subject, body = event_subject(one), one.to_json()
        inbox = client.new_inbox()
        waiting: list[asyncio.Future[None]] = []

        async def came(message: Any) -> None:
            del message
            waiting.pop().set_result(None)

        await client.subscribe(inbox, cb=came)
        took = []
        for _ in range(ONE_BY_ONE):
            began = time.perf_counter()
            back = asyncio.get_running_loop().create_future()
            waiting.append(back)
            await client.publish(subject, body)
            await client.publish(inbox, b"")
            async with asyncio.timeout(LIMIT_S):
                await back
            took.append(time.perf_counter() - began)
        return 1e6 * median(took)
    finally:
        await client.close()


def flood(url: str, one: FlovynEvent) -> None:
    """Lets another process publish everything while this event loop stands still.

    The messages then wait in the server and the sockets. So only reading is measured, not the scheduling of
    three processes on two processors.
    """
    subprocess.run(
        [sys.executable, str(FLOOD), url, event_subject(one), str(READ)],
        input=one.to_json(),
        check=True,
        timeout=LIMIT_S,
    )


async def reference_reading(url: str) -> float:
    """Measures the events a second that the reference's subscription yields, from the first to the last."""
    one = event()
    async with (
        connect(url) as client,
        client.events.subscribe(EventPattern.all(one.tenant_id)) as subscription,
    ):
        flood(url, one)
        async with asyncio.timeout(LIMIT_S):
            await anext(subscription)
            began = time.perf_counter()
            for _ in range(READ - 1):
                await anext(subscription)
            took = time.perf_counter() - began
        if subscription.dropped:
            raise SystemExit(f"the reference dropped {subscription.dropped} events")
        return (READ - 1) / took


async def raw_reading(url: str) -> float:
    """Measures the same with a bare callback that decodes."""
    one = event()
    client = await nats.connect(url)
    decode = msgspec.json.Decoder(FlovynEvent).decode
    done = asyncio.get_running_loop().create_future()
    times: list[float] = []
    left = READ

    async def came(message: Any) -> None:
        nonlocal left
        decode(message.data)
        left -= 1
        if left == READ - 1 or not left:
            times.append(time.perf_counter())
        if not left:
            done.set_result(None)

    try:
        subscription = await client.subscribe(event_subject(one), cb=came)
        await client.flush(LIMIT_S)
        flood(url, one)
        async with asyncio.timeout(LIMIT_S):
            await done
        await subscription.unsubscribe()
        return (READ - 1) / (times[1] - times[0])
    finally:
        await client.close()


async def measure(rounds: int) -> Measured:
    """Measures everything on one server."""
    measured = Measured("nats_reference.py", "The NATS reference against nats-py")
    async with NatsServer() as server:
        url = server.address

        async def compare(
            unit: str, mine: str, its: str, ours: Speed, theirs: Speed, more: int = 1
        ) -> tuple[float, ...]:
            """Measures the ratios, round by round; short measures have more rounds."""
            contenders = {mine: partial(ours, url), its: partial(theirs, url)}
            rows = await in_turn(contenders, more * rounds)
            measured.enter(rows, unit)
            return ratios(rows, mine, its)

        # The goal's own figure, 190,000/s, is of this: "353-byte payload, one local server, delivered
        # messages/s: nats-py 2.16 callback, no flush 191,000".
        delivered = await compare(
            "events/s",
            "256 publishers at once, delivered",
            "nats-py without a flush, delivered",
            reference_delivered,
            raw_delivered,
        )
        measured.goals.append(
            Goal(
                "256 publishers at once over nats-py without a flush",
                0.5,
                "at least",
                "×",
                delivered,
            )
        )
        alone = await compare(
            "events/s",
            "256 publishers at once, nobody subscribed",
            "nats-py without a flush, nobody subscribed",
            reference_at_once,
            raw_at_once,
        )
        measured.notes.append(
            f"With nobody subscribed, 256 publishers at once reach {shown(median(alone), '×')} of nats-py "
            "without a flush, which then waits for no server and reads nothing; no goal is stated for that."
        )
        one_by_one = await compare(
            "µs",
            "one publish after another",
            "one sound barrier",
            reference_one_by_one,
            sound_barrier,
        )
        measured.goals.append(
            Goal(
                "one publish after another over one sound barrier", 1.3, "at most", "×", one_by_one
            )
        )
        reading = await compare(
            "events/s",
            "reading",
            "a raw callback that decodes",
            reference_reading,
            raw_reading,
            more=3,
        )
        measured.goals.append(
            Goal("reading over a raw callback that decodes", 0.9, "at least", "×", reading)
        )
    return measured


if __name__ == "__main__":
    main(measure)
