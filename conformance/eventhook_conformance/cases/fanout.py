"""PUB: enters many subscriptions, each with its own copy of every event."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import LOSS, either, publish_and_read
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_MOST: Final = 10_000
_AT_ONCE: Final = 500


@pytest.mark.parametrize("count", ["1", "2", "10", "100"])
@case("PUB-09", implicates=LOSS | {"repeated"}, subscriptions=100)
async def every_one_of_some_gets_every_event(
    probe: Probe, count: str, side: Side = "events"
) -> None:
    """Enters equal subscriptions, up to half of the claim: each must get every event."""
    await _fan_out(Ground(probe, side), probe, min(room(probe, int(count)), _claimed(probe)))


@pytest.mark.parametrize("count", ["1000", "max"])
@case("PUB-09", implicates=LOSS | {"repeated"}, exclusive="crowds", subscriptions=_MOST)
async def every_one_of_many_gets_every_event(
    probe: Probe, count: str, side: Side = "events"
) -> None:
    """Enters equal subscriptions, up to the claim (10,000 at most): each must get every event."""
    claimed, ground = _claimed(probe), Ground(probe, side)
    if count == "max":
        await _fan_out(ground, probe, claimed, both=probe.capabilities.multi_client)
    else:
        await _fan_out(ground, probe, min(int(count), claimed))


def _claimed(probe: Probe) -> int:
    return min(probe.capabilities.max_subscriptions, _MOST)


async def _fan_out(ground: Ground, probe: Probe, number: int, *, both: bool = False) -> None:
    listeners: list[Listener] = []
    for start in range(0, number, _AT_ONCE):
        listeners += await probe.at_once(
            *(
                ground.subscribe("other" if both and place % 2 else "same")
                for place in range(start, min(start + _AT_ONCE, number))
            )
        )
    await probe.reach(*listeners)
    events = ground.events(1 + (number < 1000))
    await publish_and_read(probe, {"same": [events]}, *listeners)
    # One fewer, so that what is served in rounds is not always served in full ones.
    if number > 1:
        await listeners.pop(number // 2).leave()
        await publish_and_read(probe, {"same": [[ground.event()]]}, *listeners)


@pytest.mark.parametrize("pattern", ["equal", "overlapping"])
@case("PUB-10", implicates=LOSS | {"repeated", "reordered"})
async def reading_one_takes_nothing_from_the_other(
    probe: Probe, pattern: str, side: Side = "events"
) -> None:
    """Reads two subscriptions of one client in turn, one by one, and both waiting: each gets all."""
    ground = Ground(probe, side)
    second = ground.all if pattern == "equal" else ground.part
    pair = [await ground.subscribe(), await probe.subscribe(second)]
    count = min(6, ground.capacity)
    for one, other in (pair, pair[::-1]):
        events = ground.events(count)
        await probe.publish(*events)
        await one.receive(*events)
        await other.receive(*events)
    events = ground.events(count)
    await probe.publish(*events)
    for event in events:
        for listener in pair:
            await listener.receive(event)
    for listener in pair:
        await listener.wait_reading()
    event = ground.event()
    await probe.publish(event)
    for listener in pair:
        await listener.receive(event)
    await probe.fence(*pair)


@either
@case("PUB-10", implicates=LOSS | {"repeated"})
async def leaving_one_takes_nothing_from_the_other(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Leaves one of two equal subscriptions: the other must get its unread events, and all later ones."""
    ground = Ground(probe, side)
    for leaver in (0, 1):
        pair = [await ground.subscribe(), await ground.subscribe()]
        stays = pair[1 - leaver]
        await probe.reach(stays, via=via)
        unread = ground.events(max(1, min(3, ground.capacity // 2)))
        await probe.publish(*unread, via=via)
        await pair[leaver].leave()
        later = ground.events(max(1, min(3, ground.capacity // 2)))
        await probe.publish(*later, via=via)
        await stays.receive(*unread, *later)
        await probe.fence(stays)
