"""What the cases of events, patterns and tenants do alike."""

from __future__ import annotations

from collections.abc import Iterable

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe, Via


def room(probe: Probe, most: int) -> int:
    """How many subscriptions a case may open at once: half the claim, for others are parked."""
    return min(most, max(2, probe.capabilities.max_subscriptions // 2))


async def deliver(
    probe: Probe, events: Iterable[Event], *listeners: Listener, via: Via = None
) -> None:
    """Publishes the events in turn; fences the listeners before more are unread than claimed."""
    waiting = list(events)
    # Each client that publishes sends a fence of its own for each listener.
    size = max(1, probe.capabilities.event_capacity - 2 * len(listeners))
    for start in range(0, len(waiting), size):
        await probe.publish(*waiting[start : start + size], via=via)
        await probe.fence(*listeners)


async def try_to_subscribe(probe: Probe, pattern: EventPattern) -> Listener | None:
    """Subscribes to what may be refused or not; here it only must not open another's feed."""
    listener = Listener(await probe.client(), probe.history, pattern, probe.patience)
    probe.listeners.append(listener)
    try:
        await listener.enter()
    except Exception:  # because: refused in whatever way, it opens nothing
        return None
    return listener
