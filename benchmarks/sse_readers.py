"""Compares the reference's SSE server with sse-starlette on the same uvicorn, with many readers.

Server and readers are separate processes. The readers count events in the bytes and parse nothing. Two
blocks of events may be under way, so that no reader overflows and no event may be lost.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from eventhook_conformance.bench.memory import resident_bytes
from measuring import Goal, Measured, in_turn, main, ratios

SERVER = Path(__file__).with_name("sse_server.py")
MARK = b"event: token"
BLOCK = 64
LIMIT_S = 120
AT_ONCE = 100
WIDTHS = {50: 16, 500: 3}
"""The number of readers, and of the blocks each reads."""
MANY, MANY_BLOCKS = 2_000, 3
IDLE_BYTES = 12 * 1024
"""The bound for an idle reader."""


class SubscriberGroup:
    """The readers of one server, and their progress."""

    def __init__(self, readers: int) -> None:
        self.readers = readers
        self.connected = 0
        self.counts: dict[int, int] = {}
        self.progress = asyncio.Event()

    def had(self, block: int) -> None:
        """Notes that one more reader has a block."""
        self.counts[block] = self.counts.get(block, 0) + 1
        if self.counts[block] == self.readers:
            self.progress.set()

    async def all_have(self, block: int) -> None:
        """Waits until every reader has it."""
        while self.counts.get(block, 0) < self.readers:
            self.progress.clear()
            await self.progress.wait()


class Reading(asyncio.Protocol):
    """A reader that counts events."""

    def __init__(self, crowd: SubscriberGroup, request: bytes) -> None:
        self.events = 0
        self._crowd = crowd
        self._request = request
        self._rest = b""
        self._answered = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Requests the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Counts the events; a mark may lie across two pieces."""
        if not self._answered.done():
            self._answered.set_result(data.startswith(b"HTTP/1.1 200"))
        text = self._rest + data
        before = self.events // BLOCK
        self.events += text.count(MARK)
        self._rest = text[1 - len(MARK) :]
        for block in range(before, self.events // BLOCK):
            self._crowd.had(block)

    async def answered(self) -> None:
        """Waits for the headers: all later events are delivered (SSE-04)."""
        if not await self._answered:
            raise SystemExit("the server did not answer 200")


@dataclass
class Server:
    """A server in a process of its own."""

    process: asyncio.subprocess.Process
    url: str
    headers: dict[str, str]

    def publish(self, events: int) -> None:
        """Lets the server publish a number of events."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n" % events)


@asynccontextmanager
async def server(name: str) -> AsyncIterator[Server]:
    """Starts a server, and ends it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), name, stdin=pipe, stdout=pipe
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            told = json.loads(await process.stdout.readline())
        yield Server(process, told["url"], told["headers"])
        process.stdin.close()
        async with asyncio.timeout(LIMIT_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def reading(
    one: Server, readers: int
) -> AsyncIterator[tuple[SubscriberGroup, list[Reading]]]:
    """Connects the readers."""
    crowd, url = SubscriberGroup(readers), urlsplit(one.url)
    headers = "".join(f"{name}: {value}\r\n" for name, value in one.headers.items())
    request = f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n{headers}\r\n".encode()
    at = (url.hostname or "", url.port or 80)
    loop = asyncio.get_running_loop()
    opened: list[Reading] = []
    transports: list[asyncio.BaseTransport] = []
    try:
        for start in range(0, readers, AT_ONCE):
            some = [Reading(crowd, request) for _ in range(min(AT_ONCE, readers - start))]
            for protocol in some:
                transport, _ = await loop.create_connection(partial(_itself, protocol), *at)
                transports.append(transport)
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(*[protocol.answered() for protocol in some])
            opened += some
        yield crowd, opened
    finally:
        for one_of_them in transports:
            one_of_them.close()


def _itself(protocol: Reading) -> Reading:
    return protocol


async def stream(one: Server, crowd: SubscriberGroup, blocks: int) -> float:
    """Measures the events a second over all readers; none is ahead by more than two blocks."""
    began = time.perf_counter()
    async with asyncio.timeout(LIMIT_S):
        for block in range(blocks):
            one.publish(BLOCK)
            if block:
                await crowd.all_have(block - 1)
        await crowd.all_have(blocks - 1)
    return blocks * BLOCK * crowd.readers / (time.perf_counter() - began)


async def contender(name: str, readers: int) -> float:
    """Measures one server with a number of readers."""
    async with server(name) as one, reading(one, readers) as (crowd, _):
        return await stream(one, crowd, WIDTHS[readers])


async def many(lost: list[float], idle: list[float]) -> float:
    """Measures 2,000 readers of one workflow: the cost of an idle one, and whether all get everything."""
    async with server("reference") as one:
        async with reading(one, 10):
            before = resident_bytes([one.process.pid])
        async with reading(one, MANY) as (crowd, readers):
            idle.append((resident_bytes([one.process.pid]) - before) / MANY)
            try:
                speed = await stream(one, crowd, MANY_BLOCKS)
            except TimeoutError:
                speed = 0.0
            lost.append(sum(MANY_BLOCKS * BLOCK - reader.events for reader in readers))
    return speed


async def measure(rounds: int) -> Measured:
    """Measures both contenders at both widths, then 2,000 readers."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < 2 * MANY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    measured = Measured("sse_readers.py", "SSE: many readers of one workflow")
    for width in WIDTHS:
        mine, its = f"reference, {width} readers", f"sse-starlette, {width} readers"
        rows = await in_turn(
            {mine: partial(contender, "reference", width),
             its: partial(contender, "sse-starlette", width)},
            rounds,
        )  # fmt: skip
        measured.enter(rows, "events/s")
        measured.goals.append(
            Goal(f"{mine} over sse-starlette", 2, "at least", "×", ratios(rows, mine, its))
        )
    lost: list[float] = []
    idle: list[float] = []
    name = f"reference, {MANY:,} readers"
    measured.enter(
        await in_turn({name: partial(many, lost, idle)}, max(1, rounds // 2)), "events/s"
    )
    measured.goals += [
        Goal(f"lost by {MANY:,} readers", 0, "at most", "events", tuple(lost)),
        Goal("memory of an idle reader", IDLE_BYTES, "at most", "B", tuple(idle)),
    ]
    return measured


if __name__ == "__main__":
    main(measure)
