"""Overruns a reader within a program, while another keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import Event, identity
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.programs.scope import Scope

_LEAST: Final = 16
_MOST: Final = 2048
"""The capacities for which an overrun is neither hidden by fences nor too long."""
_SLACK: Final = 64


@dataclass(frozen=True)
class _Breach:
    listener: Listener
    expected: str
    seen: str
    charge: str


async def overrun(
    probe: Probe, make_scope: Callable[[], Scope], via: Via, *, more: bool, cancels: bool
) -> None:
    """Publishes more than the capacity, if the bus drops, and judges the events kept.

    A bus that hands over late is given time before it is accused.

    Args:
        probe: the program's.
        make_scope: makes a fresh tenant or key.
        via: publishes.
        more: three times the capacity, and not a third more than it.
        cancels: whether reads of the reader that keeps up are cancelled now and then.
    """
    claimed = probe.capabilities
    if not claimed.overflow.startswith("drop_") or claimed.overflow_scope != "subscription":
        return
    breach = None
    for settle_s in (0.0, probe.settings.settle_s):
        scope = make_scope()
        if not _LEAST <= scope.capacity <= probe.distance.fit(_MOST, trips=4):
            return
        slow, quick = await probe.subscribe(scope.all), await probe.subscribe(scope.all)
        await probe.reach(slow, quick, via=via)
        published = await _publish(probe, scope, via, quick, more=more, cancels=cancels)
        await asyncio.sleep(settle_s)
        await _read_out(probe, scope, via, slow, quick)
        breach = _judge(probe, scope, published, slow, quick)
        await slow.leave()
        await quick.leave()
        if breach is None:
            return
    if breach is not None:
        entry = breach.listener.entry
        probe.found(breach.expected, breach.seen, entry, charge=(breach.charge,))


async def _publish(
    probe: Probe, scope: Scope, via: Via, quick: Listener, *, more: bool, cancels: bool
) -> list[Event]:
    capacity = scope.capacity
    total = 3 * capacity + _SLACK + 6 if more else capacity + capacity // 3 + 3
    published: list[Event] = []
    while len(published) < total:
        share = scope.events(min(capacity // 2, total - len(published)))
        await probe.publish(*share, via=via)
        await quick.receive(*share)
        published += share
        if cancels and probe.capabilities.in_process:
            await quick.wait_reading()
            await quick.cancel_read()
    return published


async def _read_out(probe: Probe, scope: Scope, via: Via, slow: Listener, quick: Listener) -> None:
    if probe.capabilities.overflow == "drop_newest":
        # The last event finds room only after these are read.
        await slow.read(scope.capacity)
    await probe.publish(last := scope.event(), via=via)
    await quick.receive(last)
    await slow.receive(last)


def _judge(
    probe: Probe, scope: Scope, published: list[Event], slow: Listener, quick: Listener
) -> _Breach | None:
    oldest = probe.capabilities.overflow == "drop_oldest"
    events, capacity = scope.side == "events", scope.capacity
    ours = {identity(event) for event in published}
    # Leaves out the fences before the run, and the last event after it.
    read = [
        event
        for event in slow.received
        if isinstance(event, FlovynEvent | StreamEvent) and identity(event) in ours
    ]
    held, total = len(read) + 1, len(published) + 1
    overflow, bound = "OVF-01" if events else "OVF-06", 2 * capacity + _SLACK
    if held < capacity:
        expected = f"a reader that overran to hold {capacity} events at least"
        return _Breach(slow, expected, f"it read {held}", overflow)
    if oldest and held > bound + 1:
        expected = f"a reader that stood still to hold at most {bound} events"
        seen = f"it read {held} of {total}"
        return _Breach(slow, expected, seen, "OVF-05" if events else overflow)
    # An earlier read may have waited: it took the first one.
    run = read[1:] if read[:1] == published[:1] else read
    if oldest and run != published[len(published) - len(run) :]:
        expected = "an unbroken run of the publisher's events up to its newest"
        return _Breach(slow, expected, "others came, or there is a gap", overflow)
    if slow.dropped not in (None, total - held):
        expected = f"`dropped` to be {total - held}: {total} were published, {held} read"
        return _Breach(slow, expected, f"it is {slow.dropped}", "OVF-07")
    if quick.dropped:
        expected = "`dropped` of a reader that kept up to be 0"
        return _Breach(quick, expected, f"it is {quick.dropped}", "OVF-07")
    return None
