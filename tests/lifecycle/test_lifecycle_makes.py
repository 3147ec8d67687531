"""Correct workflow servers of other makes are accused of nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.probe.maker import LEAST_LIFECYCLE_BYTES
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Mutant
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Task, Workflow
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.mutants import ZOO
from eventhook_reference.mutants.base import pliable_target
from eventhook_reference.mutants.variants import VARIANTS

LIF = [one.id for one in requirements().values() if one.group == "LIF"]


class OlderFormFirst(Announcer):
    async def send(self, event: FlovynEvent, older: str) -> None:
        await self.attempt(self.backend.streams.publish(twin_of(event, older)))
        await self.attempt(self.backend.events.publish(event))


class BothFormsAtOnce(Announcer):
    async def send(self, event: FlovynEvent, older: str) -> None:
        twin: StreamEvent = twin_of(event, older)
        await asyncio.gather(
            self.attempt(self.backend.events.publish(event)),
            self.attempt(self.backend.streams.publish(twin)),
        )


class MoreInEachSnapshot(Announcer):
    async def send(self, event: FlovynEvent, older: str) -> None:
        data = {**event.data, "region": "eu", "labels": {"a": [1, None]}}
        correlated = event.with_correlation_id("request-1")
        await super().send(msgspec.structs.replace(correlated, data=data), older)


class LessInEachSnapshot(Announcer):
    async def send(self, event: FlovynEvent, older: str) -> None:
        left_out = {"workerId"}
        if older.startswith("CHILD_"):
            left_out |= {"status", "error"}
        data = {name: value for name, value in event.data.items() if name not in left_out}
        await super().send(msgspec.structs.replace(event, data=data), older)


class TellsNoCreationOfRoots(Dispatch):
    async def create_workflow(
        self, tenant_id: UUID, kind: str, parent: Workflow | None = None
    ) -> Workflow:
        workflow = Workflow(tenant_id, kind, None, "PENDING")
        self.registry.workflows[workflow.id] = workflow
        return workflow


class TellsCreationWhenItStarts(TellsNoCreationOfRoots):
    async def start_workflow(self, workflow: Workflow, worker: str) -> None:
        if workflow.parent is None and workflow.worker is None:
            await self.announcer.of_workflow("WORKFLOW_CREATED", workflow)
        await super().start_workflow(workflow, worker)


class CreatesChildrenBeforeItSaysSo(Dispatch):
    async def start_child(self, parent: Workflow, kind: str) -> Workflow:
        child = Workflow(parent.tenant_id, kind, parent.id, "PENDING")
        self.registry.workflows[child.id] = child
        await self.announcer.of_workflow("WORKFLOW_CREATED", child)
        await self.tell(parent, "CHILD_WORKFLOW_INITIATED", child.child_snapshot())
        return child


class SystemDecides(Dispatch):
    async def tell(
        self, workflow: Workflow, older: str, snapshot: dict[str, Any] | None = None
    ) -> None:
        await self.announcer.of_workflow(older, workflow, snapshot)


MAKES: Final[Mapping[str, Callable[..., Engine]]] = {
    "older form first": lambda *given: Engine(*given, announcer=OlderFormFirst),
    "both forms at once": lambda *given: Engine(*given, announcer=BothFormsAtOnce),
    "more in each snapshot": lambda *given: Engine(*given, announcer=MoreInEachSnapshot),
    "less in each snapshot": lambda *given: Engine(*given, announcer=LessInEachSnapshot),
    "no creation of roots": lambda *given: Engine(*given, dispatch=TellsNoCreationOfRoots),
    "creation at the start": lambda *given: Engine(*given, dispatch=TellsCreationWhenItStarts),
    "children first": lambda *given: Engine(*given, dispatch=CreatesChildrenBeforeItSaysSo),
    "the system decides": lambda *given: Engine(*given, dispatch=SystemDecides),
}


def accusations(target: Any) -> list[str]:
    result = judge(target, instances=cases_for(LIF))
    assert result.unusable is None
    assert result.summary["error"] == 0
    return [
        f"{case.id}: {violation.requirements} {violation.message}"
        for case in result.cases
        for violation in case.violations
    ]


@pytest.mark.parametrize("name", MAKES)
def test_correct_server_of_another_make_is_accused_of_nothing(name: str) -> None:
    assert accusations(with_lifecycle(pliable_target(name), engine=MAKES[name])) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant",
    [one for one in VARIANTS if one.target().capabilities.max_event_bytes >= LEAST_LIFECYCLE_BYTES],
    ids=lambda variant: str(variant.name),
)
def test_server_over_a_bus_of_another_make_is_accused_of_nothing(variant: Mutant) -> None:
    assert accusations(with_lifecycle(variant.target())) == []


@pytest.mark.parametrize("identifier", LIF)
def test_each_requirement_has_three_mutants_of_different_kinds(identifier: str) -> None:
    named = [one for one in ZOO if identifier in one.caught_by]
    assert len({mutant.seen for mutant in named}) >= 2
    assert len(named) >= 3
    assert any(mutant.caught_by == (identifier,) for mutant in named)


def test_a_task_knows_whose_stream_is_its() -> None:
    workflow, tenant = UUID(int=1), UUID(int=2)
    assert Task(tenant, "t", workflow, "PENDING").stream_key == str(workflow)
    standalone = Task(tenant, "t", None, "PENDING")
    assert standalone.stream_key == str(standalone.id)
