"""Plays the scenarios of the specification in a loop, so that there is something to see."""

from __future__ import annotations

import asyncio
import itertools
from typing import Final
from uuid import UUID

import eventhook_fixtures
from eventhook_conformance.contract import StreamingBackend
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.service import LifecycleService

PACE_S: Final = 0.5
"""Seconds between two steps: as fast as one reads."""


async def play_on(
    backend: StreamingBackend, registry: Registry, tenant_id: UUID, pace_s: float = PACE_S
) -> None:
    """Plays until it is cancelled."""
    service = LifecycleService(backend, registry)
    for scenario in itertools.cycle(eventhook_fixtures.load("scenarios")["scenarios"]):
        execution = await service.prepare(scenario, tenant_id)
        for step in scenario["steps"]:
            await asyncio.sleep(pace_s)
            await execution.proceed(step["name"])
