"""The targets with a server over the bus: `memory-server` and `nats-server`."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import Capabilities, HttpTarget, Target
from eventhook_reference import memory
from eventhook_reference.lifecycle.registry import Registry

KEEP_ALIVE_S: Final = 0.4
"""Seconds; short, so that a run need not wait long to see a comment."""
PROFILES: Final = frozenset({"events", "streams", "sse"})


def with_sse(claimed: Capabilities) -> Capabilities:
    """The same claims, and the profile `sse`."""
    return dataclasses.replace(claimed, profiles=frozenset(claimed.profiles) | {"sse"})


def http_over(
    backend: StreamingBackend, registry: Registry
) -> AbstractAsyncContextManager[HttpTarget]:
    """The SSE server over one client's bus."""
    # Imported when it is started: nobody who judges a bus alone needs a web framework.
    from eventhook_reference.sse.server import http

    return http(backend, registry, keep_alive_s=KEEP_ALIVE_S)


_bus = memory.MemoryBus()
_registry = Registry()
memory_server: Final = Target(
    "memory-server",
    open=lambda: memory.open_client(_bus),
    capabilities=with_sse(memory.CAPABILITIES),
    http=partial(http_over, registry=_registry),
)
