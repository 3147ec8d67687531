"""Keeps what a case does at once within the target's claims: subscriptions, unread events, sizes."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe, Via

T = TypeVar("T")

_RUN: Final = 8
_MANY: Final = 100


def room(probe: Probe, most: int) -> int:
    """Returns how many subscriptions a case may open at once: half the claim, since others are parked."""
    return min(most, max(2, probe.capabilities.max_subscriptions // 2))


async def side_by_side(
    probe: Probe, calls: Iterable[Coroutine[Any, Any, T]], each: int = 1, most: int = _MANY
) -> list[T]:
    """Returns the results of the calls, run concurrently as the claimed number of subscriptions allows.

    Args:
        probe: the case's.
        calls: what does not depend on each other.
        each: how many subscriptions each of them has open at a time.
        most: how many subscriptions they may have open at a time, all together.
    """
    waiting, size = iter(calls), max(1, room(probe, min(most, _MANY)) // each)
    answers: list[T] = []
    while some := list(islice(waiting, size)):
        answers += await probe.at_once(*some)
    return answers


async def deliver(
    probe: Probe, events: Iterable[Event], *listeners: Listener, via: Via = None
) -> None:
    """Publishes the events, and fences the listeners before more are unread than claimed.

    Many events are published by several publishers, each a run of neighbours. Leaves out events larger
    than the target claims to carry is left out.

    Raises:
        NotOffered: all are larger.
    """
    waiting = probe.make.fitting(events)
    # Each client that publishes sends a fence of its own for each listener.
    size = max(1, probe.capabilities.event_capacity - 2 * len(listeners))
    for start in range(0, len(waiting), size):
        await probe.burst(runs(waiting[start : start + size]), via=via)
        await probe.fence(*listeners)


def runs(events: Sequence[Event]) -> list[Sequence[Event]]:
    """Returns the events, cut into runs that are published concurrently."""
    return [events[start : start + _RUN] for start in range(0, len(events), _RUN)]


async def try_to_subscribe(probe: Probe, pattern: EventPattern) -> Listener | None:
    """Subscribes to a pattern that may be refused; if accepted, it must not get another's events."""
    listener = await probe.listener(pattern)
    try:
        await listener.enter()
    except Exception:  # because: refused in whatever way, it opens nothing
        return None
    return listener
