"""OVF, TEN: lets readers stand still beside others of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Any, Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._overrun import DROPPING, OverflowScenario
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, NotOffered, Probe, Via
from eventhook_conformance.specification import case

_STALLED: Final = 4
_NOTICEABLE_S: Final = 0.15
_ROUNDS: Final = 4


async def _stalled_cost_nothing(probe: Probe, side: Side, delays: str) -> None:
    """Lets several readers overflow; expects that all others lose nothing.

    Args:
        probe: the case's.
        side: whose readers stand still.
        delays: the requirement that a delay is charged to.
    """
    claimed = probe.capabilities
    sides: tuple[Side, ...] = ("events", "streams")
    vias: tuple[Via, ...] = ("same", "other") if claimed.multi_client else ("same",)
    grounds = [
        (Ground(probe, one), via) for one in sides if one in claimed.profiles for via in vias
    ]
    quick_grounds = _one_of_each_side(probe)
    others = 2 * len(grounds) + len(quick_grounds)
    if others + 1 > claimed.max_subscriptions:
        raise NotOffered(f"needs max_subscriptions={others + 1} or more")
    unread = [await ground.subscribe(via) for ground, via in grounds]
    await probe.reach(*unread)
    before = [ground.events(min(8, max(1, ground.capacity - 3))) for ground, _ in grounds]
    await probe.burst(before)
    quick = [(ground, await ground.subscribe()) for ground in quick_grounds]
    usual = [[await _round_trip(probe, *one) for _ in range(_ROUNDS)] for one in quick]
    count = max(1, min(_STALLED, claimed.max_subscriptions // 2 - others))
    async with _standing_still(probe, side, count):
        # What comes to those that hold something lies unread as well.
        more = [
            ground.events(min(2, max(0, ground.capacity - 1 - len(events))))
            for (ground, _), events in zip(grounds, before, strict=True)
        ]
        await probe.burst(events for events in more if events)
        for listener, *held in zip(unread, before, more, strict=True):
            await listener.receive(*(event for events in held for event in events))
        # Some were entered before those that stand still, some after them.
        late = [await ground.subscribe(via) for ground, via in grounds]
        await probe.reach(*late)
        after = [ground.events(min(3, ground.capacity)) for ground, _ in grounds]
        await probe.burst(after)
        for listeners in (unread, late):
            for listener, events in zip(listeners, after, strict=True):
                await listener.receive(*events)
        for (ground, listener), times in zip(quick, usual, strict=True):
            await _expect_as_soon(probe, ground, listener, max(times), side, delays)


def _one_of_each_side(probe: Probe) -> list[Ground]:
    sides: tuple[Side, ...] = ("events", "streams")
    return [Ground(probe, side) for side in sides if side in probe.capabilities.profiles]


async def _expect_as_soon(
    probe: Probe, ground: Ground, listener: Listener, usual_s: float, side: Side, delays: str
) -> None:
    """Expects that events arrive as fast as before; the fastest of several counts, on a busy machine."""
    allowed, took = max(_NOTICEABLE_S, 10 * usual_s), [float("inf")]
    while len(took) <= _ROUNDS and min(took) > allowed:
        took.append(await _round_trip(probe, ground, listener))
    if min(took) > allowed:
        probe.found(
            f"an event of the {ground.side} within {allowed:.2f} s, with readers of other {side} "
            "standing still",
            f"the quickest of {len(took) - 1} took {min(took):.2f} s; before, {usual_s:.2f} s",
            charge=(delays,),
        )


async def _round_trip(probe: Probe, ground: Ground, listener: Listener) -> float:
    event = ground.event()
    began = perf_counter()
    await probe.publish(event)
    await listener.receive(event)
    return perf_counter() - began


@case("OVF-04", "TEN-06", implicates=LOSS, needs={"overflow": DROPPING}, subscriptions=14)
async def several_that_stand_still_cost_nobody_anything(probe: Probe) -> None:
    """Overruns several readers: other tenants and streams may lose no event, and may not be delayed."""
    await _stalled_cost_nothing(probe, "events", "TEN-06")


@case("OVF-06", implicates=LOSS, needs={"overflow": DROPPING}, subscriptions=14)
async def several_streams_that_stand_still_cost_nobody_anything(probe: Probe) -> None:
    """Overruns several streams' readers: other streams and tenants may lose nothing, nor be delayed."""
    await _stalled_cost_nothing(probe, "streams", "OVF-06")


async def _backlog_stays_in_order(probe: Probe, side: Side) -> None:
    """Publishes more while a reader reads its backlog: one event after each read, then many at once."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    share = max(1, min(12, ground.capacity // 3))
    await probe.publish(*(backlog := ground.events(share)))
    more: list[Event] = []
    for event in backlog:
        await listener.receive(event)
        await probe.publish(new := ground.event())
        more.append(new)
    await listener.receive(*more)
    await probe.publish(*(backlog := ground.events(share)))
    with listener.reading_on():
        await probe.publish(*(more := ground.events(share)))
        await listener.receive(*backlog, *more)
    await probe.fence(listener)


@case("PUB-06", implicates={"reordered"})
async def what_is_new_overtakes_no_backlog(probe: Probe) -> None:
    """Publishes while a reader works off its backlog: all must come in order."""
    await _backlog_stays_in_order(probe, "events")


@case("STR-06", implicates={"reordered"})
async def what_is_new_overtakes_no_backlog_of_a_stream(probe: Probe) -> None:
    """Publishes while a stream's reader works off its backlog: all must come in order."""
    await _backlog_stays_in_order(probe, "streams")


@case("TEN-01", "EVT-01", implicates={"leaked", "altered", "lost", "lost-first"})
async def large_events_at_once_do_not_mix(probe: Probe) -> None:
    """Publishes large events of several tenants at once by one client: each must come unchanged."""
    tenants = [probe.make.tenant() for _ in range(3)]
    listeners = [await probe.subscribe(EventPattern.all(tenant)) for tenant in tenants]
    most = probe.capabilities.max_event_bytes - 1024
    for size in (20_000, 70_000):
        text = "x" * min(size, most)
        chains = [[probe.make.event(one, data=f"{n}{text}")] for n, one in enumerate(tenants * 2)]
        await probe.burst(chains)
        await probe.fence(*listeners)


async def _large_ones_fit(probe: Probe, side: Side) -> None:
    """Leaves some megabytes of large events unread: a capacity counts events, not bytes."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    size = min(probe.capabilities.max_event_bytes - 1024, 65_536)
    events: list[Event] = []
    for number in range(max(1, min(40, ground.capacity - 1))):
        text = f"{number}" + "x" * size
        if isinstance(ground.all, str):
            events.append(probe.make.stream_event(ground.all, text))
        else:
            events.append(probe.make.event(ground.all.tenant_id, data=text))
    await probe.burst(events[start::8] for start in range(8))
    await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-18", implicates=LOSS)
async def large_events_take_no_more_room_than_small_ones(probe: Probe) -> None:
    """Leaves 2.5 MB of events unread, fewer than the capacity: none may be lost."""
    await _large_ones_fit(probe, "events")


@case("STR-06", implicates=LOSS)
async def large_stream_events_take_no_more_room_than_small_ones(probe: Probe) -> None:
    """Leaves 2.5 MB of stream events unread, fewer than the capacity: none may be lost."""
    await _large_ones_fit(probe, "streams")


@asynccontextmanager
async def _standing_still(probe: Probe, side: Side, count: int) -> AsyncIterator[None]:
    """Overruns so many subscriptions to tenants or keys of their own within the block, and reads none.

    Raises:
        CaseAborted: entering or a publish raised or hung.
    """
    client = await probe.client()
    bus: Any = client.backend.events if side == "events" else client.backend.streams
    async with AsyncExitStack() as stack:
        for _ in range(count):
            stage = OverflowScenario(probe, side)
            selects = EventPattern.all(stage.scope) if side == "events" else str(stage.scope)
            await probe.returns(
                stack.enter_async_context(bus.subscribe(selects)), "entering a subscription"
            )
            await stage.publish_unrecorded(stage.overrun)
        yield
