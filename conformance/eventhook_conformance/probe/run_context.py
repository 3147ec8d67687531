"""The part of a run that its cases share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from eventhook_conformance.history import Clock, Ledger
from eventhook_conformance.probe.client_pool import ClientPool
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.distance import Distance
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities, Target


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """One target under test, its claims, and what every probe of the run uses."""

    target: Target
    capabilities: Capabilities
    settings: Settings
    clock: Clock
    deadline: Deadline
    ledger: Ledger
    """Every event that the run published, by the case that published it."""
    clients: ClientPool
    replaying: Collection[str] = ()
    """The sides of the bus that are asked where to begin: those that claim replay, since 1.1."""
    distance: Distance = field(default_factory=Distance)
