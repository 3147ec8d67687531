"""PUB: bursts, and how soon events arrive."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from eventhook_conformance.cases._steps import LOSS, either
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_LARGEST_BURST: Final = 16_384
_PUBLISHERS: Final = 64
_ROUNDS: Final = 200
_LIMIT_S: Final = 0.05
_SLOW_ALLOWED: Final = _ROUNDS // 100


@either
@case("PUB-18", implicates=LOSS)
async def burst_up_to_the_capacity_is_kept(probe: Probe, via: Via) -> None:
    """As many events as the capacity claimed, before the reader reads at all (16,384 at most)."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.reach(listener, via=via)
    events = _burst(probe, tenant)
    await probe.burst([events[start::_PUBLISHERS] for start in range(_PUBLISHERS)], via=via)
    await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-18", implicates=LOSS)
async def second_burst_is_kept_as_well(probe: Probe) -> None:
    """A reader that read some of a burst has room for as many again, and no less."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    # Few, so that the second burst begins somewhere inside what a ring holds.
    few = [probe.make.event(tenant) for _ in range(3)]
    for event in few:
        await probe.publish(event)
        await listener.receive(event)
    events = _burst(probe, tenant)
    await probe.burst([events[start::_PUBLISHERS] for start in range(_PUBLISHERS)])
    await listener.receive(*events)
    await probe.fence(listener)


def _burst(probe: Probe, tenant: UUID) -> list[FlovynEvent]:
    size = min(probe.capabilities.event_capacity, _LARGEST_BURST)
    return [probe.make.event(tenant) for _ in range(size)]


@case("PUB-19", exclusive="times")
async def event_reaches_a_waiting_reader_within_50_ms(probe: Probe) -> None:
    """99 of 100, from the call of publish; the best of three series, since machines get busy."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    slowest: list[float] = []
    for _ in range(3):
        slow = await _slow_ones(probe, tenant, listener)
        if len(slow) <= _SLOW_ALLOWED:
            return
        slowest.append(max(slow))
    probe.found(
        f"99 of 100 events to arrive within {_LIMIT_S * 1000:.0f} ms",
        f"in each of three series {_SLOW_ALLOWED + 1} of at most {_ROUNDS} came later, "
        f"up to {min(slowest) * 1000:.0f} ms after publish was called",
        listener.entry,
    )


async def _slow_ones(probe: Probe, tenant: UUID, listener: Listener) -> list[float]:
    """Delays beyond the limit, one event at a time; stops when there are too many."""
    slow: list[float] = []
    for _ in range(_ROUNDS):
        await listener.wait_reading()
        event = probe.make.event(tenant)
        publish = await probe.publish(event)
        await listener.receive(event)
        delay = listener.entry.deliveries[-1].returned.at_s - publish.called.at_s
        if delay > _LIMIT_S:
            slow.append(delay)
        if len(slow) > _SLOW_ALLOWED:
            break
    return slow
