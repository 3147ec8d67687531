"""Making something to look at, by the target's own `provision` or through its workflow service."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.target import HttpTarget, Tenant

Made = Literal["workflow", "task", "child"]


class Provisioner:
    """Makes executions, one case's."""

    def __init__(self, probe: Probe, target: HttpTarget) -> None:
        self._probe = probe
        self._target = target

    async def make(self, tenant: Tenant, kind: Made, parent: UUID | None = None) -> UUID:
        """A fresh workflow, task, or child of a workflow.

        Raises:
            CaseAborted: it raised or hung.
            NotOffered: the target cannot make such a thing.
        """
        if self._target.provision is None:
            raise NotOffered("the target gives no `provision`")
        return await self._probe.returns(
            self._target.provision(tenant, kind, parent), f"provisioning a {kind}"
        )
