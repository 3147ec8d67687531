"""The targets `memory-server` and `memory-replay-server`: engine and SSE server over a bus in memory."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager
from typing import Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Target
from eventhook_reference import memory, memory_replay
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.target import with_lifecycle

KEEP_ALIVE_S: Final = 0.4
"""Seconds; short, so that a run need not wait long to see a comment."""


def with_servers(base: Target, name: str) -> Target:
    """Adds the profiles `lifecycle` and `sse` to a target, over one registry.

    Over a bus with history, the server's readers can come back with `Last-Event-ID`.
    """
    registry = Registry()

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        # Imported on start: judging a bus alone needs no web framework.
        from eventhook_reference.sse.server import http

        if "replay" not in base.capabilities.profiles:
            return http(backend, registry, keep_alive_s=KEEP_ALIVE_S)
        from eventhook_reference.sse.replay_app import ReplayApp

        return http(backend, registry, keep_alive_s=KEEP_ALIVE_S, make_app=ReplayApp)

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
memory_replay_server: Final = with_servers(
    memory_replay.replay_target("memory-replay"), "memory-replay-server"
)
