"""PUB-01: types that name a beginning or an end begin and end nothing in the bus."""

from __future__ import annotations

from typing import Final

import eventhook_fixtures
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_RUN: Final = 20


@case("PUB-01", implicates=LOSS | {"repeated", "reordered", "ended"}, since="1.1")
async def types_of_lifecycles_mean_nothing_to_a_bus(probe: Probe) -> None:
    """Publishes each type of a lifecycle twice, in any order, for one workflow and task: all must come."""
    tenant, workflow, task = (probe.make.tenant() for _ in range(3))
    types = [row["event_type"] for row in eventhook_fixtures.load("lifecycle_names")["names"]]
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.all(tenant),
            EventPattern.for_workflow(tenant, workflow),
            EventPattern.for_task(tenant, task),
        )
    ]
    events = [
        probe.make.event(tenant, kind, workflow=workflow, task=task, data={"status": "completed"})
        for _ in range(2)
        for kind in probe.random.sample(types, len(types))
    ]
    # Each reader is sent fences of two clients beside them.
    run = min(_RUN, max(1, probe.capabilities.event_capacity - 2 * len(listeners)))
    for start in range(0, len(events), run):
        await probe.publish(*events[start : start + run])
        await probe.fence(*listeners)
