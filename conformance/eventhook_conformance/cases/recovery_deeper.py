"""REC: uses subscriptions while the connection is lost, and right after it is back."""

from __future__ import annotations

import asyncio
from typing import Final

from eventhook_conformance.cases._load import GRACE_S
from eventhook_conformance.cases._nats_client import subjects_asked
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._recovery import Scene, fallen_quiet, scene_of
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Client, Listener, Probe
from eventhook_conformance.specification import case

_EQUALS: Final = 3
_LEFT: Final = 12
_SLACK: Final = 5
"""The growth allowed by chance; one subscription for each that was left is more than twice that."""
_WAITS: Final = 4
_STALLED: Final = 3
"""Readers that stand still, on each side."""
_UNREAD: Final = 10
_SILENCE_S: Final = {"quick": 0.1, "normal": 0.5, "deep": 10.0}
_STARVED_SHARE: Final = 0.1


def _event(probe: Probe, selects: EventPattern | str) -> Event:
    if isinstance(selects, str):
        return probe.make.stream_event(selects)
    return probe.make.event(selects.tenant_id)


async def _equals(scene: Scene, client: Client) -> list[Listener]:
    """Subscribes several times alike, on each side."""
    return [
        await scene.subscribe(selects, client)
        for selects in scene.grounds()
        for _ in range(_EQUALS)
    ]


@case("REC-04", "REC-02", implicates=LOSS | {"repeated"}, last=True, since="1.1")
async def equal_subscriptions_come_back_once_each(probe: Probe) -> None:
    """Leaves one of several equal subscriptions during an outage: each other must come back once."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        listeners = await _equals(scene, client)
        await probe.reach(*listeners, via=publisher)
        left = listeners[::_EQUALS]
        stay = [one for one in listeners if one not in left]
        for _ in range(2):
            async with scene.broken("short-outage") as window:
                for listener in left:
                    # How leaving ends in an outage is not looked at here.
                    await listener.leave_quietly()
            scene.listeners = stay
            await scene.recover(window)
            await probe.publish(*(_event(probe, one.entry.selects) for one in stay), via=publisher)
            await probe.fence(*stay)


@case("REC-07", subscriptions=_LEFT + 4, last=True, since="1.1")
async def what_is_left_while_down_does_not_come_back(probe: Probe) -> None:
    """Leaves subscriptions during an outage: the server must count none of them afterwards."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        stay = [await scene.subscribe(selects, client) for selects in scene.grounds()]
        await probe.reach(*stay, via=publisher)
        monitor_url = scene.server.monitor_url
        before = await _asked(monitor_url)
        going = [
            await scene.subscribe(selects, client)
            for _ in range(room(probe, _LEFT) // len(stay))
            for selects in scene.grounds()
        ]
        async with scene.broken("short-outage") as window:
            for listener in going:
                await listener.leave_quietly()
        scene.listeners = stay
        await scene.recover(window)
        most = before + _SLACK
        until = asyncio.get_running_loop().time() + probe.deadline.current_s
        # because: nobody tells when the last of something is gone
        while (now := await _asked(monitor_url)) > most:
            if asyncio.get_running_loop().time() > until:
                probe.found(
                    f"{before} subscriptions on the server, as before {len(going)} were entered, and "
                    "left while the connection was down",
                    f"there are {now}",
                )
                break
            await asyncio.sleep(0.02)
        await probe.fence(*stay)


async def _asked(monitor_url: str | None) -> int:
    """Returns how many subscriptions the server counts; 0 if it does not tell."""
    return (await subjects_asked(monitor_url)).total() if monitor_url else 0


@case("REC-02", last=True, since="1.1")
async def the_first_event_after_recovery_arrives(probe: Probe) -> None:
    """Resets connections, and waits `recovery_s` in silence: the first event after it must come."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        listeners = [
            await scene.subscribe(selects, one)
            for selects in scene.grounds()
            for one in {client, publisher}
        ]
        await probe.reach(*listeners, via=publisher)
        async with scene.broken("reset") as window:
            pass
        await scene.recover_unheard(window, _quiet)
        events = [
            _event(probe, one.entry.selects) for one in listeners[:: len({client, publisher})]
        ]
        await probe.publish(*events, via=publisher)
        await probe.fence(*listeners)
        for listener in listeners:
            missing = [
                one
                for one in events
                if listener.entry.matches(one) and one not in listener.received
            ]
            probe.expect(
                not missing,
                f"the first event after {probe.capabilities.recovery_s:g} s of silence on "
                f"{listener.entry.name}",
                "it never came; a later one did",
                listener.entry,
                window,
            )


@case("REC-02", implicates=LOSS, last=True, since="1.1")
async def a_silence_before_a_fault_costs_nothing(probe: Probe) -> None:
    """Waits in silence by the depth, then resets connections: each subscription must recover."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        listeners = [await scene.subscribe(selects, client) for selects in scene.grounds()]
        await probe.reach(*listeners, via=publisher)
        # Silence has no event that could be waited for.
        await asyncio.sleep(_SILENCE_S[probe.settings.depth])
        async with scene.broken("reset") as window:
            pass
        await scene.recover(window)
        await probe.fence(*listeners)


@case("REC-02", "REC-03", implicates=LOSS, last=True, since="1.1")
async def stalled_readers_hold_up_no_recovery(probe: Probe) -> None:
    """Resets connections beside readers that stand still: others recover, and no unread event is lost."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        stalled = [
            await probe.subscribe(selects, client)
            for _ in range(room(probe, _STALLED * 2) // 2 or 1)
            for selects in scene.grounds()
        ]
        reading = [await scene.subscribe(selects, client) for selects in scene.grounds()]
        await probe.reach(*stalled, *reading, via=publisher)
        claimed = probe.capabilities
        unread = max(1, min(claimed.event_capacity, claimed.stream_capacity, 4 * _UNREAD) // 4)
        owed = {one: [_event(probe, one.entry.selects) for _ in range(unread)] for one in stalled}
        await probe.publish(*(event for some in owed.values() for event in some), via=publisher)
        await fallen_quiet(scene)
        async with scene.broken("reset") as window:
            pass
        await scene.recover(window)
        await probe.fence(*reading)
        await scene.hear(stalled, window, ())
        await probe.fence(*stalled)
        for listener, events in owed.items():
            missing = [one for one in events if one not in listener.received]
            probe.expect(
                not missing,
                f"the {unread} events that {listener.entry.name} had not read before the reset",
                f"{len(missing)} of them never came",
                listener.entry,
                window,
            )


async def _quiet(probe: Probe) -> None:
    """Waits for the claimed time of recovery, without counting time without a processor."""
    left_s = probe.capabilities.recovery_s + GRACE_S
    for _ in range(_WAITS):
        before = probe.deadline.meter.read()
        await asyncio.sleep(left_s)
        starved_s = min(left_s, probe.deadline.meter.read() - before)
        if starved_s < _STARVED_SHARE * left_s:
            return
        left_s = starved_s
