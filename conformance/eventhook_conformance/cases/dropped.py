"""OVF-07: compares `dropped` with the lost events, whenever it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.cases._overrun import DROPPING, OverflowScenario, breach_of_policy
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe
from eventhook_conformance.specification import case


class _Count:
    """Follows a subscription's `dropped`, which must never fall.

    A bus may count when it is read, so that it knows of a loss only then.
    """

    def __init__(self, stage: OverflowScenario, listener: Listener) -> None:
        self._stage = stage
        self._listener = listener
        self._said = 0

    def look(self, when: str) -> bool:
        """Returns whether `dropped` has not fallen; records a breach if it has."""
        said = self._listener.dropped
        if said is None or said >= self._said:
            self._said = said or 0
            return True
        self._stage.probe.found(
            f"`dropped` never to fall, and to be {self._said} or more {when}",
            f"it is {said}",
            self._listener.entry,
        )
        return False

    async def outlives_a_read(self) -> bool:
        """Cancels a read, if possible; returns whether `dropped` has not fallen."""
        if self._stage.probe.capabilities.in_process:
            await self._listener.wait_reading()
            await self._listener.cancel_read()
        return self.look("after a cancelled read")

    def is_no_more_than_lost(self) -> bool:
        """Returns whether `dropped` counts only events that were not read; records a breach if not."""
        lost, said = self._stage.count - len(self._listener.received), self._listener.dropped
        if said is None or said <= lost:
            return True
        self._stage.probe.found(
            f"`dropped` to be {lost} at most: {self._stage.count} were published, "
            f"{len(self._listener.received)} read",
            f"it is {said}",
            self._listener.entry,
        )
        return False

    def is_exact(self, when: str) -> bool:
        """Returns whether `dropped` is the number of unread events; records a breach if not."""
        stage, listener = self._stage, self._listener
        lost, said = stage.count - len(listener.received), listener.dropped
        if said == lost:
            return True
        stage.probe.found(
            f"`dropped` to be {lost} {when}: {stage.count} were published, "
            f"{len(listener.received)} read",
            "it is None: the bus does not tell" if said is None else f"it is {said}",
            listener.entry,
        )
        return False


async def _stays_exact(probe: Probe, side: Side) -> None:
    stage = OverflowScenario(probe, side)
    listener, quick = await stage.subscribe(), await stage.subscribe()
    count, quick_count = _Count(stage, listener), _Count(stage, quick)
    # More than one byte counts, and a second time after all of it was read.
    for more in (stage.capacity + 300, stage.overrun):
        until = stage.count + more
        while stage.count < until:
            share = min(stage.capacity // 2 or 1, until - stage.count)
            await stage.publish(share)
            await quick.read(share)
        await stage.all_arrived()
        if not (count.look("after an overrun") and count.look("when it is looked at again")):
            return
        # Where the newest are dropped, what is held has to stay whole: it makes room only when read.
        if stage.overflow == "drop_oldest":
            await listener.read(1)
            if not count.look("after one more read"):
                return
        if probe.capabilities.introspection:
            client = await probe.client()
            await probe.returns(client.cleanup(probe.history), "cleanup_inactive_channels")
            if not count.look("after a cleanup"):
                return
        await stage.read_out(listener)
        await quick.read(stage.count - len(quick.received))
        if not (count.is_exact("when all is read") and await count.outlives_a_read()):
            return
    if quick_count.is_exact("on an equal subscription that kept up"):
        await listener.leave()
        quick_count.is_exact("on an equal subscription, when the one that lost them was left")


@case("OVF-07", needs={"overflow": DROPPING}, exclusive="cleans")
async def dropped_stays_exact(probe: Probe) -> None:
    """Overruns a reader hundreds of times with reads and a cleanup between: `dropped` must stay exact."""
    await _stays_exact(probe, "events")


@case("OVF-07", needs={"overflow": DROPPING}, exclusive="cleans", profile="streams")
async def dropped_of_a_stream_stays_exact(probe: Probe) -> None:
    """Overruns a stream's reader hundreds of times with reads between: `dropped` must stay exact."""
    await _stays_exact(probe, "streams")


async def _counts_on(probe: Probe, side: Side) -> None:
    stage = OverflowScenario(probe, side)
    listener = await stage.subscribe()
    try:
        await stage.publish_unrecorded(max(3 * stage.capacity, _MANY) + 300)
        await stage.all_arrived()
        held = await stage.read_held_unrecorded(listener)
        lost, said = stage.count - held, listener.dropped
    finally:
        # What it holds is recorded nowhere, so nobody may read it later.
        await listener.leave_quietly()
    probe.expect(
        said == lost,
        f"`dropped` to be {lost}: {stage.count} were published, {held} read",
        "it is None: the bus does not tell" if said is None else f"it is {said}",
        listener.entry,
    )


@case("OVF-07", needs={"overflow": DROPPING})
async def dropped_counts_past_the_capacity(probe: Probe) -> None:
    """Loses more events than the capacity and a small counter hold: `dropped` must be exact."""
    await _counts_on(probe, "events")


@case("OVF-07", needs={"overflow": DROPPING}, profile="streams")
async def dropped_of_a_stream_counts_past_the_capacity(probe: Probe) -> None:
    """Loses more stream events than the capacity and a small counter hold: `dropped` must be exact."""
    await _counts_on(probe, "streams")


async def _outlives_closing(probe: Probe, side: Side) -> None:
    client, stage = await probe.open_client(), OverflowScenario(probe, side)
    listener = await stage.subscribe(client)
    count = _Count(stage, listener)
    await stage.publish(stage.capacity + 7)
    await stage.all_arrived()
    if not count.look("after an overrun"):
        return
    await probe.close(client)
    if count.look("when its client was closed"):
        await listener.read_end()
        if count.look("when all is read") and count.is_no_more_than_lost():
            await listener.leave()
            count.look("when it was left")


_MANY: Final = 3_000
_CLOSES: Final[Mapping[str, tuple[Any, ...]]] = {"overflow": DROPPING, "multi_client": (True,)}


@case("OVF-07", needs=_CLOSES, clients=1)
async def dropped_outlives_closing(probe: Probe) -> None:
    """Closes the client of a reader that overran, and reads the rest: `dropped` must stay exact."""
    await _outlives_closing(probe, "events")


@case("OVF-07", needs=_CLOSES, clients=1, profile="streams")
async def dropped_of_a_stream_outlives_closing(probe: Probe) -> None:
    """Closes the client of a stream's reader that overran: `dropped` must stay exact while it reads."""
    await _outlives_closing(probe, "streams")


async def _looking_moves_nothing(probe: Probe, side: Side) -> None:
    breach = None
    for settle_s in (0.0, probe.settings.settle_s):
        stage = OverflowScenario(probe, side)
        listener = await stage.subscribe()
        chains = await stage.publish(stage.overrun, 1)
        await stage.all_arrived(settle_s)
        for _ in range(min(3, stage.capacity - 1)):
            await listener.read(1)
            _ = listener.dropped
        await stage.read_out(listener)
        breach = breach_of_policy(chains, listener, stage)
        if breach is None:
            return
    if breach is not None:
        probe.found(
            f"{breach.expected}, though `dropped` was looked at between reads",
            breach.seen,
            listener.entry,
        )


@case("OVF-01", needs={"overflow": ("drop_oldest",)})
async def looking_at_dropped_moves_nothing(probe: Probe) -> None:
    """Reads `dropped` between reads after an overrun: that must not change which events come."""
    await _looking_moves_nothing(probe, "events")


@case("OVF-06", needs={"overflow": ("drop_oldest",)})
async def looking_at_dropped_of_a_stream_moves_nothing(probe: Probe) -> None:
    """Reads `dropped` between a stream's reads after an overrun: that must not change which events come."""
    await _looking_moves_nothing(probe, "streams")


@case("OVF-07", needs={"overflow": DROPPING, "overflow_scope": ("subscription",)})
async def what_a_filter_leaves_out_is_not_lost(probe: Probe) -> None:
    """Publishes more filtered-out events than the buffer holds: `dropped` must stay 0 or None."""
    tenant = probe.make.tenant()
    rare = await probe.subscribe(EventPattern.by_type(tenant, "order"))
    many = [probe.make.event(tenant) for _ in range(probe.capabilities.event_capacity + 7)]
    await probe.publish(wanted := probe.make.event(tenant, "order.paid"))
    await probe.burst(many[start::32] for start in range(32))
    await rare.receive(wanted)
    await probe.fence(rare)
    probe.expect(
        rare.dropped in (0, None),
        f"`dropped` to be 0: {len(many)} events were published that the subscription leaves out",
        f"it is {rare.dropped}",
        rare.entry,
    )
