"""REC-01 to REC-06, REC-08: makes faults, and checks what they may cost.

A proxy of the suite's own stands between each client and the server. These cases run last.
"""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from eventhook_conformance.cases._load import GRACE_S, Load, hung
from eventhook_conformance.cases._recovery import ANY_BREACH, Scene, fallen_quiet, scene_of
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.contract import EventPattern, PublishError, SubscribeError
from eventhook_conformance.history import Publish
from eventhook_conformance.probe import Listener, Probe
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case

_QUIET_S: Final = 0.05
_TRIES: Final = 5
_LAPS: Final = 5


@case("REC-05", implicates=ANY_BREACH, last=True)
@pytest.mark.parametrize(
    "fault", ["killed", "paused", "reset", "half-open", "delayed", "narrow", "outage"]
)
async def every_kind_of_fault_is_survived(probe: Probe, fault: str) -> None:
    """Makes each fault under load: events from before and after it must come once, in order."""
    async with scene_of(probe) as scene:
        await _go_through(scene, fault)


async def _go_through(scene: Scene, *faults: str) -> None:
    load = await scene.traffic()
    await _undisturbed(scene, load)
    for fault in faults:
        load.start()
        await load.lap(1)
        async with scene.broken(fault) as window:
            pass
        await scene.recover(window, load=load)
        await _undisturbed(scene, load)


async def _undisturbed(scene: Scene, load: Load) -> None:
    """Expects that all events published without a fault arrive."""
    load.start()
    await load.lap(_LAPS)
    await load.stop()
    await scene.probe.fence(*scene.listeners)


@case("REC-02", implicates=LOSS, last=True)
@pytest.mark.parametrize("fault", ["short-outage", "killed"])
async def standing_subscriptions_deliver_again(probe: Probe, fault: str) -> None:
    """Makes two faults: after each, every subscription must get events of every client."""
    async with scene_of(probe) as scene:
        await _go_through(scene, fault, fault)


@case("REC-04", implicates={"repeated", "reordered"}, last=True)
async def no_reconnect_repeats_or_reorders(probe: Probe) -> None:
    """Resets connections four times under load: no event may come twice or out of order."""
    async with scene_of(probe) as scene:
        await _go_through(scene, *["reset"] * 4)


@case("REC-08", implicates={"leaked", "unmatched", "crossed"}, last=True)
@pytest.mark.parametrize("fault", ["reset", "killed"])
async def tenants_stay_apart_through_a_fault(probe: Probe, fault: str) -> None:
    """Makes a fault with two tenants on the same clients: each must get its own events only."""
    async with scene_of(probe) as scene:
        await _go_through(scene, fault, fault)


@case("REC-03", implicates=LOSS, last=True)
async def a_fault_that_is_over_costs_nothing_more(probe: Probe) -> None:
    """Resets connections: from its first fence after it, each subscription must get every event."""
    async with scene_of(probe) as scene:
        await _go_through(scene, "reset")


@case("REC-03", implicates=LOSS, last=True)
async def what_had_arrived_survives_a_reset(probe: Probe) -> None:
    """Resets a connection with unread events: the reader must get each of them."""
    async with scene_of(probe) as scene:
        client, publisher = await scene.pair()
        tenant, key = probe.make.tenant(), probe.make.key()
        listeners = [
            await probe.subscribe(selects, client)
            for selects in ((EventPattern.all(tenant),) * scene.events + (key,) * scene.streams)
        ]
        await probe.reach(*listeners, via=publisher)
        claimed = probe.capabilities
        unread = max(1, min(claimed.event_capacity, claimed.stream_capacity, 40) // 4)
        events = [
            event
            for _ in range(unread)
            for event in (
                *([probe.make.event(tenant)] if scene.events else ()),
                *([probe.make.stream_event(key)] if scene.streams else ()),
            )
        ]
        await probe.publish(*events, via=publisher)
        await fallen_quiet(scene)
        async with scene.broken("reset") as window:
            pass
        await scene.recover(window, listeners=listeners)
        await probe.fence(*listeners)
        for listener in listeners:
            owed = [event for event in events if listener.entry.matches(event)]
            missing = [event for event in owed if event not in listener.received]
            probe.expect(
                not missing,
                f"the {len(owed)} events that the client had received before the reset",
                f"{len(missing)} of them never came",
                listener.entry,
                window,
            )


@case("REC-01", last=True)
@pytest.mark.parametrize("fault", ["short-outage", "half-open"])
async def a_publish_in_an_outage_fails_or_arrives(probe: Probe, fault: str) -> None:
    """Publishes while cut off: each publish must raise in time, or its event must come."""
    async with scene_of(probe) as scene:
        publisher = await scene.client()
        reader = await scene.direct_client() if probe.capabilities.multi_client else publisher
        tenant, key = probe.make.tenant(), probe.make.key()
        listener = await scene.subscribe(EventPattern.all(tenant) if scene.events else key, reader)
        await probe.reach(listener, via=publisher)
        async with scene.broken(fault) as window:
            tries = [
                probe.spawn(probe.attempt(event, publisher))
                for event in (
                    probe.make.event(tenant) if scene.events else probe.make.stream_event(key)
                    for _ in range(_TRIES)
                )
            ]
            # The fault lasts until the last of them returned.
            await _return_in_time(probe, tries)
        await scene.recover(window)
        await probe.fence(listener)
        await _judge(probe, [one.result() for one in tries], listener, reader is not publisher)


async def _return_in_time(probe: Probe, tries: list[asyncio.Task[Publish]]) -> None:
    limit_s = probe.capabilities.publish_timeout_s + GRACE_S
    for one in tries:
        if not await probe.deadline.wait(one, timeout_s=limit_s):
            stuck = [p for p in probe.history.publishes if p.outcome == "pending"]
            raise hung(probe, stuck, limit_s)


async def _judge(probe: Probe, tries: list[Publish], listener: Listener, unbroken: bool) -> None:
    for entry in tries:
        probe.expect(
            entry.error is None or PublishError.__name__ in entry.raised,
            "publish to raise PublishError while the server cannot be reached",
            f"it raised {entry.error}",
            entry,
        )
    # Across a reconnect no order is owed: what was kept may come after the fence.
    told = [entry for entry in tries if entry.outcome == "ok" and unbroken]
    loop = asyncio.get_running_loop()
    until = loop.time() + probe.capabilities.recovery_s
    while lost := [entry for entry in told if not listener.heard([entry.event])]:
        if loop.time() > until:
            probe.found(
                "an event whose publish succeeded in an outage to be delivered after it",
                f"{len(lost)} of {len(told)} never came",
                listener.entry,
                *lost[:3],
            )
            return
        await listener.drain_for(_QUIET_S)


@case("REC-06", last=True)
@pytest.mark.parametrize("fault", ["short-outage", "paused", "half-open"])
async def a_subscription_entered_in_a_fault_is_active_or_refused(probe: Probe, fault: str) -> None:
    """Enters during a fault: it must raise SubscribeError, or get what is published after the fault."""
    limit_s = probe.capabilities.publish_timeout_s + probe.capabilities.recovery_s
    async with scene_of(probe) as scene:
        _, client = await scene.pair()
        selects: list[EventPattern | str] = [
            *([EventPattern.all(probe.make.tenant())] if scene.events else []),
            *([probe.make.key()] if scene.streams else []),
        ]
        for standing in selects:
            await scene.subscribe(standing, client)
        new = [await probe.listener(one, client) for one in selects]
        async with scene.broken(fault) as window:
            entering = [probe.spawn(_enter(probe, one, limit_s)) for one in new]
            # A moment, in which an entering that waits for nothing returns.
            await asyncio.wait(entering, timeout=_QUIET_S)
        await scene.recover(window)
        entered = [one for one, task in zip(new, entering, strict=True) if await task]
        for one in new:
            if one not in entered:
                entered.append(await probe.subscribe(one.entry.selects, client))
        await scene.hear(entered, window, ("REC-06",))
        await probe.fence(*scene.listeners, *entered)


async def _enter(probe: Probe, listener: Listener, limit_s: float) -> bool:
    """Returns whether it was entered; records any error but SubscribeError."""
    try:
        await listener.enter(limit_s)
    except SubscribeError:
        return False
    except Exception as error:  # because: whatever the target raises is a finding
        probe.found(
            "entering in a fault to raise SubscribeError, or to succeed",
            f"it raised {describe(error)}",
            listener.entry,
        )
        return False
    listener.drain()
    return True
