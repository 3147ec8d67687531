"""Bugs of going over to another node, over a cluster of NATS servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eventhook_conformance.kit import NatsCluster
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.recovering import Reconnecting

RECOVERING_NODES: list[Mutant] = []


class _OnNodes(Reconnecting):
    capabilities = replace(Reconnecting.capabilities, activation="client", recovery_s=0.5)
    server = NatsCluster

    def servers(self) -> list[Any]:
        """Returns those that nats-py may connect to, which it has no public way to change."""
        servers: list[Any] = vars(self.connection.client)["_server_pool"]
        return servers


@bug_over_nats(RECOVERING_NODES, "REC-11", seen="nothing that")
class KeepsToItsNode(_OnNodes):
    """Reconnects only to the node that it lost, not to others of the cluster."""

    async def on_disconnect(self) -> None:
        lost = vars(self.connection.client)["_current_server"]
        self.servers()[:] = [lost]


@bug_over_nats(RECOVERING_NODES, "REC-11", seen="nothing that")
class AsksItsFirstNodeAlone(_OnNodes):
    """Never subscribes again when it reconnects to another node."""

    async def on_disconnect(self) -> None:
        if len(self.servers()) > 1:
            self.forget_subscriptions()
