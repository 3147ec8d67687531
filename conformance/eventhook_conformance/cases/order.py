"""PUB: checks the order of one publisher, of several, and of cause and effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import LOSS, Chains, either, publish_and_read
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case

_TYPES: Final = (
    "task.created",
    "workflow.started",
    "task.log.line",
    "webhook.github",
    "timer.fired",
)


def _large(probe: Probe) -> str:
    """Returns data large enough for an implementation to send it another way."""
    return "x" * min(8000, probe.capabilities.max_event_bytes // 2, probe.make.spare_bytes)


@either
@case("PUB-06", implicates={"reordered"})
async def one_publishers_order_holds(probe: Probe, via: Via) -> None:
    """Publishes types, workflows, tasks and sizes in turn: each subscription must get them in order."""
    tenant = probe.make.tenant()
    ids = [probe.make.tenant() for _ in range(3)]
    listeners = [
        await probe.subscribe(EventPattern.all(tenant)),
        await probe.subscribe(EventPattern.by_type(tenant, "task"), via),
        await probe.subscribe(EventPattern.for_workflow(tenant, ids[0])),
        await probe.subscribe(EventPattern.for_task(tenant, ids[1]), via),
    ]
    await probe.reach(*listeners, via=via)
    await listeners[0].wait_reading()
    # Together more than what is batched or acknowledged in hundreds.
    chains = [[_varied(probe, tenant, ids, number) for number in range(80)] for _ in range(4)]
    await publish_and_read(probe, {via: chains}, *listeners)
    await probe.fence(*listeners)


def _varied(probe: Probe, tenant: UUID, ids: list[UUID], number: int) -> FlovynEvent:
    """Varies an event: 5, 4, 4 and 20 put every type with every workflow, task and size once in 80."""
    return probe.make.event(
        tenant,
        _TYPES[number % 5],
        data=_large(probe) if number % 20 == 0 else number,
        workflow=(*ids, None)[number % 4],
        task=(*ids, None)[number // 4 % 4],
    )


@either
@case("PUB-07", implicates={"disordered"})
async def all_subscriptions_see_one_order(probe: Probe, via: Via) -> None:
    """Publishes by several publishers on both clients: all subscriptions must see one order."""
    tenant, workflow = probe.make.tenant(), probe.make.tenant()
    listeners = [
        await probe.subscribe(EventPattern.all(tenant)),
        await probe.subscribe(EventPattern.all(tenant), via),
        await probe.subscribe(EventPattern.by_type(tenant, "task")),
        await probe.subscribe(EventPattern.for_workflow(tenant, workflow), via),
        await probe.subscribe(EventPattern.all(tenant)),
    ]
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    for listener in listeners[:2]:
        await listener.wait_reading()
    made = [
        [probe.make.event(tenant, _TYPES[step % 2], workflow=workflow) for step in range(12)]
        for _ in range(8)
    ]
    await publish_and_read(probe, _chains(made, via), *listeners)


def _chains(made: Sequence[Sequence[Event]], via: Via) -> Chains:
    """Publishes half of the chains by the first client, half by the other."""
    if via == "same":
        return {"same": made}
    return {"same": made[::2], via: made[1::2]}


@either
@case("PUB-15", implicates=LOSS | {"repeated", "reordered", "phantom", "altered"})
async def many_publishers_at_once_lose_nothing(probe: Probe, via: Via) -> None:
    """Publishes by ten publishers at once: two readers must get every event, in each one's order."""
    ground = Ground(probe, "events")
    listeners = [await ground.subscribe(), await probe.subscribe(ground.part, via)]
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    await listeners[0].wait_reading()
    made = [ground.events(100) for _ in range(10)]
    await publish_and_read(probe, _chains(made, via), *listeners)
    await probe.fence(*listeners)


@case("PUB-15", implicates=LOSS | {"repeated", "reordered"})
async def publishers_that_start_a_tenant_at_once_lose_nothing(
    probe: Probe, side: Side = "events"
) -> None:
    """Publishes the first events of many tenants at once: each must come."""
    for _ in range(4):
        grounds = [Ground(probe, side) for _ in range(5)]
        listeners = await probe.at_once(*(ground.subscribe() for ground in grounds))
        each = max(1, min(6, grounds[0].capacity - 1))
        await probe.burst([[ground.event()] for ground in grounds for _ in range(each)])
        await probe.fence(*listeners)
        await probe.at_once(*(listener.leave() for listener in listeners))


@either
@case("PUB-20", implicates={"acausal", "reordered"}, subscriptions=9)
async def effects_come_after_their_causes(probe: Probe, via: Via) -> None:
    """Publishes by two publishers in turn, each after the other returned: all must come in that order."""
    lanes = (_effects_in_a_tenant(probe, via, range(first, 30, 3)) for first in range(3))
    await side_by_side(probe, lanes, each=3)


async def _effects_in_a_tenant(probe: Probe, via: Via, steps: Iterable[int]) -> None:
    tenant = probe.make.tenant()
    listeners = [
        await probe.subscribe(EventPattern.all(tenant)),
        await probe.subscribe(EventPattern.all(tenant), via),
        await probe.subscribe(EventPattern.by_type(tenant, "task"), via),
    ]
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    for step in steps:
        if step % 2 == 0:
            for listener in listeners:
                await listener.wait_reading()
        turns = [
            (probe.make.event(tenant, data=_large(probe) if step % 5 == 0 else None), "same"),
            (probe.make.event(tenant), via),
            (probe.make.event(tenant, "task.log.line"), "same"),
            (probe.make.event(tenant, data=_large(probe) if step % 5 == 1 else None), via),
            (probe.make.event(tenant), "same"),
        ]
        # No more than are surely held; but two have to be, or there is no order to see.
        del turns[max(2, Ground(probe, "events", EventPattern.all(tenant)).capacity) :]
        for event, through in turns:
            await probe.publish(event, via=through)
        for listener in listeners:
            await listener.receive(*(event for event, _ in turns))
