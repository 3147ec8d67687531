"""PUB: publish and subscribe."""

from __future__ import annotations

from eventhook_conformance.cases import case, via
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe, Via


@via
@case("PUB-04", shows={"lost-first", "lost"})
async def first_event_is_never_lost(probe: Probe, via: Via) -> None:
    """Published the moment entering returned, by the same client or another."""
    for _ in range(10):
        tenant = probe.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        first = probe.event(tenant)
        await probe.publish(first, via=via)
        await probe.fence(listener)
