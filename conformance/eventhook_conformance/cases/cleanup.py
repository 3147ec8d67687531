"""CLN: checks which channels cleanup removes and keeps, and the number that it returns."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._counting import (
    channels,
    cleanup,
    expect_back,
    grown,
    idle,
    publish_to,
    sweep,
    swept,
    total,
    use,
)
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import DISTURBANCE, either
from eventhook_conformance.contract import EventPattern, InvalidPattern, Unsupported
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Client, Probe, Via
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case

_ROUND_TRIPS: Final = 50
_MANY_IDLE: Final[dict[Depth, int]] = {"quick": 20, "normal": 110, "deep": 1_100}
"""Spans more than one page of 50, 100 or 1,000 channels."""


async def _expect_truth(probe: Probe, client: Client) -> int:
    """Expects that a cleanup returns by how much the count went down; returns that."""
    before = await channels(probe, client)
    removed = await cleanup(probe, client)
    after = await channels(probe, client)
    probe.expect(
        removed == total(before) - total(after),
        f"cleanup to answer how many it removed: {total(before)} - {total(after)} = "
        f"{total(before) - total(after)}",
        f"it answered {removed!r}",
        *probe.history.remarks[-3:],
    )
    return removed


@either
@case("CLN-01", exclusive="counts", subscriptions=102)
async def idle_channels_are_removed_and_counted(probe: Probe, via: Via) -> None:
    """Cleans up by each client: all idle tenants and keys go, and the active ones stay."""
    client = await probe.client(via)
    before = await swept(probe, client)
    standing = await probe.at_once(*(probe.subscribe(one, client) for one in idle(probe, 1)))
    start = await swept(probe, client)
    for count in (1, 5):
        await use(probe, idle(probe, count), client)
        await _expect_truth(probe, client)
        await expect_back(probe, client, start, f"{count} subscriptions to each side were left")
    many = _MANY_IDLE[probe.settings.depth]
    await use(probe, idle(probe, many), client)
    await expect_back(probe, client, start, f"{many} subscriptions to each side were left")
    await probe.at_once(*(listener.leave() for listener in standing))
    await _expect_truth(probe, client)
    await expect_back(probe, client, before, "the last subscription was left")


@pytest.mark.parametrize("how", ["aclose", "leaving"])
@case("CLN-01", exclusive="counts", clients=1, needs={"multi_client": (True,)})
async def what_a_closed_client_held_is_gone(probe: Probe, how: str) -> None:
    """Closes a client: after a cleanup the other clients' counts must not contain its subscriptions."""
    client, goes, places = await probe.client(), await probe.open_client(), idle(probe, 3)
    start = await swept(probe, client)
    await probe.at_once(*(probe.subscribe(selects, goes) for selects in places))
    await probe.at_once(*(publish_to(probe, selects, goes) for selects in places))
    if how == "aclose":
        await probe.close(goes)
    else:
        now = probe.history.clock.now()
        for listener in probe.listeners:
            listener.entry.closing = now
        await goes.leave()
    await expect_back(probe, client, start, "another client was closed")


@case("CLN-01", exclusive="counts", clients=1, needs={"multi_client": (True,)}, since="1.1")
async def what_a_closed_client_held_counts_as_gone(probe: Probe) -> None:
    """Closes a client: the other clients' counts must fall before any cleanup."""
    client, goes, places = await probe.client(), await probe.open_client(), idle(probe, 3)
    standing = await probe.subscribe(idle(probe, 1)[0])
    start = await swept(probe, client)
    await probe.at_once(*(probe.subscribe(selects, goes) for selects in places))
    await probe.at_once(*(publish_to(probe, selects, goes) for selects in places))
    await probe.close(goes)
    now = await channels(probe, client)
    # The news of it may take a bus a moment.
    for _ in range(_ROUND_TRIPS if grown(now, start) else 0):
        await probe.fence(standing)
        now = await channels(probe, client)
        if not grown(now, start):
            break
    probe.expect(
        not grown(now, start),
        f"no more channels once a client was closed than before it was used: "
        f"events={start.events} streams={start.streams}",
        f"events={now.events} streams={now.streams}",
    )


@either
@case("CLN-02", implicates=DISTURBANCE, exclusive="cleans")
async def active_subscriptions_are_not_touched(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Publishes before, during and after a cleanup by each client: every event must arrive."""
    cleaner = await probe.client(via)
    ground = Ground(probe, side)
    listeners = [
        await ground.subscribe(),
        await ground.subscribe(via),
        await probe.subscribe(ground.part),
    ]
    # Entered and silent so far: its channel has carried nothing yet.
    silent = await Ground(probe, side).subscribe()
    await probe.reach(*listeners)
    await probe.reach(*listeners, via=via)
    for waiting in (False, True, False):
        await use(probe, idle(probe, 2), via)
        events = ground.events(6)
        if waiting:
            await listeners[0].wait_reading()
        await probe.publish(events[0])
        await probe.publish(events[1], via=via)
        sweeping = probe.spawn(sweep(probe, cleaner, 3))
        await probe.publish(events[2])
        await probe.publish(events[3], via=via)
        await sweeping
        if ground.capacity < len(events):
            await probe.at_once(*(listener.receive(*events[:4]) for listener in listeners))
        await probe.publish(events[4])
        await probe.publish(events[5], via=via)
        for listener in listeners:
            await listener.receive(*events)
    await probe.fence(*listeners, silent)


@either
@case("CLN-02", implicates=DISTURBANCE, exclusive="cleans")
async def cleanup_tells_active_from_idle_exactly(probe: Probe, via: Via) -> None:
    """Leaves every other subscription, then cleans up: those that stay must get everything."""
    cleaner = await probe.client(via)
    for left in (0, 1):
        listeners = await probe.at_once(*(probe.subscribe(one) for one in idle(probe, 4)))
        await probe.reach(*listeners, via=via)
        await probe.at_once(*(listener.leave() for listener in listeners[left::2]))
        staying = listeners[1 - left :: 2]
        for step in range(3):
            who = via if step else None
            await probe.at_once(*(publish_to(probe, one.entry.selects, who) for one in staying))
            await cleanup(probe, cleaner)
        await probe.fence(*staying)
        await probe.at_once(*(listener.leave() for listener in staying))


@either
@case("CLN-03", exclusive="counts")
async def publishing_to_nobody_leaves_nothing_behind(probe: Probe, via: Via) -> None:
    """Publishes to tenants and keys without subscriptions: a cleanup must remove their channels."""
    client = await probe.client(via)
    start = await swept(probe, client)
    had = idle(probe, 2)
    await use(probe, had, via)
    calls = (publish_to(probe, selects, via) for selects in (*idle(probe, 15), *had))
    await probe.at_once(*calls)
    await _expect_truth(probe, client)
    await expect_back(probe, client, start, "publishing to nobody")
    await probe.at_once(*(publish_to(probe, selects, via) for selects in had))
    await expect_back(probe, client, start, "publishing to nobody again")


@either
@case("CLN-04", exclusive="counts")
async def second_cleanup_removes_nothing(probe: Probe, via: Via) -> None:
    """Cleans up twice, with and without active subscriptions: the second time must return 0."""
    client = await probe.client(via)
    standing = await probe.at_once(*(probe.subscribe(selects) for selects in idle(probe, 1)))
    for count in (3, 0, 1):
        await use(probe, idle(probe, count), client)
        await cleanup(probe, client)
        first = await channels(probe, client)
        removed = await cleanup(probe, client)
        second = await channels(probe, client)
        probe.expect(
            removed == 0,
            "a second cleanup to answer 0",
            f"it answered {removed!r}",
            *probe.history.remarks[-4:],
        )
        probe.expect(
            first == second,
            f"the same channels after it as before, {total(first)}",
            f"{total(second)} are left",
            *probe.history.remarks[-4:],
        )
    await probe.fence(*standing)


@case("CLN-06", exclusive="counts")
async def refused_subscriptions_leave_no_trace(probe: Probe) -> None:
    """Subscribes with refused patterns and keys: these must not count as channels."""
    client, tenant = await probe.client(), probe.make.tenant()
    start = await swept(probe, client)
    for prefix in ("", ".", "task.", "*"):
        await probe.refuse_subscription(EventPattern.by_type(tenant, prefix), InvalidPattern)
    if "streams" in probe.capabilities.profiles:
        for key in ("", "*", "a.b", " "):
            await probe.refuse_subscription(key, InvalidPattern)
    await expect_back(probe, client, start, "refused subscriptions")


@pytest.mark.parametrize("call", ["cleanup", "channels"])
@case("CLN-09", exclusive="cleans")
async def unclaimed_introspection_is_unsupported(probe: Probe, call: str) -> None:
    """Calls counts and cleanup without the claim: both must raise, not answer a wrong number."""
    client = await probe.client()
    await probe.publish(probe.make.event(probe.make.tenant()))
    if call == "cleanup":
        await probe.raises(client.cleanup(probe.history), Unsupported, "cleanup_inactive_channels")
    else:
        await probe.raises(client.channels(probe.history), Unsupported, "active_channels")


_SOME: Final = 4


@case("CLN-01", exclusive="counts", profile="streams", subscriptions=2 * _SOME)
async def counts_tell_the_sides_apart(probe: Probe) -> None:
    """Uses tenants and keys: if both sides are counted, each must count on its own side."""
    client = await probe.client()
    looks = [await swept(probe, client)]
    for side in ("events", "streams"):
        for _ in range(_SOME):
            await Ground(probe, side).subscribe()
        looks.append(await channels(probe, client))
    start, tenants, both = looks
    swapped = (
        tenants.streams - start.streams >= _SOME
        and tenants.events <= start.events
        and both.events - tenants.events >= _SOME
        and both.streams <= tenants.streams
    )
    probe.expect(
        not swapped,
        f"{_SOME} tenants to count as channels of events, and {_SOME} keys as those of streams",
        f"it was {start} before, {tenants} with the tenants, {both} with the keys",
        *probe.history.remarks[-3:],
    )


@case("CLN-04", exclusive="counts")
async def cleanups_at_once_count_nothing_twice(probe: Probe) -> None:
    """Cleans up twice at once: both together must return no more than the channels that went."""
    client = await probe.client()
    await swept(probe, client)
    await use(probe, idle(probe, _SOME))
    before = total(await channels(probe, client))
    removed = await probe.at_once(cleanup(probe, client), cleanup(probe, client))
    gone = before - total(await channels(probe, client))
    probe.expect(
        sum(removed) <= gone,
        f"two cleanups at once to answer {gone} together, as many as went away",
        f"they answered {removed[0]!r} and {removed[1]!r}",
        *probe.history.remarks[-4:],
    )
