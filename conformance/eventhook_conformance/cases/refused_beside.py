"""EVT-06, STR-06: makes refused calls beside readers with unread events."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import (
    EventPattern,
    InvalidEvent,
    InvalidPattern,
    PublishError,
)
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_ANY: Final[frozenset[ViolationKind]] = DISTURBANCE | {"refused-seen"}
_LARGEST: Final = 1 << 20
"""An event that a larger claim refuses takes long to make."""


@case("EVT-06", implicates=_ANY, since="1.1")
async def refusals_take_nothing_from_what_lies_unread(probe: Probe, side: Side = "events") -> None:
    """Makes refused calls beside unread events: each subscription must get all from before and after."""
    ground = Ground(probe, side)
    listeners = [await probe.subscribe(selects) for selects in ground.kinds]
    for refusal in _refusals(probe, ground):
        events = ground.events(min(3, ground.capacity))
        if before := events[:-1]:
            await probe.publish(*before)
        await refusal
        await probe.publish(*events[-1:])
        for listener in listeners:
            await listener.receive(*events)
    await probe.fence(*listeners)


def _refusals(probe: Probe, ground: Ground) -> Iterator[Awaitable[object]]:
    """Yields refused publishes and a refused subscription: malformed, or too large."""
    make, size = probe.make, probe.capabilities.max_event_bytes
    if isinstance(ground.all, str):
        yield probe.refuse(make.stream_event(f"{ground.all}.x"))
        yield probe.refuse_subscription(f"{ground.all}.>", InvalidPattern)
        too_large: Event = make.stream_event(ground.all, "x" * min(size, _LARGEST))
    else:
        tenant = ground.all.tenant_id
        yield probe.refuse(make.event(tenant, "created"))
        yield probe.refuse_subscription(EventPattern.by_type(tenant, "task.>"), InvalidPattern)
        too_large = make.event(tenant, data="x" * min(size, _LARGEST))
    if size <= _LARGEST:
        yield probe.refuse(too_large, PublishError, InvalidEvent, unless_delivered=True)


refusals_take_nothing_from_what_lies_unread_on_streams = on_streams(
    refusals_take_nothing_from_what_lies_unread, __name__
)
