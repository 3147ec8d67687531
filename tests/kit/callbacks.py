"""A bus as small as one can be, made a target by the kit: a dict of callbacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eventhook_conformance import Capabilities, ChannelCounts, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

Bus = dict[tuple[Kind, str], list[Sink]]


class Callbacks(Adapter):
    """One client of the bus."""

    def __init__(self, bus: Bus, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self.bus = bus

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        for turn in [sink(body) for sink in self.bus.get((kind, key), ())]:
            await turn

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        self.bus[kind, key].append(sink)
        try:
            yield
        finally:
            self.bus[kind, key].remove(sink)
            if not self.bus[kind, key]:
                del self.bus[kind, key]

    async def disconnect(self) -> None:
        pass

    async def active_channels(self) -> ChannelCounts:
        kinds = [kind for kind, _ in self.bus]
        return ChannelCounts(events=kinds.count("event"), streams=kinds.count("stream"))


def callbacks_target(capabilities: Capabilities, client: type[Callbacks] = Callbacks) -> Target:
    """Returns a target over a bus of its own."""
    bus: Bus = defaultdict(list)
    return Target("callbacks", open=lambda: client(bus, capabilities), capabilities=capabilities)


target = callbacks_target(Capabilities(total_order=True, causal_order=True))
