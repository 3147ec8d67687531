"""OVF-01, OVF-06: room that a read made is room, and room without a bound has none."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._overrun import OverflowScenario
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_ROUNDS: Final = (1, 2, 5)
_TIMES: Final = 10
_MOST: Final = 20_000
"""Events of a reader that holds everything: more would take long, and show no more."""


@case("OVF-01", needs={"overflow": ("drop_newest",)}, since="1.1")
async def reading_makes_room_again(probe: Probe, side: Side = "events") -> None:
    """Overruns a reader by few events, reads a few more: as many must find room at once."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    await stage.publish(stage.capacity)
    for excess in _ROUNDS:
        # Whatever the bus holds beside what it claims, so many reads leave less than it claims.
        more = min(excess, stage.capacity)
        await stage.publish(more)
        await stage.all_arrived()
        await listener.read(min(2 * more, stage.capacity))
        await stage.all_arrived()
        [chain] = await stage.publish(more, 1)
        await stage.all_arrived()
        await stage.get(listener, chain, "what was published when there was room again")
        await stage.publish(stage.capacity)


@case("OVF-01", needs={"overflow": ("unbounded",)}, since="1.1")
async def more_than_the_capacity_is_kept(probe: Probe, side: Side = "events") -> None:
    """Publishes ten times the capacity, or 20,000 events, unread: all of it must come in the end."""
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    try:
        await stage.publish_unrecorded(min(_TIMES * stage.capacity, _MOST))
        await stage.all_arrived()
        held = await stage.read_out_unrecorded(listener)

        async def read_on() -> None:
            nonlocal held
            while held < stage.count:
                await anext(listener.subscription)
                held += 1

        # A bus that reorders may deliver the newest event first.
        await probe.deadline.wait(probe.spawn(read_on()), progress=lambda: held)
    finally:
        # What it holds is recorded nowhere, so nobody may read it later.
        await listener.leave_quietly()
    probe.expect(
        held == stage.count,
        f"all of {stage.count} events to come, since no bound is claimed",
        f"{held} came",
        listener.entry,
    )


reading_makes_room_again_on_streams = on_streams(reading_makes_room_again, __name__, "OVF-06")
more_than_the_capacity_is_kept_on_streams = on_streams(
    more_than_the_capacity_is_kept, __name__, "OVF-06"
)
