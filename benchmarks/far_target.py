"""`nats` with 50 ms to its server, or as many as `EVENTHOOK_FAR_MS` says: the proxy delays all traffic."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from eventhook_conformance.faults.proxy import Proxy
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Server, Target
from eventhook_reference.nats import connect
from eventhook_reference.nats import target as near

ROUND_TRIP_S = float(os.environ.get("EVENTHOOK_FAR_MS", "50")) / 1000
MAX_CLIENTS = 24
"""A NATS server bears thousands; each case opens two at most, as a rule."""


class FarServer(Server):
    """A server behind a proxy."""

    def __init__(self, address: str, monitor_url: str | None) -> None:
        self.address = address
        self.monitor_url = monitor_url


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    """Yields the server and the proxy before it."""
    async with NatsServer() as real, Proxy(real.address) as proxy:
        proxy.hinder(delay_s=ROUND_TRIP_S / 2)
        yield FarServer(proxy.address, real.monitor_url)


# Smaller buffers: the distance multiplies bursts, since one publish waits for another.
CLAIMS = dataclasses.replace(
    near.capabilities,
    profiles=frozenset({"events", "streams"}),
    event_capacity=64,
    stream_capacity=64,
    max_clients=MAX_CLIENTS,
)
target = Target(
    "nats-far", server=server, connect=partial(connect, claims=CLAIMS), capabilities=CLAIMS
)
