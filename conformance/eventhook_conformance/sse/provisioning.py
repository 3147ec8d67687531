"""Makes workflows and tasks, by the target's own `provision` or through its workflow service."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import eventhook_fixtures
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.target import Execution, HttpTarget, Tenant

Made = Literal["workflow", "task", "child"]


class Provisioner:
    """Makes executions for one case."""

    def __init__(self, probe: Probe, target: HttpTarget) -> None:
        self._probe = probe
        self._target = target
        self._childless: dict[UUID, Execution] = {}

    async def make(self, tenant: Tenant, kind: Made, parent: UUID | None = None) -> UUID:
        """Returns a fresh workflow, task, or child of a workflow.

        Raises:
            CaseAborted: it raised or hung.
            NotOffered: the target cannot make such a thing.
        """
        if self._target.provision is not None:
            return await self._probe.returns(
                self._target.provision(tenant, kind, parent), f"provisioning a {kind}"
            )
        if self._probe.target.workflows is None:
            raise NotOffered("the target gives neither `provision` nor `workflows`")
        return await self._prepare(tenant, kind, parent)

    async def _prepare(self, tenant: Tenant, kind: Made, parent: UUID | None) -> UUID:
        """Plays a scenario that has such an execution, and leaves it at that step."""
        if kind == "workflow":
            execution = await self._execution("child-succeeds", tenant)
            made = execution.workflow_execution_id
            if made is None:
                raise self._probe.aborted("a prepared workflow to have an id", "it has none")
            self._childless[made] = execution
            return made
        if kind == "task" and parent is None:
            execution = await self._execution("standalone-task", tenant)
            if execution.task_execution_ids:
                return next(iter(execution.task_execution_ids.values()))
        if kind == "child" and parent in self._childless:
            execution = self._childless.pop(parent)
            await self._probe.returns(execution.proceed("start-child"), "starting a child")
            return execution.workflow_execution_ids["child"]
        raise NotOffered(f"no scenario has such a {kind}; the target gives no `provision`")

    async def _execution(self, name: str, tenant: Tenant) -> Execution:
        scenario = scenario_named(name)
        service = await self._probe.workflows()
        return await self._probe.returns(service.prepare(scenario, tenant.id), f"preparing {name}")


def scenario_named(name: str) -> dict[str, Any]:
    """Returns a scenario of the specification."""
    scenarios = eventhook_fixtures.load("scenarios")["scenarios"]
    return next(one for one in scenarios if one["name"] == name)
