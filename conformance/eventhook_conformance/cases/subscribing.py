"""PUB: acts between the call of `subscribe` and entering."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import LOSS, either, yields
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.contract import BusClosed
from eventhook_conformance.history import Side
from eventhook_conformance.probe import CaseAborted, Listener, Probe, Via
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case

_TURNS: Final = 6


def _made_ahead(listener: Listener) -> bool:
    """Calls `subscribe`; returns False if that raises, which other cases judge."""
    try:
        listener.make_ahead()
    except Exception:  # because: errors are due on entering, and are not what is looked at here
        return False
    return True


@either
@case("PUB-05", implicates=LOSS | {"replayed"})
async def subscribe_alone_has_no_effect(probe: Probe, via: Via, side: Side = "events") -> None:
    """Publishes between the call of `subscribe` and entering: the event may not come, later ones must."""
    ground = Ground(probe, side)
    witness = await ground.subscribe()
    for _ in range(2):
        early = await probe.listener(ground.all, via)
        _made_ahead(early)
        await probe.publish(event := ground.event())
        await witness.receive(event)
        await probe.returns(early.enter(), "entering")
        await probe.reach(early)
        await probe.publish(event := ground.event())
        await early.receive(event)
        await witness.receive(event)
    await probe.fence(witness)


subscribe_alone_has_no_effect_on_streams = on_streams(subscribe_alone_has_no_effect, __name__)


@case("PUB-17", exclusive="closes", clients=1)
async def what_was_made_before_closing_cannot_be_entered(
    probe: Probe, side: Side = "events"
) -> None:
    """Closes the client between `subscribe` and entering: entering must raise `BusClosed`."""
    claimed = probe.capabilities
    client = await (probe.open_client() if claimed.multi_client else probe.client())
    listener = await probe.listener(Ground(probe, side).all, client)
    if not _made_ahead(listener):
        return
    await probe.close(client)
    expected = "entering to raise BusClosed, for what was made before its client was closed"
    try:
        await listener.enter()
    except BusClosed:
        return
    except Exception as raised:  # because: whatever the target raises is a finding
        probe.found(expected, f"it raised {describe(raised)}", listener.entry)
    else:
        probe.found(expected, "it was entered", listener.entry)
        await listener.leave_quietly()


what_was_made_before_closing_cannot_be_entered_on_streams = on_streams(
    what_was_made_before_closing_cannot_be_entered, __name__, "PUB-17"
)


async def _entered(listener: Listener) -> bool:
    """Returns whether it was entered; a closed client may refuse it, and other cases judge how."""
    try:
        await listener.enter()
    except CaseAborted:
        raise
    except Exception:  # because: refused in whatever way, it is not active
        return False
    return True


@case(
    "PUB-17",
    exclusive="closes",
    clients=1,
    subscriptions=1,
    # Behind a driver the requests may be answered in any order.
    needs={"multi_client": (True,), "driver": (False,)},
    since="1.1",
)
async def what_is_entered_while_its_client_closes_ends(probe: Probe, side: Side = "events") -> None:
    """Closes the client while a subscription is being entered: that must be refused, or end."""
    for turns in range(_TURNS):
        client = await probe.open_client()
        listener = await probe.listener(Ground(probe, side).all, client)
        entering = probe.spawn(_entered(listener))
        await yields(turns)
        await probe.close(client)
        if await probe.returns(entering, "entering, while its client closes"):
            await listener.read_end()
            await listener.leave()


what_is_entered_while_its_client_closes_ends_on_streams = on_streams(
    what_is_entered_while_its_client_closes_ends, __name__, "PUB-17", "STR-06"
)
