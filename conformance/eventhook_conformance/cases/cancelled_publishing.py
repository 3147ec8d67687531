"""PUB: cancels publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE, yields
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_STEPS: Final = 6
_ANY: Final[frozenset[ViolationKind]] = DISTURBANCE | {"phantom", "leaked"}


@case("PUB-24", implicates=_ANY, subscriptions=18)
async def cancelled_publish_disturbs_nobody(probe: Probe, side: Side = "events") -> None:
    """Cancels a publish at every step, once and twice: it comes at most once, and later ones come."""
    lanes = (_cancel_publish(probe, side, pause) for pause in range(_STEPS))
    await side_by_side(probe, lanes, each=3)


@case("PUB-24", implicates=_ANY, subscriptions=18, since="1.1")
async def publish_cancelled_while_nothing_else_goes_on_disturbs_nobody(
    probe: Probe, side: Side = "events"
) -> None:
    """Cancels a publish at every step without another one beside: nothing of it may affect later ones."""
    for pause in range(_STEPS):
        await _cancel_publish(probe, side, pause, (1,))


async def _cancel_publish(
    probe: Probe, side: Side, pause: int, rounds: Sequence[int] = (1, 2)
) -> None:
    ground, elsewhere = Ground(probe, side), Ground(probe, side)
    # Several, so that a fan-out can be cut off half-way.
    standing = [await ground.subscribe(), await ground.subscribe(), await elsewhere.subscribe()]
    for times in rounds:
        for _ in range(times):
            publishing = probe.spawn(probe.attempt(ground.event()))
            await yields(pause)
            publishing.cancel()
            if not await probe.deadline.wait(publishing):
                raise probe.aborted("a cancelled publish to end", "it goes on")
        # One of another scope right after it, should it take the cancelled one's place.
        for place in (elsewhere, ground, ground):
            await probe.publish(event := place.event())
            for listener in standing:
                if listener.entry.matches(event):
                    await listener.receive(event)
    await probe.fence(*standing)


cancelled_publish_disturbs_nobody_on_streams = on_streams(
    cancelled_publish_disturbs_nobody, __name__, "PUB-24"
)
publish_cancelled_while_nothing_else_goes_on_disturbs_nobody_on_streams = on_streams(
    publish_cancelled_while_nothing_else_goes_on_disturbs_nobody, __name__, "PUB-24"
)
