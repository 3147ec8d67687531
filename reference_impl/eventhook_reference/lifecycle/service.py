"""Plays the scenarios of the specification (`scenarios.json`) on the engine."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakSet

from eventhook_conformance.contract import StreamEventType, StreamingBackend
from eventhook_conformance.target import Execution, WorkflowService
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.records import Promise, Task, Timer, Workflow
from eventhook_reference.lifecycle.registry import Registry

Scenario = Mapping[str, Any]
Step = Mapping[str, Any]
MakeEngine = Callable[[Registry, StreamingBackend, MovableClock], Engine]


class LifecycleService(WorkflowService):
    """A workflow server over one client of a bus.

    Args:
        backend: through which everything is published.
        registry: where executions are entered; shared with the server of their streams.
        clock: makes the clock of one run, so that passing time in one moves no other.
        engine: makes the engine of one run; for those that want another one.
    """

    def __init__(
        self,
        backend: StreamingBackend,
        registry: Registry | None = None,
        clock: Callable[[], MovableClock] = MovableClock,
        engine: MakeEngine = Engine,
    ) -> None:
        self.registry = Registry() if registry is None else registry
        self._clock = clock
        self._backend = backend
        self._engine = engine
        self._executions: WeakSet[ScenarioExecution] = WeakSet()

    async def prepare(self, scenario: Scenario, tenant_id: UUID) -> ScenarioExecution:
        """Creates the root of the scenario, PENDING, and tells that it is created."""
        clock = self._clock()
        engine = partial(self._engine, self.registry, self._backend, clock)
        execution = ScenarioExecution(scenario, tenant_id, engine)
        self._executions.add(execution)
        await execution.create_root()
        return execution

    async def restart(self) -> None:
        """Starts again with nothing but the stored records."""
        for execution in self._executions:
            execution.restart()


@dataclass
class Records:
    """The stored records of one run, by the scenario's labels."""

    workflows: dict[str, Workflow] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)


class ScenarioExecution(Execution):
    """One run of a scenario on an engine of its own.

    Args:
        scenario: what to play.
        tenant_id: for whom.
        engine: makes the engine that it runs on, and another one after a restart.
    """

    def __init__(self, scenario: Scenario, tenant_id: UUID, engine: Callable[[], Engine]) -> None:
        self.workflow_execution_id = None
        self.workflow_execution_ids = {}
        self.task_execution_ids = {}
        self._scenario = scenario
        self._tenant_id = tenant_id
        self._make = engine
        self._engine = engine()
        self._steps: list[Step] = list(scenario["steps"])
        self._kept = Records()

    def restart(self) -> None:
        """Goes on with another engine, from copies of the records that the first one stored."""
        engine, before = self._make(), self._engine
        self._kept, journal = copy.deepcopy((self._kept, before.journal))
        for workflow in self._kept.workflows.values():
            engine.registry.workflows[workflow.id] = workflow
        for task in self._kept.tasks.values():
            engine.registry.tasks[task.id] = task
        engine.restore(journal, before.announcer.failures)
        self._engine = engine

    @property
    def status(self) -> str:  # type: ignore[override]  # because: it is read from the record
        """The status of the root."""
        root = self._scenario["root"]
        if "workflow" in root:
            return self._kept.workflows[root["workflow"]].status
        return self._kept.tasks[root["task"]].status

    @property
    def publish_failures(self) -> int:  # type: ignore[override]  # because: the announcer counts
        """Events, of either form and of streams, that could not be published (LIF-10)."""
        return self._engine.announcer.failures

    async def create_root(self) -> None:
        """Makes the root exist, PENDING."""
        root = self._scenario["root"]
        if "workflow" not in root:
            await self._create_task(root["task"])
            return
        label = root["workflow"]
        kind = self._scenario["workflows"][label]["kind"]
        workflow = await self._engine.dispatch.create_workflow(self._tenant_id, kind)
        self._enter(label, workflow)
        self.workflow_execution_id = workflow.id

    async def proceed(self, until: str | None = None) -> None:
        """Runs to the end, or through the named step.

        Raises:
            ValueError: no step that is still to come has that name.
        """
        names = [step["name"] for step in self._steps]
        if until is not None and until not in names:
            raise ValueError(f"no step {until!r} is still to come; there are {', '.join(names)}")
        while self._steps:
            step = self._steps.pop(0)
            await self._do(step)
            if step["name"] == until:
                return

    async def _do(self, step: Step) -> None:
        if step["do"] == "together":
            await asyncio.gather(*(self._do_all(branch) for branch in step["branches"]))
        else:
            await getattr(self, "_" + step["do"].replace("-", "_"))(step)

    async def _do_all(self, steps: Iterable[Step]) -> None:
        for step in steps:
            await self._do(step)

    def _enter(self, label: str, workflow: Workflow) -> None:
        self._kept.workflows[label] = workflow
        self.workflow_execution_ids[label] = workflow.id

    async def _create_task(self, label: str) -> None:
        spec = self._scenario["tasks"][label]
        owner = None if spec["workflow"] is None else self._kept.workflows[spec["workflow"]]
        task = await self._engine.create_task(
            self._tenant_id, spec["kind"], owner, spec["maxRetries"], f"task:{label}"
        )
        self._kept.tasks[label] = task
        self.task_execution_ids[label] = task.id

    # One method for each kind of step, found by its name.

    async def _start_workflow(self, step: Step) -> None:
        await self._engine.start_workflow(self._kept.workflows[step["workflow"]], step["worker"])

    async def _complete_workflow(self, step: Step) -> None:
        await self._engine.complete_workflow(self._kept.workflows[step["workflow"]])

    async def _fail_workflow(self, step: Step) -> None:
        await self._engine.fail_workflow(self._kept.workflows[step["workflow"]], step["error"])

    async def _cancel_workflow(self, step: Step) -> None:
        await self._engine.cancel_workflow(self._kept.workflows[step["workflow"]])

    async def _retry_workflow(self, step: Step) -> None:
        await self._engine.retry_workflow(self._kept.workflows[step["workflow"]])

    async def _cancel_child(self, step: Step) -> None:
        parent, child = self._kept.workflows[step["workflow"]], self._kept.workflows[step["child"]]
        await self._engine.cancel_child(parent, child)

    async def _suspend(self, step: Step) -> None:
        workflow = self._kept.workflows[step["workflow"]]
        await self._engine.dispatch.suspend(workflow, step["suspendType"], step["until"])

    async def _signal(self, step: Step) -> None:
        await self._engine.signal(
            self._kept.workflows[step["workflow"]], f"signal:{step['signal']}"
        )

    async def _start_child(self, step: Step) -> None:
        label = step["child"]
        kind = self._scenario["workflows"][label]["kind"]
        parent = self._kept.workflows[step["workflow"]]
        self._enter(label, await self._engine.start_child(parent, kind, f"child:{label}"))

    async def _schedule_task(self, step: Step) -> None:
        await self._create_task(step["task"])

    async def _start_task(self, step: Step) -> None:
        await self._engine.start_task(self._kept.tasks[step["task"]], step["worker"])

    async def _complete_task(self, step: Step) -> None:
        await self._engine.complete_task(self._kept.tasks[step["task"]])

    async def _fail_task(self, step: Step) -> None:
        await self._engine.fail_task(self._kept.tasks[step["task"]], step["error"])

    async def _cancel_task(self, step: Step) -> None:
        await self._engine.cancel_task(self._kept.tasks[step["task"]])

    async def _retry_task(self, step: Step) -> None:
        await self._engine.retry_task(self._kept.tasks[step["task"]])

    async def _stream(self, step: Step) -> None:
        kind = StreamEventType(step["type"])
        await self._engine.stream(self._kept.tasks[step["task"]], kind, step["payload"])

    async def _start_timer(self, step: Step) -> None:
        label, workflow = step["timer"], self._kept.workflows[step["workflow"]]
        timer = await self._engine.start_timer(workflow, step["delayMs"], f"timer:{label}")
        self._kept.timers[label] = timer

    async def _fire_timer(self, step: Step) -> None:
        await self._engine.pass_time_until(self._kept.timers[step["timer"]])

    async def _cancel_timer(self, step: Step) -> None:
        await self._engine.cancel_timer(self._kept.timers[step["timer"]])

    async def _create_promise(self, step: Step) -> None:
        label, workflow = step["promise"], self._kept.workflows[step["workflow"]]
        promise = await self._engine.create_promise(workflow, f"promise:{label}")
        self._kept.promises[label] = promise

    async def _resolve_promise(self, step: Step) -> None:
        await self._engine.resolve_promise(self._kept.promises[step["promise"]], step["result"])

    async def _reject_promise(self, step: Step) -> None:
        await self._engine.reject_promise(self._kept.promises[step["promise"]], step["error"])

    async def _complete_operation(self, step: Step) -> None:
        workflow = self._kept.workflows[step["workflow"]]
        await self._engine.dispatch.complete_operation(workflow, step["operation"], step["result"])

    async def _set_state(self, step: Step) -> None:
        workflow = self._kept.workflows[step["workflow"]]
        await self._engine.dispatch.set_state(workflow, step["key"], step["value"])

    async def _clear_state(self, step: Step) -> None:
        workflow = self._kept.workflows[step["workflow"]]
        await self._engine.dispatch.clear_state(workflow, step["key"])
