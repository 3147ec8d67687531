"""PUB-01, STR-06 for drivers: a `next` whose time runs out takes nothing with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.driver.backend import DriverSubscription
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Undecided
from eventhook_conformance.specification import case

_DRIVER: Final[Mapping[str, tuple[Any, ...]]] = {"driver": (True,)}
_TIMES_MS: Final = (0, 1, 2, 5, 20)
_ROUNDS: Final = 2


def _subscription(listener: Listener) -> DriverSubscription:
    subscription = listener.subscription
    if not isinstance(subscription, DriverSubscription):
        raise Undecided("the target claims to be a driver, and is none")
    return subscription


async def _run_out(probe: Probe, side: Side) -> None:
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    subscription = _subscription(listener)
    for timeout_ms in _TIMES_MS * _ROUNDS:
        # In vain, once and twice in a row; then an event is published while one may run out.
        for _ in range(1 + timeout_ms % 2):
            await probe.returns(subscription.poll(timeout_ms), "a `next` in vain")
        polling = probe.spawn(subscription.poll(timeout_ms))
        await probe.publish(*(events := ground.events(min(3, ground.capacity))))
        await probe.returns(polling, "a `next` beside a publish")
        await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-01", profile="events", needs=_DRIVER, implicates=DISTURBANCE)
async def next_whose_time_runs_out_takes_nothing(probe: Probe) -> None:
    """In vain, and while an event is published: what comes later is all there, once and in order."""
    await _run_out(probe, "events")


@case("STR-06", profile="streams", needs=_DRIVER, implicates=DISTURBANCE)
async def next_of_a_stream_whose_time_runs_out_takes_nothing(probe: Probe) -> None:
    """In vain, and while an event is published: what comes later is all there, once and in order."""
    await _run_out(probe, "streams")
