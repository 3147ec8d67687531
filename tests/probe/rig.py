"""A probe over a bus of its own, without a run around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.hostile import new_session
from eventhook_conformance.checker import Violation, check
from eventhook_conformance.engine.session import Session
from eventhook_conformance.history import History
from eventhook_conformance.probe import Probe
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.mutants.base import PliableBus, PliableClient, pliable_target


@dataclass
class Rig:
    """A run of one case."""

    run: Session
    probe: Probe

    @property
    def history(self) -> History:
        return self.probe.history

    def found(self) -> list[Violation]:
        """Returns the violations found so far by the checker and the case."""
        return [*check(self.history, self.run.capabilities), *self.probe.violations]

    def backend(self) -> PliableClient:
        """Returns the first client's backend."""
        backend = self.run.context.clients.all_shared()[0].backend
        assert isinstance(backend, PliableClient)
        return backend

    def bus(self) -> PliableBus:
        """Returns the bus that the clients share."""
        return self.backend().bus


@asynccontextmanager
async def rig(
    client: type[PliableClient] = PliableClient,
    capabilities: Capabilities | None = None,
    timeout_s: float = 0.2,
) -> AsyncIterator[Rig]:
    """Opens a rig over a bus with one client class, and closes it again."""
    claims = capabilities or client.capabilities
    async with rig_of(pliable_target("rig", client, claims), timeout_s) as one:
        yield one


@asynccontextmanager
async def rig_of(target: Target, timeout_s: float = 0.2) -> AsyncIterator[Rig]:
    """Opens a rig over any target, and closes it again."""
    run = new_session(target, Settings(arrival_timeout_s=timeout_s, settle_s=0.0))
    try:
        history = History("own::case", run.context.clock)
        yield Rig(run, run.runner.probe(("PUB-01",), history))
    finally:
        await run.finish()
