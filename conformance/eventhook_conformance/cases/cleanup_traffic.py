"""CLN: cleans up beside traffic, and uses channels after it."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from eventhook_conformance.cases._counting import (
    Selects,
    cleanup,
    expect_back,
    idle,
    publish_to,
    sweep,
    swept,
    use,
)
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import (
    DISTURBANCE,
    LOSS,
    either,
    end,
    publish_and_read,
    yields,
)
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Client, Probe, Via
from eventhook_conformance.specification import case

_AT_ONCE: Final = 500
_ROUNDS: Final = 1000
_EVERYTHING: Final[frozenset[ViolationKind]] = DISTURBANCE | {
    "phantom",
    "replayed",
    "leaked",
    "after-leaving",
}


@either
@case("CLN-05", implicates=LOSS | {"replayed"}, exclusive="cleans")
async def cleaned_up_tenants_and_keys_work_again(probe: Probe, via: Via) -> None:
    """Uses cleaned-up tenants and keys again, on both clients: publishing and subscribing must work."""
    await side_by_side(probe, (_works_again(probe, one, via) for one in idle(probe, 1)), each=2)


async def _works_again(probe: Probe, selects: Selects, via: Via) -> None:
    cleaner = await probe.client()
    for publish_first in (False, True, False):
        for who in ("same", via):
            await use(probe, [selects, selects], who)
        await cleanup(probe, cleaner)
        if publish_first:
            await publish_to(probe, selects, via)
            await cleanup(probe, cleaner)
            await publish_to(probe, selects)
        listeners = [await probe.subscribe(selects), await probe.subscribe(selects, via)]
        for who in ("same", via):
            await probe.reach(*listeners, via=who)
            await publish_to(probe, selects, who)
        await probe.fence(*listeners)
        await probe.at_once(*(listener.leave() for listener in listeners))


@case("CLN-06", exclusive="counts", subscriptions=_AT_ONCE + 1)
async def a_thousand_rounds_leave_no_trace(probe: Probe) -> None:
    """Lets consumers leave, be cancelled and fail a thousand times: no channel may be left over."""
    client = await probe.client()
    standing = await probe.subscribe(EventPattern.all(probe.make.tenant()))
    start = await swept(probe, client)
    places = idle(probe, 8)
    at_once = max(1, min(_AT_ONCE, probe.capabilities.max_subscriptions - 1))
    for first in range(0, _ROUNDS, at_once):
        await probe.at_once(
            *(
                _round(probe, places[number % len(places)], number)
                for number in range(first, min(first + at_once, _ROUNDS))
            )
        )
    await expect_back(probe, client, start, "1,000 rounds of coming and going", standing)


async def _round(probe: Probe, selects: Selects, number: int) -> None:
    guest = await probe.subscribe(selects)
    if number % 5 == 0:
        await guest.wait_reading()
    await end(guest, ("left", "cancelled", "raised")[number % 3])


@either
@case("CLN-07", implicates=DISTURBANCE, exclusive="cleans")
async def cleaning_one_tenant_disturbs_no_other(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Removes one tenant's idle channel: another tenant's unread and coming events must arrive."""
    cleaner = await probe.client(via)
    busy = Ground(probe, side)
    listeners = [await busy.subscribe(), await busy.subscribe(via)]
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    for pause in range(4):
        events = busy.events(max(3, min(5, busy.capacity)))
        await probe.publish(events[0])
        await use(probe, idle(probe, 1), via)
        publishing = probe.spawn(probe.publish(*events[1:-1], via=via))
        await yields(pause)
        await cleanup(probe, cleaner)
        await publishing
        await probe.publish(events[-1])
        for listener in listeners:
            await listener.receive(*events)
    await probe.fence(*listeners)


@either
@case("CLN-08", implicates=_EVERYTHING, exclusive="cleans", subscriptions=14)
async def cleanup_under_fire_breaks_nothing(probe: Probe, via: Via, side: Side = "events") -> None:
    """Cleans up in a loop beside twenty publishers and changing subscriptions: no event may be lost."""
    lanes = (_under_fire(Ground(probe, side), probe, via, rounds) for rounds in (2, 3))
    await side_by_side(probe, lanes, each=5)


async def _under_fire(ground: Ground, probe: Probe, via: Via, rounds: int) -> None:
    cleaners = [await probe.client(), await probe.client(via)]
    standing = [await ground.subscribe(), await probe.subscribe(ground.part, via)]
    await probe.reach(*standing)
    await probe.reach(*standing, via=via)
    places = idle(probe, 2)
    for _ in range(rounds):
        beside = [probe.spawn(sweep(probe, cleaner, 6)) for cleaner in cleaners]
        beside += [probe.spawn(_come_and_go(probe, selects, via)) for selects in places]
        # What these publish would add to what the standing ones have unread: they only come and go.
        beside += [probe.spawn(_come_and_go(probe, ground.all, via, silent=True))]
        chains = [ground.events(2) for _ in range(20)]
        await publish_and_read(probe, {"same": chains[::2], via: chains[1::2]}, *standing)
        await asyncio.gather(*beside)
    await probe.fence(*standing)


async def _come_and_go(probe: Probe, selects: Selects, via: Via, *, silent: bool = False) -> None:
    for who in (None, via, None):
        guest = await probe.subscribe(selects, who)
        if not silent:
            await guest.receive(await publish_to(probe, selects, who))
        await guest.leave()


@either
@pytest.mark.parametrize("first", ["cleanup", "entering"])
@case("CLN-08", implicates=_EVERYTHING, exclusive="cleans", subscriptions=24)
async def entering_against_cleanup_is_active(probe: Probe, first: str, via: Via) -> None:
    """Enters and cleans up at once, with every offset: what is published then must arrive."""
    cleaner = await probe.client(via)
    lanes = (
        _enter_against(probe, cleaner, first, selects, pause)
        for pause in range(6)
        for selects in idle(probe, 1)
    )
    await side_by_side(probe, lanes, each=2)


async def _enter_against(
    probe: Probe, cleaner: Client, first: str, selects: Selects, pause: int
) -> None:
    await use(probe, [selects, selects])
    if first == "cleanup":
        sweeping = probe.spawn(cleanup(probe, cleaner))
        await yields(pause)
        listener = await probe.subscribe(selects)
    else:
        entering = probe.spawn(probe.subscribe(selects))
        await yields(pause)
        sweeping = probe.spawn(cleanup(probe, cleaner))
        listener = await entering
    await publish_to(probe, selects)
    await sweeping
    await publish_to(probe, selects)
    await probe.fence(listener)
    await listener.leave()
