"""PUB: publishes events, which must arrive, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import LOSS, either, every_kind, publish_and_read
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case, via


@either
@case("PUB-01", implicates=LOSS, subscriptions=12)
async def matching_event_is_delivered(probe: Probe, via: Via, side: Side = "events") -> None:
    """Publishes to each kind of filter, with a waiting reader and a late one: the event must come."""
    lanes = (
        _is_delivered(Ground(probe, side), probe, via, waiting=waiting) for waiting in (True, False)
    )
    await side_by_side(probe, lanes, each=6)


async def _is_delivered(ground: Ground, probe: Probe, via: Via, *, waiting: bool) -> None:
    listeners = [await probe.subscribe(selects) for selects in ground.kinds]
    await probe.reach(*listeners, via=via)
    for _ in range(4):
        if waiting:
            for listener in listeners:
                await listener.wait_reading()
        event = ground.event()
        await probe.publish(event, via=via)
        for listener in listeners:
            await listener.receive(event)
    await probe.fence(*listeners)


@case("PUB-01", implicates=LOSS)
async def reader_that_pauses_misses_nothing(probe: Probe, side: Side = "events") -> None:
    """Publishes events that differ in their id only, between two reads: each must come."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    for unread in (1, 2, 5, 1, 3):
        await listener.wait_reading()
        first = ground.event()
        await probe.publish(first)
        await listener.receive(first)
        events = ground.events(min(unread, ground.capacity))
        await probe.publish(*events)
        await listener.receive(*events)
    await probe.fence(listener)


@either
@case("PUB-01", "PUB-02", implicates=LOSS | {"repeated"})
async def long_run_of_events_is_delivered_once_each(probe: Probe, via: Via) -> None:
    """Publishes a long run of events: each must come once."""
    ground = Ground(probe, "events")
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    events = ground.events(260)
    await publish_and_read(probe, {via: [events[n::4] for n in range(4)]}, listener)
    await probe.fence(listener)


@either
@case("PUB-02", implicates={"repeated"})
async def each_matching_subscription_gets_it_once(probe: Probe, via: Via) -> None:
    """Publishes to overlapping and equal patterns on both clients: each must get the event once."""
    tenant, workflow, task = probe.make.tenant(), probe.make.tenant(), probe.make.tenant()
    like = probe.make.event(tenant, workflow=workflow, task=task)
    patterns = [
        *every_kind(tenant, like),
        EventPattern.all(tenant),
        EventPattern(
            tenant_id=tenant,
            workflow_execution_id=workflow,
            task_execution_id=task,
            event_type_prefix="task",
            source="suite",
        ),
    ]
    listeners = [await probe.subscribe(pattern) for pattern in patterns]
    listeners += [await probe.subscribe(patterns[0], via), await probe.subscribe(patterns[-1], via)]
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    # Again and again, since a copy may come after what was published next.
    for through in ("same", via, "same", via):
        events = [probe.make.event(tenant, workflow=workflow, task=task) for _ in range(2)]
        await publish_and_read(probe, {through: [events]}, *listeners)


@either
@case("PUB-03", implicates={"phantom", "leaked"})
async def quiet_subscription_stays_quiet(probe: Probe, via: Via) -> None:
    """Publishes and subscribes beside a subscription: it must get its own events only."""
    tenant, elsewhere = probe.make.tenant(), probe.make.tenant()
    quiet = [
        await probe.subscribe(EventPattern.all(tenant)),
        await probe.subscribe(EventPattern.by_type(tenant, "workflow"), via),
        await probe.subscribe(EventPattern.for_task(tenant, probe.make.tenant()), via),
    ]
    for through in (None, via):
        guest = await probe.subscribe(EventPattern.all(tenant), through)
        busy = await probe.subscribe(EventPattern.all(elsewhere), through)
        events = [probe.make.event(elsewhere, "workflow.started") for _ in range(4)]
        await probe.reach(busy, via=via)
        await probe.publish(*events, via=via)
        await busy.receive(*events)
        await guest.leave()
    await probe.fence(*quiet)


@either
@case("PUB-03", implicates={"phantom", "altered"})
async def copies_are_unaltered(probe: Probe, via: Via) -> None:
    """Compares the copies of all subscriptions: each must equal the published event."""
    tenant, workflow, task = probe.make.tenant(), probe.make.tenant(), probe.make.tenant()
    listeners = [await probe.subscribe(EventPattern.all(tenant), who) for who in (None, None, via)]
    await probe.reach(*listeners, via=via)
    await probe.reach(*listeners)
    payloads: list[Any] = [{"a": [1, {"b": None}], "text": "\u00e9\U0001f600"}, [], "", None]
    for through in ("same", via):
        for payload in payloads:
            event = probe.make.event(
                tenant,
                "workflow.step.done",
                data=payload,
                source="engine/7",
                workflow=workflow,
                task=task,
                correlation_id="request 1",
                timestamp_ms=1_700_000_000_123,
            )
            await probe.publish(event, via=through)
        await probe.fence(*listeners)


@via
@case("PUB-04", implicates=LOSS)
async def first_event_is_never_lost(probe: Probe, via: Via, side: Side = "events") -> None:
    """Publishes as soon as entering returned, by each client: the event must come."""
    for _ in range(10):
        ground = Ground(probe, side)
        listener = await ground.subscribe()
        first = ground.event()
        await probe.publish(first, via=via)
        await probe.fence(listener)


@via
@case("PUB-04", implicates=LOSS)
async def later_subscriptions_miss_no_first_event_either(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Publishes as soon as later subscriptions of a tenant have entered: each must get the event."""
    ground = Ground(probe, side)
    kinds = ground.kinds
    (await ground.subscribe()).drain()
    for _ in range(3):
        for together in (False, True):
            if together:
                listeners = await probe.at_once(*(probe.subscribe(one) for one in kinds))
            else:
                listeners = [await probe.subscribe(one) for one in kinds[1:4]]
            first = ground.event()
            await probe.publish(first, via=via)
            await probe.fence(*listeners)
            await probe.at_once(*(listener.leave() for listener in listeners))


@pytest.mark.parametrize("who", ["subscriber", "publisher"])
@case("PUB-04", implicates=LOSS, clients=1, needs={"multi_client": (True,), "activation": ("bus",)})
async def first_event_of_a_fresh_client_is_not_lost(
    probe: Probe, who: str, side: Side = "events"
) -> None:
    """Uses a new client to subscribe and to publish: its first event must come."""
    ground, fresh = Ground(probe, side), await probe.open_client()
    listener = await ground.subscribe(fresh if who == "subscriber" else None)
    first = ground.event()
    await probe.publish(first, via=None if who == "subscriber" else fresh)
    await probe.fence(listener)


@either
@case("PUB-05", implicates={"replayed"})
async def earlier_events_are_not_delivered(probe: Probe, via: Via) -> None:
    """Publishes before entering, with and without other subscriptions: the event may not come."""
    tenant = probe.make.tenant()
    pattern = EventPattern.all(tenant)
    await probe.publish(*(probe.make.event(tenant) for _ in range(3)), via=via)
    to_nobody = await probe.subscribe(pattern)
    await probe.publish(*(probe.make.event(tenant, "workflow.started") for _ in range(2)), via=via)
    to_others = [await probe.subscribe(pattern), await probe.subscribe(pattern, via)]
    typed = await probe.subscribe(EventPattern.by_type(tenant, "workflow"))
    await probe.fence(to_nobody, *to_others, typed)
    for listener in (to_nobody, *to_others, typed):
        await listener.leave()
    await probe.publish(probe.make.event(tenant), via=via)
    to_those_gone = await probe.subscribe(pattern)
    await probe.fence(to_those_gone)
    await probe.fence(to_those_gone)


@either
@case("PUB-08", implicates=LOSS)
async def publishing_without_subscribers_succeeds(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Publishes without a subscription: each publish must succeed, and a later event must come."""
    lanes = (_publish_to_nobody(Ground(probe, side), probe, via) for _ in range(3))
    await side_by_side(probe, lanes, each=2)


async def _publish_to_nobody(ground: Ground, probe: Probe, via: Via) -> None:
    # As many as there are types of stream events: an error that nobody reads is no error.
    await probe.publish(*ground.events(4), via=via)
    listener = await ground.subscribe()
    await listener.leave()
    await probe.publish(*ground.events(4), via=via)
    if isinstance(ground.all, EventPattern):
        await probe.subscribe(EventPattern.by_type(ground.all.tenant_id, "workflow"), via)
        await probe.publish(*ground.events(4), via=via)
    again = await ground.subscribe()
    await probe.reach(again, via=via)
    event = ground.event()
    await probe.publish(event, via=via)
    await again.receive(event)
