"""The target `nats-server`: the SSE server over NATS."""

from __future__ import annotations

from functools import partial
from typing import Final

from eventhook_conformance.target import Target
from eventhook_reference import nats
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.servers import http_over, with_sse

_registry = Registry()
nats_server: Final = Target(
    "nats-server",
    server=nats.server,
    connect=nats.connect,
    capabilities=with_sse(nats.CAPABILITIES),
    http=partial(http_over, registry=_registry),
)
