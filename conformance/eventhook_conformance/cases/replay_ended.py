"""RPL-15: ends one workflow, which must not affect other channels."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._replay import WRONG, ReplayChannel
from eventhook_conformance.contract import START, EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_NO_ENDS: Final = (
    *("task.completed", "task.failed", "task.cancelled", "child_workflow.completed"),
    *("workflow.started", "workflow.completed.later", "order.completed", "workflows.failed"),
)
"""Types of events that do not end a workflow."""


@pytest.mark.parametrize("how", ["workflow.completed", "workflow.failed", "workflow.cancelled"])
@case("RPL-15", needs={"replay": ("streams",), "profiles": ("events",)}, implicates=WRONG)
async def end_of_a_workflow_takes_nothing_from_others(probe: Probe, how: str) -> None:
    """Ends a workflow: the histories of another workflow and of the tenant must stay."""
    tenant, ended = probe.make.tenant(), probe.make.tenant()
    channel = ReplayChannel(probe, "streams")
    channel.selects = str(channel.tenant)
    tokens = await channel.publish(4)
    events = [
        probe.make.event(tenant, kind, workflow=channel.tenant, task=channel.tenant)
        for kind in _NO_ENDS
    ]
    events.append(probe.make.event(tenant, how, workflow=ended))
    await probe.publish(*events)
    tokens += await channel.publish(2)
    reader = await channel.subscribe(START)
    await reader.receive(*tokens)
    await probe.fence(reader)
    cursor = reader.entry.deliveries[1].cursor
    if isinstance(cursor, str):
        await channel.resume(cursor, *reader.received[2:])
    if "events" in probe.capabilities.replay:
        whole = await probe.subscribe(EventPattern.all(tenant), since=START)
        await whole.receive(*events)


@case("RPL-15", needs={"replay": ("streams",), "profiles": ("events",)}, implicates=WRONG)
async def what_comes_after_the_end_is_kept_too(probe: Probe) -> None:
    """Publishes to a stream after its workflow ended: these events must be replayed too."""
    channel = ReplayChannel(probe, "streams")
    channel.selects = str(channel.tenant)
    tokens = await channel.publish(3)
    ended = probe.history.clock.now()
    await probe.publish(
        probe.make.event(probe.make.tenant(), "workflow.completed", workflow=channel.tenant)
    )
    tokens += await channel.publish(2)
    try:
        reader = await channel.subscribe(START)
        await reader.receive(*tokens)
    finally:
        now = probe.history.clock.now()
        if now.at_s - ended.at_s >= probe.capabilities.replay_grace_s:
            # This machine was too slow for the claim: the history may be gone.
            probe.history.purge("the bus, after the grace", str(channel.selects)).called = ended
    await reader.leave()
