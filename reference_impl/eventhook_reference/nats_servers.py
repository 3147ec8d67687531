"""The targets `nats-server` and `nats-replay-server`: the workflow engine and the SSE server over NATS."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Target
from eventhook_reference import nats, nats_replay
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.servers import KEEP_ALIVE_S, with_servers

nats_server: Final = with_servers(nats.target, "nats-server")


def replay_server(name: str, app: str = "eventhook_reference.sse.replay_app:ReplayApp") -> Target:
    """Makes a target: the workflow engine and two SSE servers over JetStream, each with a client.

    Args:
        name: of the target.
        app: the class of their application.
    """
    registry = Registry()

    @asynccontextmanager
    async def http(backend: StreamingBackend) -> AsyncIterator[HttpTarget]:
        from pkgutil import resolve_name

        from eventhook_reference.sse.server import http, new_tenants

        named: Any = {
            "keep_alive_s": KEEP_ALIVE_S,
            "make_app": resolve_name(app),
            "tenants": new_tenants(),
        }
        assert isinstance(backend, nats_replay.ReplayBackend)  # noqa: S101  # because: `connect` made it
        async with (
            nats_replay.connect(backend.address) as other,
            http(backend, registry, **named) as first,
            http(other, registry, **named) as second,
        ):
            yield dataclasses.replace(first, replicas=[second.base_url])

    target = with_lifecycle(nats_replay.target, name, registry)
    profiles = {*target.capabilities.profiles, "sse"}
    claimed = dataclasses.replace(target.capabilities, profiles=profiles)
    return dataclasses.replace(target, http=http, capabilities=claimed)


nats_replay_server: Final = replay_server("nats-replay-server")
"""A cursor that one of its two servers gave goes on at the other (RPL-18)."""
