"""Holds one play of a scenario, and judges its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.history import Delivery, Entry, Moment, identity
from eventhook_conformance.probe import Listener, Probe
from eventhook_conformance.sequences import (
    Ids,
    Match,
    Observed,
    Scenario,
    SequenceViolation,
    check_match,
    check_output,
    check_twins,
    match,
)
from eventhook_conformance.target import Execution

BY: Final = "workflows"
"""The name of the workflow service as a publisher in histories."""


@dataclass(eq=False)
class Play:
    """One run of a scenario, and its listeners."""

    scenario: Scenario
    tenant: UUID
    execution: Execution
    since: Moment
    events: Listener
    """Hears every event of the tenant."""
    known: tuple[str, ...] = ()
    """The keys of the streams that were known at `prepare`."""
    streams: dict[str, Listener] = field(default_factory=dict)
    """By key, of the workflows and standalone tasks that were known at `prepare`."""

    @property
    def listeners(self) -> list[Listener]:
        """Every listener."""
        return [self.events, *self.streams.values()]

    @property
    def ids(self) -> Ids:
        """The ids by the scenario's labels, as far as they are known."""
        execution = self.execution
        return Ids(self.tenant, execution.workflow_execution_ids, execution.task_execution_ids)


def told(probe: Probe, listener: Listener) -> list[FlovynEvent]:
    """Returns the events that a listener got and the suite did not publish."""
    own = _own(probe)
    return [
        event
        for event in listener.received
        if isinstance(event, FlovynEvent) and identity(event) not in own
    ]


def streamed(probe: Probe, listener: Listener) -> list[StreamEvent]:
    """Returns the stream events that a listener got and the suite did not publish."""
    own = _own(probe)
    return [
        event
        for event in listener.received
        if isinstance(event, StreamEvent) and identity(event) not in own
    ]


def _own(probe: Probe) -> set[object]:
    return {identity(publish.event) for publish in probe.history.publishes if publish.client != BY}


def matched(probe: Probe, play: Play) -> Match:
    """Returns the scenario with the events that came of it."""
    return match(play.scenario, play.ids, told(probe, play.events))


def judge(probe: Probe, play: Play, seen: list[FlovynEvent] | None = None) -> None:
    """Charges the errors in the events of a finished play.

    Args:
        probe: the case's.
        play: what was played.
        seen: its events, if those of other plays came with them.
    """
    scenario, ids = play.scenario, play.ids
    events = told(probe, play.events) if seen is None else seen
    streams = {key: streamed(probe, listener) for key, listener in play.streams.items()}
    found = match(scenario, ids, events)
    findings = [
        *check_match(found, now_ms=now_ms()),
        *check_twins(found, streams),
        *check_output(scenario, ids, streams),
    ]
    charge(probe, play, findings)
    expect_end(probe, play, "LIF-01")
    if not findings and play.execution.publish_failures != 0:
        probe.found(
            "publish_failures = 0 where everything was published",
            repr(play.execution.publish_failures),
            charge=("LIF-10",),
        )


def charge(probe: Probe, play: Play, findings: Iterable[SequenceViolation]) -> None:
    """Charges findings, each with the play's deliveries that show it."""
    for finding in findings:
        deliveries: list[Entry] = [
            delivery
            for listener in play.listeners
            for delivery in listener.entry.deliveries
            if any(delivery.event is event for event in finding.events)
        ]
        probe.found(
            finding.expected,
            finding.seen,
            *(deliveries or [play.events.entry, *_last(play.events)]),
            charge=finding.requirements,
        )


def observed(probe: Probe, play: Play) -> Observed:
    """Returns the deliveries to the readers of one play that the suite did not publish."""
    return Observed(
        play.ids,
        told(probe, play.events),
        {key: streamed(probe, listener) for key, listener in play.streams.items()},
    )


def expect_end(probe: Probe, play: Play, charge: str) -> None:
    """Expects that the execution says how the scenario ends."""
    if play.execution.status != play.scenario.status:
        probe.found(
            f"status {play.scenario.status} at the end of {play.scenario.name}",
            repr(play.execution.status),
            charge=(charge,),
        )


def _last(listener: Listener) -> list[Delivery]:
    return listener.entry.deliveries[-12:]
