"""The NATS backend under faults: `nats-recovery` on one server of its own, `nats-cluster` on three."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.kit import NatsCluster, NatsServer
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.nats import CAPABILITIES, connect

recovery: Final = Target(
    "nats-recovery",
    server=NatsServer,
    connect=connect,
    capabilities=Capabilities(
        profiles={*CAPABILITIES.profiles, "recovery"}, causal_order=CAPABILITIES.causal_order
    ),
)
"""Never a server that somebody else runs: it is killed, and started again."""

cluster: Final = Target(
    "nats-cluster",
    server=NatsCluster,
    connect=connect,
    capabilities=Capabilities(
        profiles={"events", "streams", "recovery"},
        # What a client asks for reaches the other nodes in its own time, on another way than events do.
        activation="client",
    ),
)
"""Clients are spread over the nodes; one node is killed and paused in the middle."""
