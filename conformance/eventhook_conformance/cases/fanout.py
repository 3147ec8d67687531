"""PUB: many subscriptions, each a reader of its own."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import LOSS, either, publish_and_read
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_MOST: Final = 10_000
_AT_ONCE: Final = 500


@pytest.mark.parametrize("count", ["1", "2", "10", "100"])
@case("PUB-09", implicates=LOSS | {"repeated"}, subscriptions=100)
async def every_one_of_some_gets_every_event(probe: Probe, count: str) -> None:
    """With the same pattern; what others left open takes half of the claim at most."""
    await _fan_out(probe, min(room(probe, int(count)), _claimed(probe)))


@pytest.mark.parametrize("count", ["1000", "max"])
@case("PUB-09", implicates=LOSS | {"repeated"}, exclusive="crowds", subscriptions=_MOST)
async def every_one_of_many_gets_every_event(probe: Probe, count: str) -> None:
    """With the same pattern, up to the claim (10,000 at most); `max` spreads over two clients."""
    claimed = _claimed(probe)
    if count == "max":
        await _fan_out(probe, claimed, both=probe.capabilities.multi_client)
    else:
        await _fan_out(probe, min(int(count), claimed))


def _claimed(probe: Probe) -> int:
    return min(probe.capabilities.max_subscriptions, _MOST)


async def _fan_out(probe: Probe, number: int, *, both: bool = False) -> None:
    tenant = probe.make.tenant()
    listeners: list[Listener] = []
    for start in range(0, number, _AT_ONCE):
        listeners += await probe.at_once(
            *(
                probe.subscribe(EventPattern.all(tenant), "other" if both and place % 2 else "same")
                for place in range(start, min(start + _AT_ONCE, number))
            )
        )
    await probe.reach(*listeners)
    events = [probe.make.event(tenant, f"task.step-{step}") for step in range(1 + (number < 1000))]
    await publish_and_read(probe, {"same": [events]}, *listeners)
    # One fewer, so that what is served in rounds is not always served in full ones.
    if number > 1:
        await listeners.pop(number // 2).leave()
        await publish_and_read(probe, {"same": [[probe.make.event(tenant)]]}, *listeners)


@pytest.mark.parametrize("pattern", ["equal", "overlapping"])
@case("PUB-10", implicates=LOSS | {"repeated", "reordered"})
async def reading_one_takes_nothing_from_the_other(probe: Probe, pattern: str) -> None:
    """Two subscriptions of one client, read one after the other, in turns, and both waiting."""
    tenant = probe.make.tenant()
    pair = [
        await probe.subscribe(EventPattern.all(tenant)),
        await probe.subscribe(
            EventPattern.all(tenant) if pattern == "equal" else EventPattern.by_type(tenant, "task")
        ),
    ]
    for first, second in (pair, pair[::-1]):
        events = [probe.make.event(tenant) for _ in range(6)]
        await probe.publish(*events)
        await first.receive(*events)
        await second.receive(*events)
    events = [probe.make.event(tenant) for _ in range(6)]
    await probe.publish(*events)
    for event in events:
        for listener in pair:
            await listener.receive(event)
    for listener in pair:
        await listener.wait_reading()
    event = probe.make.event(tenant)
    await probe.publish(event)
    for listener in pair:
        await listener.receive(event)
    await probe.fence(*pair)


@either
@case("PUB-10", implicates=LOSS | {"repeated"})
async def leaving_one_takes_nothing_from_the_other(probe: Probe, via: Via) -> None:
    """What an equal subscription has not read yet stays, and so does what is still to come."""
    tenant = probe.make.tenant()
    pattern = EventPattern.all(tenant)
    for leaver in (0, 1):
        pair = [await probe.subscribe(pattern), await probe.subscribe(pattern)]
        stays = pair[1 - leaver]
        await probe.reach(stays, via=via)
        unread = [probe.make.event(tenant) for _ in range(3)]
        await probe.publish(*unread, via=via)
        await pair[leaver].leave()
        later = [probe.make.event(tenant) for _ in range(3)]
        await probe.publish(*later, via=via)
        await stays.receive(*unread, *later)
        await probe.fence(stays)
