"""Ends one of several tenants or keys with similar names: the others must not be affected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._counting import cleanup
from eventhook_conformance.cases._ground import Ground, Selects
from eventhook_conformance.cases._steps import DISTURBANCE, ConsumerFailed
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_NAMES: Final = 10
_ROOM: Final = 4
"""The capacity from which two events may be unread beside a fence."""
_LOW_HALF: Final = (1 << 64) - 1


def _near(probe: Probe, side: Side) -> list[Selects]:
    """Returns similar names: the first is a part of some, and some are a part of it."""
    if side == "events":
        number = probe.make.tenant().int
        bits = (1, 1 << 60, 1 << 127, 1 << 76, _LOW_HALF, _LOW_HALF << 64)
        ids = [number, *(number ^ one for one in bits), number >> 64 | (number & _LOW_HALF) << 64]
        return [EventPattern.all(UUID(int=one)) for one in dict.fromkeys(ids)]
    stem = f"k{probe.make.tenant().hex}"
    ends = ("1-a", "1", "", "1-a-b", "1-A", "1_a", "1-b", "11-a", "01-a")
    return [*(f"{stem}{end}" for end in ends), f"a{stem}1-a"]


async def _standing(
    probe: Probe, side: Side, via: Via = None
) -> tuple[list[Ground], list[Listener]]:
    """Subscribes to each name, the first through that client; each has something unread, if it may."""
    grounds = [Ground(probe, side, selects) for selects in _near(probe, side)]
    listeners = [await grounds[0].subscribe(via)]
    listeners += [await ground.subscribe() for ground in grounds[1:]]
    await _publish(probe, grounds)
    if grounds[0].capacity < _ROOM:
        await probe.fence(*listeners)
    return grounds, listeners


async def _publish(probe: Probe, grounds: Sequence[Ground]) -> None:
    await probe.burst([[ground.event()] for ground in grounds])


@pytest.mark.parametrize("how", ["leaving", "failing", "cancelling"])
@case("PUB-12", implicates=DISTURBANCE, subscriptions=_NAMES + 1)
async def leaving_one_of_near_names_ends_no_other(
    probe: Probe, how: str, side: Side = "events"
) -> None:
    """Leaves, fails or cancels the subscription to one name: those to similar names keep and get all."""
    grounds, listeners = await _standing(probe, side)
    if how != "cancelling":
        await listeners[0].leave(ConsumerFailed() if how == "failing" else None)
    elif probe.capabilities.in_process:
        entering = await probe.listener(grounds[0].all)
        entering.context_task.start()
        await entering.context_task.cancel()
    await _publish(probe, grounds)
    await probe.fence(*listeners[1:])


@case("CLN-02", "CLN-07", implicates=DISTURBANCE, exclusive="cleans", subscriptions=2 * _NAMES)
async def cleanup_of_one_of_near_names_takes_no_other(probe: Probe, side: Side = "events") -> None:
    """Cleans up with one name idle, then with all others idle: active subscriptions keep and get all."""
    client = await probe.client()
    grounds, listeners = await _standing(probe, side)
    await listeners[0].leave()
    await cleanup(probe, client)
    await _publish(probe, grounds)
    await probe.fence(*listeners[1:])
    grounds, listeners = await _standing(probe, side)
    for listener in listeners[1:]:
        await listener.leave()
    await cleanup(probe, client)
    await _publish(probe, grounds)
    await probe.fence(listeners[0])


@case(
    "PUB-21",
    implicates=DISTURBANCE,
    clients=1,
    subscriptions=_NAMES,
    needs={"multi_client": (True,)},
)
async def closing_the_client_of_one_of_near_names_ends_no_other(
    probe: Probe, side: Side = "events"
) -> None:
    """Closes the client of one name: another client's subscriptions to similar names keep and get all."""
    client = await probe.open_client()
    grounds, listeners = await _standing(probe, side, client)
    await probe.close(client)
    await _publish(probe, grounds)
    await probe.fence(*listeners[1:])


leaving_one_of_near_names_ends_no_other_on_streams = on_streams(
    leaving_one_of_near_names_ends_no_other, __name__
)
cleanup_of_one_of_near_names_takes_no_other_on_streams = on_streams(
    cleanup_of_one_of_near_names_takes_no_other, __name__, "CLN-02", "CLN-07"
)
closing_the_client_of_one_of_near_names_ends_no_other_on_streams = on_streams(
    closing_the_client_of_one_of_near_names_ends_no_other, __name__
)
