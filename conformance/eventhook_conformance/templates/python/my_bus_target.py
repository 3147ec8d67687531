"""my-bus as a target of the conformance suite.

    eventhook-conformance run my_bus_target:target

`MyBus` is what you replace: three functions over your own client library. Here the bus is a dictionary
in this process, which is conformant as it stands. `eventhook-conformance docs kit` tells what the kit
does for you, and how to do a part of it yourself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eventhook_conformance import Capabilities, ChannelCounts, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# The claims of your bus; each is tested in full.
CLAIMS = Capabilities(total_order=True, causal_order=True)

# Stands for your server: what all clients share.
SINKS: dict[tuple[Kind, str], list[Sink]] = {}


class MyBus(Adapter):
    """One client of the bus."""

    async def connect(self) -> None:
        """Connects to your server."""

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Hands a message to the bus; returns when the bus has it."""
        for sink in list(SINKS.get((kind, key), ())):
            await sink(body)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        """Has `sink(body)` called for each message of the key; active when entered."""
        SINKS.setdefault((kind, key), []).append(sink)
        try:
            yield
        finally:
            SINKS[kind, key].remove(sink)
            if not SINKS[kind, key]:
                del SINKS[kind, key]  # an idle key takes no room

    async def disconnect(self) -> None:
        """Disconnects; called once, after all that was attached was left."""

    async def active_channels(self) -> ChannelCounts:
        """Returns how many channels there are; without this method, claim `introspection=False`."""
        active = [kind for kind, _ in SINKS]
        return ChannelCounts(events=active.count("event"), streams=active.count("stream"))


target = Target("my-bus", open=lambda: MyBus(CLAIMS), capabilities=CLAIMS)
