"""Holds the bodies of the overflow cases, the same on both sides of the bus."""

from __future__ import annotations

import asyncio
from typing import Final

from eventhook_conformance.cases._overrun import (
    PUBLISHERS,
    OverflowScenario,
    breach_of_policy,
    charged_to,
    now_s,
)
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via

_LONE: Final = 64


async def an_overrun_keeps_a_run(probe: Probe, side: Side, who: str) -> None:
    """Expects an unbroken run of each publisher's events, at the end that the policy keeps.

    A bus may hold more than it claims. If nothing was lost, the case overruns it by more than it may hold.
    """
    via: Via = "other" if who == "many-elsewhere" else None
    publishers = 1 if who == "one" else PUBLISHERS
    stage = OverflowScenario(probe, side, via)
    for count in (stage.overrun, stage.bound + stage.overrun):
        for settle_s in (0.0, probe.settings.settle_s):
            stage = OverflowScenario(probe, side, via)
            listener = await stage.subscribe()
            chains = await stage.publish(count, publishers)
            await stage.all_arrived(settle_s)
            await stage.read_out(listener)
            breach = breach_of_policy(chains, listener, stage)
            if breach is None:
                break
        if breach is not None:
            probe.found(breach.expected, breach.seen, listener.entry)
            return
        if len(listener.received) < stage.count:
            return
    probe.found(
        f"a reader that stood still to hold at most {stage.bound} of {stage.count} events",
        "it read all",
        listener.entry,
        charge=("OVF-05" if side == "events" else "OVF-06",),
    )


async def publishers_wait(probe: Probe, side: Side) -> None:
    """Expects that the excess waits, and that everything published is delivered."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    await stage.publish(stage.capacity)
    excess = probe.spawn(stage.publish(stage.overrun - stage.capacity))
    await _turns(stage.capacity)
    await listener.read(stage.overrun)
    await probe.returns(excess, "publish, once the reader reads,")
    await probe.fence(listener)


async def everything_is_kept(probe: Probe, side: Side) -> None:
    """Expects that every event comes, however late it is read."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    await stage.publish(stage.overrun)
    await probe.fence(listener)


async def publishing_never_waits(stage: OverflowScenario) -> None:
    """Publishes ten times the capacity to a reader that stands still."""
    listener = await stage.subscribe()
    try:
        await _ten_times(stage)
    finally:
        # These events are not recorded, so nobody may read them later.
        await listener.leave_quietly()


async def publishing_goes_on_and_is_not_hoarded(
    probe: Probe, side: Side, waits: str, hoards: str
) -> None:
    """Expects that publishing goes on, and that the reader holds a bounded number of events.

    If it holds too many, reads again after some time.

    Args:
        probe, side: the case's.
        waits, hoards: the requirements that a breach of either is charged to.
    """
    for settle_s in (0.0, probe.settings.settle_s):
        stage = OverflowScenario(probe, side)
        bound = stage.bound
        listener = await stage.subscribe()
        try:
            with charged_to(waits):
                await _ten_times(stage)
            with charged_to(hoards):
                await stage.all_arrived(settle_s)
                held = await stage.read_out_unrecorded(listener)
        finally:
            await listener.leave_quietly()
        if held <= bound:
            return
    probe.found(
        f"a reader that stood still to hold at most {bound} of {stage.count} events",
        f"it read {held}",
        listener.entry,
        charge=(hoards,),
    )


async def _ten_times(stage: OverflowScenario) -> None:
    """Publishes ten times the capacity, bounded by what the first tenth took."""
    began = now_s()
    await stage.publish_unrecorded(stage.capacity, what="publishing to the capacity")
    limit_s = stage.limit_s(now_s() - began)
    # One after the other, so that even a short wait for the reader adds up.
    await _out(stage, _LONE, 1, limit_s)
    while stage.count < 10 * stage.capacity:
        step = min(stage.capacity, 10 * stage.capacity - stage.count)
        await _out(stage, step, PUBLISHERS, limit_s)


async def _out(stage: OverflowScenario, count: int, publishers: int, limit_s: float) -> None:
    what = f"publishing {count} events, while a reader stands still,"
    await stage.publish_unrecorded(count, publishers, what, limit_s)


async def publishers_wait_in_time(probe: Probe, side: Side) -> None:
    """Expects that the number of published, unread events never exceeds the bound."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    bound = stage.bound
    total = 10 * stage.capacity
    publishing = probe.spawn(stage.publish(total))
    await _turns(total)
    while len(listener.received) < total:
        published = sum(publish.outcome == "ok" for publish in probe.history.publishes)
        unread = published - len(listener.received)
        probe.expect(
            unread <= bound,
            f"publishers to wait for a reader that holds {bound} events",
            f"{published} were published while it had read {len(listener.received)}",
        )
        step = min(stage.capacity, total - len(listener.received))
        if unread > bound or not await listener.read(step):
            break
    await probe.returns(publishing, "publish, once the reader reads,")


async def goes_on(probe: Probe, side: Side, rounds: int) -> None:
    """Overruns a reader several times; between two overruns every event must come."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    for _ in range(rounds):
        await stage.publish(stage.overrun)
        await stage.all_arrived()
        await stage.read_out(listener)
        # Fewer events than the capacity again: now all must come, in order.
        for _ in range(3):
            later = await stage.publish(min(40, max(1, stage.capacity // 2)), 10)
            await stage.get(listener, [event for chain in later for event in chain])


async def goes_on_blocking(probe: Probe, side: Side) -> None:
    """Makes publishers wait for a reader several times; between two waits every event must come."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    for _ in range(2):
        publishing = probe.spawn(stage.publish(stage.overrun))
        await _turns(stage.capacity)
        await listener.read(stage.overrun)
        await probe.returns(publishing, "publish, once the reader reads,")
        later = await stage.publish(min(40, max(1, stage.capacity // 2)), 4)
        await stage.get(listener, [event for chain in later for event in chain])


async def fast_readers_go_on(probe: Probe, side: Side, via: Via) -> None:
    """Overruns one reader while two others keep up."""
    stage = OverflowScenario(probe, side)
    # One fast reader before and one after the stalled one, since the order of subscribing may matter.
    before = await stage.subscribe(via)
    await stage.subscribe()
    after = await stage.subscribe(via)
    wanted, filtered = await _with_filters(stage, via)
    chunk = max(1, stage.capacity // 2)
    began = now_s()
    await _chunk(stage, chunk, before, after)
    limit_s = stage.limit_s(now_s() - began)
    meter = probe.deadline.meter
    while stage.count <= stage.capacity:
        began, starved = now_s(), meter.read()
        await _chunk(stage, chunk, before, after)
        took_s = now_s() - began
        if took_s > limit_s:
            took_s -= meter.read() - starved
        probe.expect(
            took_s <= limit_s,
            f"{chunk} events to reach fast readers beside a stalled one within {limit_s:.1f} s",
            f"they took {took_s:.1f} s",
        )
    if wanted:
        await probe.publish(*wanted, via=via)
    for listener in filtered:
        await listener.receive(*wanted)


async def _with_filters(
    stage: OverflowScenario, via: Via
) -> tuple[list[FlovynEvent], list[Listener]]:
    """Subscribes by each filter; returns an event that all of them select.

    Makes none of them if all of a tenant share one buffer: it may be full.
    """
    if stage.side == "streams" or stage.probe.capabilities.overflow_scope == "tenant":
        return [], []
    probe, tenant = stage.probe, stage.scope
    workflow, task = probe.make.tenant(), probe.make.tenant()
    wanted = probe.make.event(
        tenant, "order.paid", workflow=workflow, task=task, source="elsewhere"
    )
    patterns = [
        EventPattern.by_type(tenant, "order"),
        EventPattern.for_workflow(tenant, workflow),
        EventPattern.for_task(tenant, task),
        EventPattern(tenant_id=tenant, source="elsewhere"),
    ]
    return [wanted], [await probe.subscribe(pattern, via) for pattern in patterns]


async def _chunk(stage: OverflowScenario, count: int, *fast: Listener) -> None:
    chains = await stage.publish(count, PUBLISHERS // 2)
    for listener in fast:
        await listener.receive(*(event for chain in chains for event in chain))


async def fast_readers_lose_nothing(probe: Probe, side: Side) -> None:
    """Makes publishers wait for one reader while another keeps up."""
    stage = OverflowScenario(probe, side)
    fast = await stage.subscribe()
    stalled = await stage.subscribe()
    await _chunk(stage, stage.capacity, fast)
    excess = probe.spawn(stage.publish(stage.overrun - stage.capacity))
    await _turns(stage.capacity)
    await asyncio.gather(
        *(listener.read(stage.overrun - len(listener.received)) for listener in (fast, stalled))
    )
    await probe.returns(excess, "publish, once the stalled reader reads,")
    await probe.fence(fast, stalled)


async def loss_is_counted(probe: Probe, side: Side, rounds: int, otherwise: str) -> None:
    """Expects that `dropped` is the number of events published and not read."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    # Fewer events than the capacity first: `dropped` must be 0.
    await stage.publish(1)
    await listener.read(1)
    counted = _is_counted(stage, listener, "while nothing was lost")
    for number in range(1, rounds + 1):
        with charged_to(otherwise):
            await stage.publish(stage.overrun)
            await stage.all_arrived()
            await stage.read_out(listener)
        times = f"after {number} overrun{'s' if number > 1 else ''}"
        counted = counted and _is_counted(stage, listener, times)


def _is_counted(stage: OverflowScenario, listener: Listener, when: str) -> bool:
    lost = stage.count - len(listener.received)
    if listener.dropped != lost:
        stage.probe.found(
            f"`dropped` to be {lost} {when}: {stage.count} were published, "
            f"{len(listener.received)} read",
            "it is None: the bus does not tell"
            if listener.dropped is None
            else f"it is {listener.dropped}",
            listener.entry,
            charge=("OVF-07",),
        )
    return listener.dropped == lost


async def _turns(count: int) -> None:
    """Waits until publishers have gone as far as they can: another publish could wait behind theirs."""
    for _ in range(count):
        await asyncio.sleep(0)
