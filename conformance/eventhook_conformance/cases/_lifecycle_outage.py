"""Makes outages of the bus under a workflow service, and plays scenarios through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from eventhook_conformance.cases._lifecycle_bus import Intervene, Publish, interposed_service
from eventhook_conformance.contract import (
    BusClosed,
    FlovynEvent,
    PublishError,
    StreamEvent,
    Unsupported,
)
from eventhook_conformance.history import Event
from eventhook_conformance.probe import CaseAborted, NotOffered, Probe
from eventhook_conformance.sequences import Ids, Published, Scenario, Untold
from eventhook_conformance.target import Execution, WorkflowService

ELSEWHERE: Final = "the service does not publish through the client that it was given"
_MADE_BY_THE_SUITE: Final = "made to fail by the suite"
_ERRORS: Final[Sequence[Callable[[str], Exception]]] = (
    PublishError,
    OSError,
    BusClosed,
    TimeoutError,
)


@dataclass(frozen=True)
class Outage:
    """One way in which publishing fails."""

    name: str
    fails: Callable[[Event, int], bool]
    """Returns True for a publish that fails, by the event and the number of attempts in this step."""
    ends: float = 1.0
    """The share of the steps after which the outage ends; 1 if it lasts to the end."""
    by_step: bool = True
    """False if the outage lasts from the first step to the last."""
    spares: frozenset[type[Event]] = frozenset()
    """The form of events whose publishes never fail."""


ONCE_A_STEP: Final = Outage("once in each step", lambda event, number: number == 1, ends=0.8)

OUTAGES: Final = (
    Outage(
        "of the events",
        lambda event, number: isinstance(event, FlovynEvent),
        by_step=False,
        spares=frozenset({StreamEvent}),
    ),
    Outage(
        "of the older forms",
        lambda event, number: isinstance(event, StreamEvent),
        by_step=False,
        spares=frozenset({FlovynEvent}),
    ),
    Outage("for a while", lambda event, number: True, ends=0.6),
    ONCE_A_STEP,
    Outage("of the second publish in each step", lambda event, number: number == 2, ends=0.8),
)


@dataclass
class Tally:
    """Counts the publishes that a service tried, and keeps those that succeeded."""

    outage: Outage
    troubled: set[str] = field(default_factory=lambda: {"prepare"})
    """The steps during which publishing failed."""
    over: bool = False
    number: int = 0
    """Attempts since the last step began."""
    tried: dict[UUID, FlovynEvent] = field(default_factory=dict)
    events: list[FlovynEvent] = field(default_factory=list)
    streams: dict[str, list[StreamEvent]] = field(default_factory=dict)

    async def intervene(self, event: Event, publish: Publish) -> None:
        """Fails the publishes that the outage affects, and publishes the rest."""
        self.number += 1
        if isinstance(event, FlovynEvent):
            self.tried.setdefault(event.id, event)
        await asyncio.sleep(0)
        if not self.over and self.outage.fails(event, self.number):
            error = _ERRORS[self.number % len(_ERRORS)]
            raise error(f"{_MADE_BY_THE_SUITE}: {self.outage.name}")
        await publish()
        if isinstance(event, FlovynEvent):
            self.events.append(event)
        else:
            self.streams.setdefault(event.workflow_execution_id, []).append(event)

    def begin(self, step: str, share: float) -> None:
        """Notes that a step begins, and the share of all that are done."""
        self.number = 0
        self.over = share >= self.outage.ends
        if not self.over:
            self.troubled.add(step)

    def excused(self, form: type[Event]) -> set[str]:
        """Returns the steps whose events need not be published in that form."""
        return set() if form in self.outage.spares else self.troubled


async def run_through(
    probe: Probe, scenario: Scenario, outage: Outage, *, restarts: bool = False
) -> None:
    """Plays a scenario while publishing fails, and judges the events that were published.

    Args:
        probe: the case's.
        scenario: what to play.
        outage: how publishing fails.
        restarts: restart the service before each step.

    Raises:
        CaseAborted: the service raised or hung.
        NotOffered: the service publishes nothing through the client, or offers no restart.
    """
    tally = Tally(outage)
    intervene: Intervene = tally.intervene
    tenant = probe.make.tenant()
    async with interposed_service(probe, intervene) as service:
        try:
            execution = await probe.returns(
                service.prepare(scenario.raw, tenant), f"preparing {scenario.name}"
            )
            for place, step in enumerate(scenario.steps if outage.by_step else ()):
                tally.begin(step, place / len(scenario.steps))
                if restarts:
                    await restart(probe, service, step)
                await probe.returns(execution.proceed(step), f"{scenario.name} through {step!r}")
            tally.troubled.update(() if outage.by_step else scenario.steps)
            await probe.returns(execution.proceed(), f"{scenario.name} to its end")
        except CaseAborted as aborted:
            raise _charged(scenario, aborted) from aborted
    if not tally.tried and not tally.streams:
        raise NotOffered(ELSEWHERE)
    _judge(
        probe,
        scenario,
        Ids(tenant, execution.workflow_execution_ids, execution.task_execution_ids),
        tally,
        execution,
    )


async def restart(probe: Probe, service: WorkflowService, step: str) -> None:
    """Restarts the service before a step.

    Raises:
        CaseAborted: that raised or hung.
        NotOffered: the service offers no restart.
    """

    async def restarts() -> bool:
        try:
            await service.restart()
        except Unsupported:
            return False
        return True

    if not await probe.returns(restarts(), f"a restart before {step!r}"):
        raise NotOffered("the service offers no restart")


def _charged(scenario: Scenario, aborted: CaseAborted) -> CaseAborted:
    """Charges LIF-10 with an error of the outage; a step that the service does not know is LIF-17."""
    violation = aborted.violation
    if violation is None:
        return aborted
    told = scenario.since is None or _MADE_BY_THE_SUITE in violation.seen
    return CaseAborted(replace(violation, requirements=("LIF-10" if told else "LIF-17",)))


def _judge(probe: Probe, scenario: Scenario, ids: Ids, tally: Tally, execution: Execution) -> None:
    where = f" (an outage {tally.outage.name}, in {scenario.name})"
    if execution.status != scenario.status:
        probe.found(
            f"status {scenario.status} at the end{where}",
            repr(execution.status),
            charge=("LIF-10",),
        )
    untold = Untold(scenario, ids, Published([*tally.tried.values()], tally.events, tally.streams))
    for finding in untold.check(tally.excused(FlovynEvent), tally.excused(StreamEvent)):
        probe.found(finding.expected + where, finding.seen, charge=finding.requirements)
    allowed = untold.failures
    if execution.publish_failures not in allowed:
        few = execution.publish_failures < allowed.start
        probe.found(
            f"publish_failures from {allowed.start} to {allowed.stop - 1}{where}",
            f"publish_failures = {execution.publish_failures}",
            charge=("LIF-18", "LIF-10") if few else ("LIF-18",),
        )
