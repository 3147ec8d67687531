"""my-bus, a bus with a history, as a target of the conformance suite.

    eventhook-conformance run my_bus_target:target

`MyBus` is what you replace: four functions over your own client library. Here the bus is a dictionary
in this process, which is conformant as it stands. `eventhook-conformance docs kit` tells what the kit
does for you, and `eventhook-conformance docs replay` what a history owes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from eventhook_conformance import (
    Capabilities,
    ChannelCounts,
    CursorExpired,
    InvalidCursor,
    Since,
    Target,
)
from eventhook_conformance.kit import Adapter, Kind, Sink

KEPT = 1024

# The claims of your bus; each is tested in full.
CLAIMS = Capabilities(
    profiles={"events", "streams", "replay"},
    replay={"events", "streams"},
    replay_events=KEPT,
    total_order=True,
    causal_order=True,
)

Hear = Callable[[bytes, str], Awaitable[None]]


class Log:
    """Stands for your server: the newest messages of one key, numbered from 1, and who hears it."""

    def __init__(self) -> None:
        self.messages: deque[tuple[bytes, str]] = deque(maxlen=KEPT)
        self.newest = 0
        self.hearers: list[Hear] = []

    def since(self, since: Since) -> deque[tuple[bytes, str]]:
        """Returns what is kept after a cursor, or all that is kept."""
        oldest = self.newest - len(self.messages)
        after = oldest
        if isinstance(since, str):
            after = int(since) if since.isascii() and since.isdecimal() else -1
            if not 0 < after <= self.newest:
                raise InvalidCursor(f"expected a cursor of this key, got {since!r}", value=since)
        if after < oldest:
            raise CursorExpired("the history no longer reaches back to it", value=since)
        return deque(list(self.messages)[after - oldest :])


LOGS: dict[tuple[Kind, str], Log] = {}


class MyBus(Adapter):
    """One client of the bus."""

    async def connect(self) -> None:
        """Connects to your server."""

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Hands a message to the bus; returns when the bus has it in its history."""
        log = LOGS.setdefault((kind, key), Log())
        log.newest += 1
        cursor = str(log.newest)
        log.messages.append((body, cursor))
        for hear in list(log.hearers):
            await hear(body, cursor)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        """Has `sink(body, cursor)` called for each message that comes; active when entered."""
        log = LOGS.setdefault((kind, key), Log())
        log.hearers.append(sink)
        try:
            yield
        finally:
            log.hearers.remove(sink)

    @asynccontextmanager
    async def history(self, kind: Kind, key: str, since: Since, sink: Sink) -> AsyncIterator[None]:
        """Hands over what is kept by `sink.replay`, then what comes by `sink`, with no gap between."""
        log = LOGS.setdefault((kind, key), Log())
        past = log.since(since)

        async def hold(body: bytes, cursor: str) -> None:
            past.append((body, cursor))

        # From here on nothing is missed: what comes is held behind the history.
        hearing: list[Hear] = [hold]
        log.hearers.append(hold)

        async def replay() -> None:
            while past:
                await sink.replay(*past.popleft())
            log.hearers[log.hearers.index(hold)] = hearing[0] = sink

        replaying = asyncio.create_task(replay())
        try:
            yield
        finally:
            replaying.cancel()
            log.hearers.remove(hearing[0])

    async def disconnect(self) -> None:
        """Disconnects; called once, after all that was attached was left."""

    async def active_channels(self) -> ChannelCounts:
        """Returns how many channels there are; without this method, claim `introspection=False`."""
        active = [kind for (kind, _), log in LOGS.items() if log.hearers]
        return ChannelCounts(events=active.count("event"), streams=active.count("stream"))


target = Target("my-bus", open=lambda: MyBus(CLAIMS), capabilities=CLAIMS)
