"""PUB, STR, CLN: runs clients in two processes, on one bus.

One client is the run's own. The other one lives in a second process, behind the driver protocol.
"""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._counting import cleanup
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import LOSS, publish_and_read
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case, needs

_WRONG: Final[frozenset[ViolationKind]] = LOSS | {
    "altered",
    "leaked",
    "phantom",
    "reordered",
    "repeated",
    "replayed",
    "unmatched",
}
_ROUNDS: Final = 12
_ROOMY: Final = 16
_AT_ONCE: Final = {"activation": ("bus",)}

_ways = pytest.mark.parametrize("reader", ["here", "there"])


async def _ends(probe: Probe, reader: str) -> tuple[Via, Via]:
    """Returns the client of the subscriptions, and that of the publishers."""
    there = await probe.open_elsewhere()
    return (None, there) if reader == "here" else (there, None)


@_ways
@case("PUB-27", implicates=_WRONG, clients=1)
async def everything_crosses(probe: Probe, reader: str, side: Side = "events") -> None:
    """Subscribes and publishes in both processes: each subscription must get its own events only."""
    near, far = await _ends(probe, reader)
    ground, other = Ground(probe, side), Ground(probe, side)
    listeners = [await ground.subscribe(near), await other.subscribe(near)]
    # Fences of two clients for several patterns take room, too.
    roomy = ground.capacity >= _ROOMY
    if roomy:
        listeners += [await probe.subscribe(one, near) for one in (ground.all, ground.part)]
        listeners.append(await ground.subscribe(far))
    for via in (near, far):
        await probe.reach(*listeners, via=via)
    chains = {far: [ground.events(8), other.events(4)], near: [ground.events(8)]}
    await publish_and_read(probe, chains, *listeners)
    if roomy:
        await probe.fence(*listeners)


everything_crosses_on_streams = on_streams(everything_crosses, __name__, "STR-09")


@_ways
@case("PUB-27", implicates=_WRONG, needs=_AT_ONCE, clients=1, subscriptions=2 * _ROUNDS)
async def a_process_hears_from_the_first_event_on(
    probe: Probe, reader: str, side: Side = "events"
) -> None:
    """Enters in one process, and publishes at once in the other: the first event must come."""
    near, far = await _ends(probe, reader)
    for number in range(max(1, room(probe, 2 * _ROUNDS) // 2)):
        ground = Ground(probe, side)
        if number % 3 == 1:
            # The publisher's process has learned that nobody listens.
            await probe.publish(ground.event(), via=far)
        if number % 3 == 2 and isinstance(ground.all, EventPattern):
            await probe.subscribe(EventPattern.by_type(ground.all.tenant_id, "order"), far)
        listener = await ground.subscribe(near)
        event = ground.event()
        await probe.publish(event, via=far)
        await listener.receive(event)


a_process_hears_from_the_first_event_on_on_streams = on_streams(
    a_process_hears_from_the_first_event_on, __name__, "STR-09"
)


@_ways
@case("PUB-27", implicates=_WRONG, clients=1)
async def nothing_learned_of_another_process_stays(
    probe: Probe, reader: str, side: Side = "events"
) -> None:
    """Enters and leaves in one process while the other publishes: active subscriptions get all events."""
    near, far = await _ends(probe, reader)
    ground = Ground(probe, side)

    async def heard(*listeners: Listener) -> None:
        await probe.reach(*listeners, via=far)
        event = ground.event()
        await probe.publish(event, via=far)
        for listener in listeners:
            await listener.receive(event)

    await probe.publish(ground.event(), via=far)
    for _ in range(3):
        first = await ground.subscribe(near)
        await heard(first)
        second = await probe.subscribe(ground.part, near)
        await heard(first, second)
        own = await ground.subscribe(far)
        await first.leave()
        await heard(second, own)
        await own.leave()
        await heard(second)
        await second.leave()
        await probe.publish(ground.event(), via=far)
    last = await ground.subscribe(near)
    await heard(last)
    await probe.fence(last)


nothing_learned_of_another_process_stays_on_streams = on_streams(
    nothing_learned_of_another_process_stays, __name__, "STR-09"
)


@case("PUB-27", implicates=_WRONG, clients=2)
async def a_client_that_closes_takes_nothing_along(probe: Probe, side: Side = "events") -> None:
    """Closes the client of one process: its last events must arrive, and other clients must go on."""
    there = await probe.open_elsewhere()
    ground = Ground(probe, side)
    listeners = [await ground.subscribe(), await ground.subscribe(there)]
    leaving = await probe.open_client()
    own = await ground.subscribe(leaving)
    await probe.reach(*listeners, own, via=leaving)
    events = ground.events(max(1, min(6, ground.capacity // 2)))
    await probe.publish(*events, via=leaving)
    await probe.close(leaving)
    for listener in listeners:
        await listener.receive(*events)
    await probe.fence(*listeners)


a_client_that_closes_takes_nothing_along_on_streams = on_streams(
    a_client_that_closes_takes_nothing_along, __name__, "STR-09"
)


@_ways
@pytest.mark.parametrize(
    "side", ["events", pytest.param("streams", marks=needs(profiles="streams"))]
)
@case("CLN-10", implicates=LOSS | {"repeated"}, exclusive="cleans", clients=1)
async def cleanup_spares_another_process(probe: Probe, reader: str, side: Side) -> None:
    """Cleans up in one process, then in the other: subscriptions of both must lose nothing."""
    near, far = await _ends(probe, reader)
    silent, used, holding = (Ground(probe, side) for _ in range(3))
    listeners = [await one.subscribe(near) for one in (silent, used, holding)]
    await probe.reach(*listeners, via=far)
    held = holding.events(max(1, min(4, holding.capacity // 2)))
    await probe.publish(*held, via=far)
    for cleaner, publisher in ((far, far), (near, far), (far, near)):
        await cleanup(probe, await probe.client(cleaner))
        event = used.event()
        await probe.publish(event, via=publisher)
        await listeners[1].receive(event)
    await listeners[2].receive(*held)
    await probe.fence(*listeners)
