"""Traffic beside a case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.session import Sse

PACE_S: Final = 0.05


async def publish_on(sse: Sse, make: Callable[[], Sequence[Event]]) -> None:
    """Publishes fresh events, without recording them, until it is cancelled."""
    probe: Probe = sse.probe
    backend = (await probe.client()).backend
    while True:
        for event in make():
            await (backend.streams if hasattr(event, "payload") else backend.events).publish(event)  # type: ignore[arg-type]
        await asyncio.sleep(PACE_S)
