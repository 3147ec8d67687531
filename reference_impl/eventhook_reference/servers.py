"""The target `memory-server`: the workflow engine and the SSE server over the in-memory bus."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager
from typing import Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Target
from eventhook_reference import memory
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.target import with_lifecycle

KEEP_ALIVE_S: Final = 0.4
"""Seconds; short, so that a run need not wait long to see a comment."""


def with_servers(base: Target, name: str) -> Target:
    """The same bus with the profiles `lifecycle` and `sse`, over one registry."""
    registry = Registry()

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        # Imported on start: judging a bus alone needs no web framework.
        from eventhook_reference.sse.server import http

        return http(backend, registry, keep_alive_s=KEEP_ALIVE_S)

    target = with_lifecycle(base, name, registry)
    profiles = {*target.capabilities.profiles, "sse"}
    return dataclasses.replace(
        target,
        http=http,
        capabilities=dataclasses.replace(target.capabilities, profiles=profiles),
    )


_bus = memory.MemoryBus()
memory_server: Final = with_servers(
    Target("memory", open=lambda: memory.open_client(_bus), capabilities=memory.CAPABILITIES),
    "memory-server",
)
