"""Plays the scenarios of the specification (`scenarios.json`) on the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

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
        registry: where what runs is entered; shared with whoever serves it.
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

    async def prepare(self, scenario: Scenario, tenant_id: UUID) -> ScenarioExecution:
        """Creates the root of the scenario, PENDING, and tells that it is created."""
        engine = self._engine(self.registry, self._backend, self._clock())
        execution = ScenarioExecution(scenario, tenant_id, engine)
        await execution.create_root()
        return execution


class ScenarioExecution(Execution):
    """One run of a scenario on an engine of its own.

    Args:
        scenario: what to play.
        tenant_id: for whom.
        engine: on what.
    """

    def __init__(self, scenario: Scenario, tenant_id: UUID, engine: Engine) -> None:
        self.workflow_execution_id = None
        self.workflow_execution_ids = {}
        self.task_execution_ids = {}
        self._scenario = scenario
        self._tenant_id = tenant_id
        self._engine = engine
        self._steps: list[Step] = list(scenario["steps"])
        self._workflows: dict[str, Workflow] = {}
        self._tasks: dict[str, Task] = {}
        self._timers: dict[str, Timer] = {}
        self._promises: dict[str, Promise] = {}

    @property
    def status(self) -> str:  # type: ignore[override]  # because: it is read from the record
        """How the root stands."""
        root = self._scenario["root"]
        if "workflow" in root:
            return self._workflows[root["workflow"]].status
        return self._tasks[root["task"]].status

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
        self._workflows[label] = workflow
        self.workflow_execution_ids[label] = workflow.id

    async def _create_task(self, label: str) -> None:
        spec = self._scenario["tasks"][label]
        owner = None if spec["workflow"] is None else self._workflows[spec["workflow"]]
        task = await self._engine.create_task(
            self._tenant_id, spec["kind"], owner, spec["maxRetries"], f"task:{label}"
        )
        self._tasks[label] = task
        self.task_execution_ids[label] = task.id

    # One method for each kind of step, found by its name.

    async def _start_workflow(self, step: Step) -> None:
        await self._engine.start_workflow(self._workflows[step["workflow"]], step["worker"])

    async def _complete_workflow(self, step: Step) -> None:
        await self._engine.complete_workflow(self._workflows[step["workflow"]])

    async def _fail_workflow(self, step: Step) -> None:
        await self._engine.fail_workflow(self._workflows[step["workflow"]], step["error"])

    async def _cancel_workflow(self, step: Step) -> None:
        await self._engine.cancel_workflow(self._workflows[step["workflow"]])

    async def _suspend(self, step: Step) -> None:
        workflow = self._workflows[step["workflow"]]
        await self._engine.dispatch.suspend(workflow, step["suspendType"], step["until"])

    async def _signal(self, step: Step) -> None:
        await self._engine.signal(self._workflows[step["workflow"]], f"signal:{step['signal']}")

    async def _start_child(self, step: Step) -> None:
        label = step["child"]
        kind = self._scenario["workflows"][label]["kind"]
        parent = self._workflows[step["workflow"]]
        self._enter(label, await self._engine.start_child(parent, kind, f"child:{label}"))

    async def _schedule_task(self, step: Step) -> None:
        await self._create_task(step["task"])

    async def _start_task(self, step: Step) -> None:
        await self._engine.task_execution.start(self._tasks[step["task"]], step["worker"])

    async def _complete_task(self, step: Step) -> None:
        await self._engine.complete_task(self._tasks[step["task"]])

    async def _fail_task(self, step: Step) -> None:
        await self._engine.fail_task(self._tasks[step["task"]], step["error"])

    async def _stream(self, step: Step) -> None:
        kind = StreamEventType(step["type"])
        await self._engine.stream(self._tasks[step["task"]], kind, step["payload"])

    async def _start_timer(self, step: Step) -> None:
        label, workflow = step["timer"], self._workflows[step["workflow"]]
        timer = await self._engine.start_timer(workflow, step["delayMs"], f"timer:{label}")
        self._timers[label] = timer

    async def _fire_timer(self, step: Step) -> None:
        await self._engine.pass_time_until(self._timers[step["timer"]])

    async def _cancel_timer(self, step: Step) -> None:
        await self._engine.dispatch.cancel_timer(self._timers[step["timer"]])

    async def _create_promise(self, step: Step) -> None:
        label, workflow = step["promise"], self._workflows[step["workflow"]]
        promise = await self._engine.create_promise(workflow, f"promise:{label}")
        self._promises[label] = promise

    async def _resolve_promise(self, step: Step) -> None:
        await self._engine.resolve_promise(self._promises[step["promise"]], step["result"])

    async def _reject_promise(self, step: Step) -> None:
        await self._engine.reject_promise(self._promises[step["promise"]], step["error"])

    async def _complete_operation(self, step: Step) -> None:
        workflow = self._workflows[step["workflow"]]
        await self._engine.dispatch.complete_operation(workflow, step["operation"], step["result"])

    async def _set_state(self, step: Step) -> None:
        workflow = self._workflows[step["workflow"]]
        await self._engine.dispatch.set_state(workflow, step["key"], step["value"])

    async def _clear_state(self, step: Step) -> None:
        workflow = self._workflows[step["workflow"]]
        await self._engine.dispatch.clear_state(workflow, step["key"])
