"""PUB-23, STR-06: closing, cleaning up and counting that are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import DISTURBANCE, yields
from eventhook_conformance.contract import BusClosed
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_STEPS: Final = 4
_OWN: Final[Mapping[str, tuple[Any, ...]]] = {"multi_client": (True,)}
_SIDES: Final[tuple[Side, ...]] = ("events", "streams")


async def _cancel(probe: Probe, call: asyncio.Task[Any], pause: int, what: str) -> None:
    await yields(pause)
    call.cancel()
    if not await probe.deadline.wait(call):
        raise probe.aborted(f"{what} to end when it is cancelled", "it goes on")


@case("PUB-23", exclusive="closes", clients=1, needs=_OWN, since="1.1")
async def closing_that_was_cancelled_can_be_made_up_for(probe: Probe) -> None:
    """At every step; closed once more, the client refuses every call, and its readers end."""
    for pause in range(_STEPS):
        client = await probe.open_client()
        sides = [side for side in _SIDES if side in probe.capabilities.profiles]
        grounds = [Ground(probe, side) for side in sides]
        listeners = [await ground.subscribe(client) for ground in grounds]
        for listener in listeners:
            await listener.wait_reading()
        now = probe.history.clock.now()
        for listener in listeners:
            listener.entry.closing = now
        await _cancel(probe, probe.spawn(client.aclose(probe.history)), pause, "closing")
        await probe.close(client)
        for listener in listeners:
            if not await probe.deadline.wait(listener.start_reading()):
                raise probe.aborted(
                    f"the reader of {listener.entry.name} to end when its client was closed, "
                    "once in vain and once to the end",
                    "it still waits",
                    listener.entry,
                )
        for ground in grounds:
            await probe.refuse(ground.event(), BusClosed, via=client)


@case(
    "PUB-23",
    implicates=DISTURBANCE,
    exclusive="cleans",
    needs={"introspection": (True,)},
    since="1.1",
)
async def cancelled_cleanup_disturbs_nobody(probe: Probe) -> None:
    """Nor does cancelled counting: at every step, beside readers that wait."""
    client = await probe.client()
    sides = [side for side in _SIDES if side in probe.capabilities.profiles]
    grounds = [Ground(probe, side) for side in sides]
    listeners = [await ground.subscribe() for ground in grounds]
    for pause in range(_STEPS):
        for place in (Ground(probe, side) for side in sides):
            await probe.publish(place.event())
        cleaning = probe.spawn(client.cleanup(probe.history))
        await _cancel(probe, cleaning, pause, "cleanup")
        counting = probe.spawn(client.channels(probe.history))
        await _cancel(probe, counting, pause, "counting")
        await probe.returns(client.cleanup(probe.history), "cleanup_inactive_channels")
        await probe.returns(client.channels(probe.history), "active_channels")
        events = [ground.event() for ground in grounds]
        await probe.publish(*events)
        for listener, event in zip(listeners, events, strict=True):
            await listener.receive(event)
    await probe.fence(*listeners)
