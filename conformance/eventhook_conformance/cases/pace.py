"""PUB: publishes bursts, and times deliveries."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import LOSS, either
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_LARGEST_BURST: Final = 16_384
_PUBLISHERS: Final = 64
_ROUNDS: Final = 200
_LIMIT_S: Final = 0.05
_SLOW_ALLOWED: Final = _ROUNDS // 100


@either
@case("PUB-18", implicates=LOSS)
async def burst_up_to_the_capacity_is_kept(probe: Probe, via: Via, side: Side = "events") -> None:
    """Publishes as many events as the claimed capacity, at most 16,384, before any read: all must come."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    events = ground.events(min(ground.capacity, _LARGEST_BURST))
    await probe.burst([events[start::_PUBLISHERS] for start in range(_PUBLISHERS)], via=via)
    await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-18", implicates=LOSS)
async def second_burst_is_kept_as_well(probe: Probe, side: Side = "events") -> None:
    """Reads a part of a burst, and publishes as many events again: all must come."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    # Few, so that the second burst begins somewhere inside what a ring holds.
    for event in ground.events(3):
        await probe.publish(event)
        await listener.receive(event)
    events = ground.events(min(ground.capacity, _LARGEST_BURST))
    await probe.burst([events[start::_PUBLISHERS] for start in range(_PUBLISHERS)])
    await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-19", exclusive="times")
async def event_reaches_a_waiting_reader_within_50_ms(probe: Probe, side: Side = "events") -> None:
    """Times deliveries to a waiting reader: 99 of 100 within 50 ms, in the best of three series."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    slowest: list[float] = []
    for _ in range(3):
        slow = await _slow_ones(ground, probe, listener)
        if len(slow) <= _SLOW_ALLOWED:
            return
        slowest.append(max(slow))
    probe.found(
        f"99 of 100 events to arrive within {_LIMIT_S * 1000:.0f} ms",
        f"in each of three series {_SLOW_ALLOWED + 1} of at most {_ROUNDS} came later, "
        f"up to {min(slowest) * 1000:.0f} ms after publish was called",
        listener.entry,
    )


async def _slow_ones(ground: Ground, probe: Probe, listener: Listener) -> list[float]:
    """Publishes one event at a time; returns the delays beyond the limit. Stops if there are too many."""
    slow: list[float] = []
    for _ in range(_ROUNDS):
        await listener.wait_reading()
        event = ground.event()
        publish = await probe.publish(event)
        await listener.receive(event)
        delay = listener.entry.deliveries[-1].returned.at_s - publish.called.at_s
        if delay > _LIMIT_S:
            slow.append(delay)
        if len(slow) > _SLOW_ALLOWED:
            break
    return slow
