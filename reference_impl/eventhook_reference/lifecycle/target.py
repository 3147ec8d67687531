"""Gives a target a workflow server over its bus."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import Target
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.service import LifecycleService, MakeEngine


def with_lifecycle(
    base: Target,
    name: str | None = None,
    registry: Registry | None = None,
    engine: MakeEngine = Engine,
) -> Target:
    """Returns the same target with the profile `lifecycle`.

    Args:
        base: the bus.
        name: of the new target; the old one's if none is given.
        registry: of everything that runs on it; shared with the server of its streams.
        engine: makes the engine of one run.
    """
    shared = Registry() if registry is None else registry

    @asynccontextmanager
    async def workflows(backend: StreamingBackend) -> AsyncIterator[LifecycleService]:
        yield LifecycleService(backend, shared, engine=engine)

    profiles = {*base.capabilities.profiles, "lifecycle"}
    return dataclasses.replace(
        base,
        name=name or base.name,
        workflows=workflows,
        capabilities=dataclasses.replace(base.capabilities, profiles=profiles),
    )
