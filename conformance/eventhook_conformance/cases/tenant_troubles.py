"""TEN: makes trouble for one tenant, which must not affect others."""

from __future__ import annotations

from time import perf_counter
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._overrun import OverflowScenario
from eventhook_conformance.cases._paced import try_to_subscribe
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import OTHER, case

_DROPS: Final = {"overflow": ("drop_oldest", "drop_newest")}


async def _bystander(probe: Probe) -> tuple[UUID, Listener, Listener]:
    """Subscribes for an unaffected tenant, by a wide and a narrow pattern."""
    tenant = probe.make.tenant()
    wide = await probe.subscribe(EventPattern.all(tenant))
    narrow = await probe.subscribe(EventPattern.by_type(tenant, "task"))
    return tenant, wide, narrow


async def _go_on(probe: Probe, tenants: tuple[UUID, ...], *listeners: Listener) -> None:
    """Publishes for all these tenants; expects that each listener gets its own events only."""
    await probe.burst(
        [probe.make.event(tenant), probe.make.event(tenant, "order.created")] for tenant in tenants
    )
    await probe.fence(*listeners)


@case("TEN-04", needs=_DROPS, implicates={"leaked"})
async def isolation_holds_while_another_tenant_overruns(probe: Probe) -> None:
    """Overruns one tenant's reader: others must get their own events only, during and after."""
    quiet, wide, narrow = await _bystander(probe)
    loud = probe.make.tenant()
    overrun = await probe.subscribe(EventPattern.all(loud))
    await _overrun(probe, loud)
    await _go_on(probe, (quiet, loud), wide, narrow)
    if probe.capabilities.overflow == "drop_newest":
        # There is room for a fence only after what is held was read.
        await overrun.read(probe.capabilities.event_capacity)
    await probe.fence(overrun)
    await _go_on(probe, (quiet, loud), wide, narrow, overrun)


async def _overrun(probe: Probe, tenant: UUID) -> None:
    """Returns more events than a subscription of the tenant holds, but no multiple of that."""
    lanes = 32
    each = (probe.capabilities.event_capacity + 7) // lanes + 1
    await probe.burst([probe.make.event(tenant) for _ in range(each)] for _ in range(lanes))


@pytest.mark.parametrize(
    "trouble",
    [
        "subscribes",
        "leaves",
        "fails-while-reading",
        "publishes-what-is-refused",
        "subscribes-to-what-is-refused",
    ],
)
@case("TEN-04", implicates={"leaked", "refused-seen"})
async def isolation_holds_whatever_another_tenant_does(probe: Probe, trouble: str) -> None:
    """Makes each kind of trouble for one tenant: others must get their own events only."""
    quiet, wide, narrow = await _bystander(probe)
    other = probe.make.tenant()
    theirs = await probe.subscribe(EventPattern.all(other))
    await _go_on(probe, (quiet, other), wide, narrow, theirs)
    await probe.at_once(
        _make_trouble(probe, trouble, other, theirs),
        probe.publish(*(probe.make.event(quiet) for _ in range(4))),
    )
    await _others_come(probe, quiet, other, wide, narrow)


@case("TEN-04", needs={"introspection": (True,)}, implicates={"leaked"}, exclusive="cleans")
async def isolation_holds_while_another_tenant_cleans_up(probe: Probe) -> None:
    """Cleans up one tenant's channel and uses it again: all must get their own events only."""
    quiet, wide, narrow = await _bystander(probe)
    other = probe.make.tenant()
    theirs = await probe.subscribe(EventPattern.all(other))
    await _go_on(probe, (quiet, other), wide, narrow, theirs)
    await theirs.leave()
    client = await probe.client()
    await probe.at_once(
        client.cleanup(probe.history), probe.publish(*(probe.make.event(quiet) for _ in range(4)))
    )
    await _others_come(probe, quiet, other, wide, narrow)


async def _others_come(probe: Probe, quiet: UUID, other: UUID, *standing: Listener) -> None:
    """Lets a new tenant and a returning one subscribe: each must get its own events only."""
    await _go_on(probe, (quiet, other), *standing)
    third = probe.make.tenant()
    newcomer = await probe.subscribe(EventPattern.all(third))
    await _go_on(probe, (quiet, other, third), *standing, newcomer)
    again = await probe.subscribe(EventPattern.all(other))
    await _go_on(probe, (quiet, other, third), *standing, newcomer, again)


async def _make_trouble(probe: Probe, trouble: str, tenant: UUID, theirs: Listener) -> None:
    match trouble:
        case "subscribes":
            for pattern in (EventPattern.by_type(tenant, "task"), EventPattern.all(tenant)):
                await probe.subscribe(pattern)
        case "leaves":
            await theirs.wait_reading()
            await theirs.leave()
        case "fails-while-reading":
            await theirs.leave(RuntimeError("the consumer failed"))
        case "publishes-what-is-refused":
            for event_type in ("task", "task.>", "*.created", ""):
                await _offer(probe, probe.make.event(tenant, event_type))
        case "subscribes-to-what-is-refused":
            for prefix in (">", "*", "task.", ""):
                await try_to_subscribe(probe, EventPattern.by_type(tenant, prefix))


async def _offer(probe: Probe, event: FlovynEvent) -> None:
    """Publishes an event that may be refused, which other cases judge."""
    client = await probe.client()
    entry = probe.history.publish(client.name, event, epoch=client.epoch)
    await probe.returns(client.chain(probe.history, [(entry, event, event)]), "publish")


@pytest.mark.parametrize("beside", ["same", pytest.param("other", marks=OTHER)])
@case("TEN-06", needs=_DROPS, implicates={"lost", "lost-first", "ended"})
async def overrun_takes_nothing_from_another_tenant(probe: Probe, beside: Via) -> None:
    """Overruns one tenant's reader: another tenant must lose no event, unread or new."""
    quiet, loud = probe.make.tenant(), probe.make.tenant()
    capacity = probe.capabilities.event_capacity
    unread = await probe.subscribe(EventPattern.all(quiet), beside)
    await probe.subscribe(EventPattern.all(loud))
    # As much as may lie unread, so that whatever the neighbour takes is missed.
    before, after = min(capacity - 4, 60), 2
    await probe.burst(_lanes([probe.make.event(quiet) for _ in range(before)]))
    await _overrun(probe, loud)
    await probe.publish(*(probe.make.event(quiet) for _ in range(after)))
    await probe.fence(unread)


@case("TEN-06", implicates={"lost", "lost-first", "ended"})
async def full_reader_takes_nothing_from_another_tenant(probe: Probe) -> None:
    """Fills the buffers of two tenants: each must hold its claimed capacity."""
    tenants = [probe.make.tenant(), probe.make.tenant()]
    listeners = [await probe.subscribe(EventPattern.all(tenant)) for tenant in tenants]
    # Together more than one of them may hold, with room for the fence.
    count = max(1, probe.capabilities.event_capacity * 5 // 8)
    for tenant in tenants:
        await probe.burst(_lanes([probe.make.event(tenant) for _ in range(count)]))
    await probe.fence(*listeners)


def _lanes(events: list[FlovynEvent]) -> list[list[FlovynEvent]]:
    """Spreads events over concurrent publishers, which is faster on a slow bus."""
    return [lane for lane in (events[start::32] for start in range(32)) if lane]


_NOTICEABLE_S: Final = 0.25


@case("TEN-06", implicates={"lost", "lost-first", "ended"})
async def slow_reader_delays_no_other_tenant(probe: Probe) -> None:
    """Leaves one tenant's buffer full: another tenant's events must come as fast as before.

    The quickest of several is compared with the slowest of several before, so that a busy machine
    is not taken for a slow bus.
    """
    quiet, slow = probe.make.tenant(), probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(quiet))
    before = [await _round_trip(probe, quiet, listener) for _ in range(4)]
    await probe.subscribe(EventPattern.all(slow))
    await probe.burst(
        _lanes([probe.make.event(slow) for _ in range(probe.capabilities.event_capacity)])
    )
    after = [await _round_trip(probe, quiet, listener) for _ in range(4)]
    allowed = max(_NOTICEABLE_S, 10 * max(before))
    probe.expect(
        min(after) <= allowed,
        f"an event of one tenant within {allowed:.2f} s, with another's reader standing still",
        f"the quickest of {len(after)} took {min(after):.2f} s; before, {max(before):.2f} s",
    )
    await probe.fence(listener)


async def _round_trip(probe: Probe, tenant: UUID, listener: Listener) -> float:
    event = probe.make.event(tenant)
    began = perf_counter()
    await probe.publish(event)
    await listener.receive(event)
    return perf_counter() - began


@case("TEN-06", needs={"overflow": ("block",)}, implicates={"lost", "lost-first", "ended"})
async def waiting_publishers_hold_up_no_other_tenant(probe: Probe) -> None:
    """Lets one tenant's publishers wait: another tenant must publish, read, subscribe and leave."""
    quiet, slow = probe.make.tenant(), OverflowScenario(probe, "events")
    listener = await probe.subscribe(EventPattern.all(quiet))
    stalled = await slow.subscribe()
    # More than a reader may hold unread, so that in the end somebody waits.
    total = 2 * slow.capacity + 64 + 1
    publishing = probe.spawn(slow.publish(total))
    gone_out = -1
    # In the last round nothing went out: every publisher waits.
    while gone_out < (now := _published(probe, slow)):
        gone_out = now
        newcomer = await probe.subscribe(EventPattern.all(quiet))
        event = probe.make.event(quiet)
        await probe.publish(event)
        await listener.receive(event)
        await newcomer.receive(event)
        await newcomer.leave()
    await stalled.read(total)
    await probe.returns(publishing, "publish, once the reader reads,")
    await probe.fence(listener, stalled)


def _published(probe: Probe, stage: OverflowScenario) -> int:
    return sum(
        publish.outcome == "ok"
        for publish in probe.history.publishes
        if isinstance(publish.event, FlovynEvent) and publish.event.tenant_id == stage.scope
    )
