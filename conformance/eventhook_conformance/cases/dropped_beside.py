"""OVF-07: compares the `dropped` of several readers that overran with the losses of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.cases._overrun import DROPPING, OverflowScenario
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case

_EXCESS: Final = 37
_OWN: Final[Mapping[str, tuple[Any, ...]]] = {
    "overflow": DROPPING,
    "overflow_scope": ("subscription",),
}


@case("OVF-07", needs=_OWN, subscriptions=4, since="1.1")
async def each_reader_counts_its_own_losses(probe: Probe, side: Side = "events") -> None:
    """Overruns equal readers of two clients: each must count its own losses, in whole numbers."""
    stage = OverflowScenario(probe, side)
    claimed = probe.capabilities
    elsewhere: Via = "other" if claimed.multi_client and claimed.activation == "bus" else None
    listeners = [await stage.subscribe(), await stage.subscribe()]
    entered = [0, 0]
    try:
        # One that begins with the history is owed all of it, whenever it enters.
        if claimed.replay_default == "live":
            await stage.publish_unrecorded(_EXCESS)
        listeners.append(await stage.subscribe(elsewhere))
        entered.append(stage.count)
        await stage.publish_unrecorded(stage.capacity + 1)
        for via in (None, elsewhere):
            await stage.all_arrived(at=via)
        for listener, missed in zip(listeners, entered, strict=True):
            held = await stage.read_held_unrecorded(listener)
            lost, said = stage.count - missed - held, listener.dropped
            probe.expect(
                type(said) is int and said == lost,
                f"`dropped` to be {lost}: {stage.count - missed} were published, {held} read",
                "it is None: the bus does not tell" if said is None else f"it is {said!r}",
                listener.entry,
            )
    finally:
        # Their unread events are not recorded, so nobody may read them later.
        for listener in listeners:
            await listener.leave_quietly()


each_reader_counts_its_own_losses_on_streams = on_streams(
    each_reader_counts_its_own_losses, __name__, "OVF-07"
)
