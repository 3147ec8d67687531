"""Plays scenarios on a target's workflow service, from preparing them to settling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._lifecycle_bus import interposed_service, slowly
from eventhook_conformance.cases._lifecycle_judging import BY, Play, matched
from eventhook_conformance.cases._lifecycle_watch import Watch
from eventhook_conformance.contract import EventPattern, Unsupported
from eventhook_conformance.probe import CaseAborted, Listener, NotOffered, Probe, Via
from eventhook_conformance.sequences import (
    Round,
    Scenario,
    scenarios,
)
from eventhook_conformance.target import Execution, WorkflowService

_PATIENT_FACTOR: Final = 5
_TICK_S: Final = 0.001


def each(
    choose: Callable[[Scenario], bool] = lambda scenario: True,
) -> pytest.MarkDecorator:
    """Runs a case once for each scenario of specification 1.0 that is chosen."""
    chosen = [
        name
        for name, scenario in scenarios().items()
        if scenario.since is None and choose(scenario)
    ]
    return pytest.mark.parametrize("scenario", chosen)


async def prepare(
    probe: Probe,
    scenario: Scenario,
    *,
    tenant: UUID | None = None,
    via: Via = None,
    service: WorkflowService | None = None,
    read_streams: bool = True,
) -> Play:
    """Listens to a tenant, prepares the scenario, and listens to the streams known by then.

    Args:
        probe: the case's.
        scenario: what to play.
        tenant: for whom; a fresh one if none is given.
        via: over which client's bus.
        service: which workflow service plays it; the run's own if none is given.
        read_streams: whether to listen to its streams too.

    Raises:
        NotOffered: the scenario is none of the specification's, and the service plays only those.
    """
    probe.make.backdate()
    whose = tenant or probe.make.tenant()
    service = service or await probe.workflows(via)
    listener = await probe.subscribe(EventPattern.all(whose), via)
    since = probe.history.clock.now()
    with listener.reading_on():
        execution = await probe.returns(
            prepared(service, scenario, whose),
            f"preparing {scenario.name}",
            timeout_s=_patient(probe),
        )
    if execution is None:
        raise NotOffered("the service plays the written scenarios only")
    play = Play(scenario, whose, execution, since, listener)
    known = [str(workflow) for workflow in execution.workflow_execution_ids.values()]
    known += [
        str(task)
        for label, task in execution.task_execution_ids.items()
        if label in scenario.tasks and scenario.tasks[label]["workflow"] is None
    ]
    play.known = tuple(known)
    for key in known if read_streams else ():
        play.streams[key] = await probe.subscribe(key, via)
    if scenario.root is not None:
        told: object = execution.workflow_execution_ids.get(scenario.root)
        probe.expect(
            told is not None and told == execution.workflow_execution_id,
            "the root's id under its label once it is prepared",
            f"{told} under {scenario.root!r}, {execution.workflow_execution_id} as the root's",
        )
    return play


async def prepared(service: WorkflowService, scenario: Scenario, tenant: UUID) -> Execution | None:
    """Returns the execution; None where the service knows no such scenario, and need not."""
    try:
        return await service.prepare(scenario.raw, tenant)
    except (Unsupported, LookupError, NotImplementedError):
        if scenario.name in scenarios():
            raise
        return None


async def proceed(
    probe: Probe, *plays: Play, until: str | None = None, more: Iterable[Listener] = ()
) -> None:
    """Runs several plays at once, to a step or to the end, while all listeners read.

    Args:
        probe: the case's.
        plays: what runs.
        until: the step to stop after.
        more: listeners besides those of the plays.
    """
    where = f"to {until!r}" if until else "to the end"
    with ExitStack() as reading:
        for listener in [*(one for play in plays for one in play.listeners), *more]:
            reading.enter_context(listener.reading_on())
        await asyncio.gather(*(run_on(probe, play, until, where) for play in plays))


async def run_on(probe: Probe, play: Play, until: str | None, where: str) -> None:
    """Runs one play to a step or to its end.

    Raises:
        CaseAborted: the service raised or hung; then the play's listeners have left.
    """
    what = f"running {play.scenario.name} {where}"
    try:
        await probe.returns(play.execution.proceed(until), what, timeout_s=_patient(probe))
    except CaseAborted:
        probe.attribute(BY, play.since, *play.listeners)
        for listener in play.listeners:
            await listener.leave_quietly()
        raise


async def settle(probe: Probe, *plays: Play, more: Iterable[Listener] = ()) -> None:
    """Reads all events of the plays, by a fence, and records them as published by the service."""
    listeners = [*(one for play in plays for one in play.listeners), *more]
    await probe.fence(*listeners)
    if not probe.capabilities.causal_order:
        # The service may publish events through another client; these may come after the fence.
        for play in plays:
            await play.events.read(len(matched(probe, play).missing))
    probe.attribute(BY, min(play.since for play in plays), *listeners)


async def play_interleaved(
    probe: Probe, runs: Sequence[Scenario], schedule: Sequence[Round], *, watch: Watch | None = None
) -> list[Play]:
    """Plays runs of the same steps for several tenants in one service, by the schedule.

    Args:
        probe: the case's.
        runs: what to play, one for each tenant.
        schedule: its rounds, one for each step.
        watch: sees what the service publishes; then no stream is read.
    """
    intervene = slowly() if watch is None else watch.intervene()
    async with interposed_service(probe, intervene) as service:
        plays: list[Play] = []
        for scenario in runs:
            plays.append(
                await prepare(probe, scenario, service=service, read_streams=watch is None)
            )
            if watch is not None:
                watch.executions.append(plays[-1].execution)
        for step in schedule:
            if watch is not None:
                # A time that a server kept from an earlier step is then too early; a right one is not.
                await asyncio.sleep(_TICK_S)
            chosen = [plays[number] for number in step.order]
            for group in [chosen] if step.at_once else [[one] for one in chosen]:
                await proceed(probe, *group, until=step.step)
        await proceed(probe, *plays)
        await settle(probe, *plays)
    return plays


def _patient(probe: Probe) -> float:
    """Returns the seconds that a whole run may take: it makes many calls to the bus."""
    return probe.deadline.timeout_s * _PATIENT_FACTOR


async def play_out(probe: Probe, name: str, *, tenant: UUID | None = None) -> Play:
    """Plays a scenario from beginning to end, and reads all its events."""
    play = await prepare(probe, scenarios()[name], tenant=tenant)
    await proceed(probe, play)
    await settle(probe, play)
    return play
