"""Counts a server's resources on the bus, by the target's introspection and by NATS monitoring.

A server that could be seen by neither is not judged: a count that never rises proves nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

from eventhook_conformance.probe import NotOffered
from eventhook_conformance.sse.session import Sse

_POLL_S: Final = 0.02

Counts = dict[str, int]


class Holdings:
    """Counts subscriptions, before, while readers read, and after."""

    def __init__(self, sse: Sse) -> None:
        self._sse = sse
        self._meters: dict[str, Callable[[], Awaitable[int]]] = {}
        if sse.probe.capabilities.introspection:
            self._meters["channels of the target"] = self._channels
        if sse.probe.server is not None and sse.probe.server.monitor_url is not None:
            self._meters["subscriptions on NATS"] = self._subscriptions
        self._start: Counts = {}

    async def begin(self) -> None:
        """Counts before any reader came."""
        self._start = await self._count()

    async def check_visible(self) -> None:
        """Keeps the counts that rose, with readers there.

        Raises:
            NotOffered: none did.
        """
        now = await self._count()
        self._meters = {
            name: meter for name, meter in self._meters.items() if now[name] > self._start[name]
        }
        if not self._meters:
            raise NotOffered("the server's subscriptions on the bus cannot be counted from outside")

    async def back_within(self, limit_s: float) -> str | None:
        """Returns None once all counts are back at their start; else what is left after that time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while True:
            now = await self._count()
            left = {
                name: count - self._start[name]
                for name, count in now.items()
                if count > self._start[name]
            }
            if not left:
                return None
            if loop.time() > until:
                return ", ".join(f"{count} more {name}" for name, count in left.items())
            await asyncio.sleep(_POLL_S)

    async def _count(self) -> Counts:
        return {name: await meter() for name, meter in self._meters.items()}

    async def _channels(self) -> int:
        backend = (await self._sse.probe.client()).backend
        probe = self._sse.probe
        await probe.returns(backend.cleanup_inactive_channels(), "cleanup")
        counts = await probe.returns(backend.active_channels(), "counting channels")
        return counts.events + counts.streams

    async def _subscriptions(self) -> int:
        server = self._sse.probe.server
        url = server.monitor_url if server is not None else None
        answer = await self._sse.probe.returns(
            self._sse.http.ask("GET", f"{url}/subsz", {}), "NATS monitoring"
        )
        return int(json.loads(answer.body)["num_subscriptions"])
