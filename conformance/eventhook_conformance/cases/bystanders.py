"""PUB, EVT, CLN, STR: acts beside subscriptions in every state, which must not be affected."""

from __future__ import annotations

import asyncio
from typing import Final

from eventhook_conformance.cases._bystanders import (
    Bystanders,
    Names,
    cancel_guest,
    close_with_guests,
    end_guests,
)
from eventhook_conformance.cases._counting import channels, cleanup, expect_back, swept
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import DISTURBANCE, yields
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern, InvalidPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, Probe
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case

_TOUCHED: Final[frozenset[ViolationKind]] = DISTURBANCE | {"leaked", "unmatched"}
"""Adds the breaches of a filter that was widened."""
_PAUSES: Final = (0, 1, 2)
_STANDING: Final = 8
_GUESTS: Final = 10


@case("PUB-12", implicates=_TOUCHED, subscriptions=_STANDING + _GUESTS)
async def guests_that_end_change_nothing_for_others(probe: Probe, side: Side = "events") -> None:
    """Ends guests of the same names on both sides in every way: the other subscriptions lose nothing."""
    names = Names(probe)
    async with Bystanders(probe, side, names) as bystanders:
        ways = ("left", "cancelled-read", "raised", "cancelled")
        for first in range(2 if probe.capabilities.in_process else 1):
            guests = [
                await probe.subscribe(selects, via)
                for selects in names.everything
                for via in bystanders.vias
            ]
            for guest in guests[::2]:
                await guest.wait_reading()
            await bystanders.expect_unharmed("others came")
            await end_guests(
                guests, ways[first * 2 :] if probe.capabilities.in_process else ("left",)
            )
            await bystanders.expect_unharmed("others left")
        await bystanders.finish("others left")


@case("PUB-23", implicates=_TOUCHED, subscriptions=_STANDING + 1)
async def cancelling_guests_changes_nothing_for_others(probe: Probe, side: Side = "events") -> None:
    """Cancels guests while they enter and after it, and others' reads: the others lose nothing."""
    names = Names(probe)
    async with Bystanders(probe, side, names) as bystanders:
        for pause in _PAUSES:
            for selects in names.everything:
                via = bystanders.vias[pause % len(bystanders.vias)]
                await cancel_guest(probe, selects, via, pause, entered=False)
                await cancel_guest(probe, selects, via, pause, entered=True)
            await bystanders.cancel_reads()
            await bystanders.expect_unharmed("others were cancelled")
        await bystanders.finish("others were cancelled")


@case("EVT-06", implicates=_TOUCHED | {"refused-seen"}, subscriptions=_STANDING)
async def refusals_change_nothing_for_others(probe: Probe, side: Side = "events") -> None:
    """Makes many refused calls of each client, with the others' names: the others lose nothing."""
    names = Names(probe)
    async with Bystanders(probe, side, names) as bystanders:
        both = {"events", "streams"}.issubset(probe.capabilities.profiles)
        for via in bystanders.vias:
            for event in _refused(probe, names, side):
                await probe.refuse(event, via=via)
            await bystanders.expect_unharmed("publishes were refused")
            for prefix in ("", "task.", "*", ">") if side == "events" or both else ():
                pattern = EventPattern.by_type(names.tenant, prefix)
                await probe.refuse_subscription(pattern, InvalidPattern, via=via)
            for key in ("", "*", f"{names.tenant}.a", " ") if side == "streams" or both else ():
                await probe.refuse_subscription(key, InvalidPattern, via=via)
            await bystanders.expect_unharmed("subscriptions were refused")
        await bystanders.finish("refusals")


def _refused(probe: Probe, names: Names, side: Side) -> list[Event]:
    make = probe.make
    if side == "streams":
        return [make.stream_event(key) for key in ("", "*", f"{names.tenant}.a", ">", " ")]
    return [
        make.event(names.tenant, kind, workflow=names.workflow)
        for kind in ("task", "task..created", "task.*", "", ".")
    ]


@case(
    "PUB-21",
    implicates=_TOUCHED,
    clients=2,
    subscriptions=_STANDING + _GUESTS,
    needs={"multi_client": (True,)},
)
async def closing_clients_changes_nothing_for_others(probe: Probe, side: Side = "events") -> None:
    """Closes clients that were opened before and after the others: the others lose nothing."""
    names, early = Names(probe), await probe.open_client()
    before = [await probe.subscribe(selects, early) for selects in names.everything]
    async with Bystanders(probe, side, names) as bystanders:
        late = await probe.open_client()
        after = [await probe.subscribe(selects, late) for selects in names.everything]
        for client, guests in ((early, before), (late, after)):
            await _read_and_wait(guests)
            await close_with_guests(probe, client, guests)
            await bystanders.expect_unharmed("a client was closed")
            await bystanders.expect_unharmed("its subscriptions were left")
        await bystanders.finish("clients were closed")


async def _read_and_wait(guests: list[Listener]) -> None:
    for guest in guests[::2]:
        guest.drain()
    await yields(1)


@case("CLN-02", implicates=_TOUCHED, exclusive="cleans", subscriptions=_STANDING + _GUESTS)
async def cleanup_takes_nothing_from_anybody(probe: Probe, side: Side = "events") -> None:
    """Cleans up by each client: readers that wait, hold events or are full must lose nothing."""
    names = Names(probe)
    async with Bystanders(probe, side, names) as bystanders:
        for via in bystanders.vias:
            client = await probe.client(via)
            for _ in range(2):
                guests = [await probe.subscribe(selects, via) for selects in names.everything]
                await end_guests(guests, ("left",))
                await cleanup(probe, client)
                await bystanders.expect_unharmed("a cleanup")
        await bystanders.finish("cleanups")


guests_that_end_change_nothing_for_others_on_streams = on_streams(
    guests_that_end_change_nothing_for_others, __name__
)
cancelling_guests_changes_nothing_for_others_on_streams = on_streams(
    cancelling_guests_changes_nothing_for_others, __name__
)
refusals_change_nothing_for_others_on_streams = on_streams(
    refusals_change_nothing_for_others, __name__
)
closing_clients_changes_nothing_for_others_on_streams = on_streams(
    closing_clients_changes_nothing_for_others, __name__
)
cleanup_takes_nothing_from_anybody_on_streams = on_streams(
    cleanup_takes_nothing_from_anybody, __name__, "CLN-02", "STR-06"
)


@case("CLN-01", exclusive="counts", profile="streams", subscriptions=4)
async def idle_channels_with_the_name_of_an_active_one_are_removed(probe: Probe) -> None:
    """Keeps a tenant active, the stream of its text idle, and the reverse: only idle ones are removed."""
    client, heard, idle = await probe.client(), Names(probe), Names(probe)
    standing = [
        *[await probe.subscribe(one) for one in heard.on("events")[:2]],
        await probe.subscribe(str(idle.tenant)),
    ]
    start = await swept(probe, client)
    for selects in (*heard.on("streams"), EventPattern.all(idle.tenant)):
        guest = await probe.subscribe(selects)
        await guest.leave()
    before = await channels(probe, client)
    removed = await cleanup(probe, client)
    after = await channels(probe, client)
    gone = before.events + before.streams - after.events - after.streams
    probe.expect(
        removed == gone,
        f"a cleanup to answer {gone}, by which the count went down",
        f"it answered {removed!r}",
        *probe.history.remarks[-3:],
    )
    await expect_back(probe, client, start, "idle ones shared names with active ones")
    await probe.fence(*standing)


_CROWD: Final[dict[Depth, int]] = {"quick": 24, "normal": 72, "deep": 300}
"""How many subscribe to one tenant or key: a fan-out may pause after each 16, 32 or 64."""


@case(
    "PUB-12",
    "PUB-16",
    implicates=_TOUCHED,
    subscriptions=_CROWD["normal"] + 8,
    deep_subscriptions=_CROWD["deep"] + 8,
)
async def leaving_in_the_midst_of_a_fan_out_skips_nobody(
    probe: Probe, side: Side = "events"
) -> None:
    """Lets one of eight leave and others enter at each step of a publish: all that stay get the event."""
    ground = Ground(probe, side)
    crowd = room(probe, _CROWD[probe.settings.depth])
    standing = await probe.at_once(*(ground.subscribe() for _ in range(crowd)))
    for pause in range(5):
        # The first ones as a rule: what a walk has passed shifts what is still ahead.
        going = [standing.pop(0) for _ in range(len(standing) // 8)]
        publishing = probe.spawn(probe.publish(event := ground.event()))
        await yields(pause)
        leaving = [probe.spawn(guest.leave()) for guest in going]
        coming = [probe.spawn(ground.subscribe()) for _ in going]
        await asyncio.gather(publishing, *leaving)
        for listener in standing:
            await listener.receive(event)
        standing += await asyncio.gather(*coming)
    await probe.fence(*standing)


leaving_in_the_midst_of_a_fan_out_skips_nobody_on_streams = on_streams(
    leaving_in_the_midst_of_a_fan_out_skips_nobody, __name__
)
