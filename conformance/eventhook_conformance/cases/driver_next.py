"""PUB-01, PUB-17, STR-06 for drivers: `next` that times out loses nothing, and the end stays the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.driver.backend import DriverSubscription
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Undecided
from eventhook_conformance.specification import case

_DRIVER: Final[Mapping[str, tuple[Any, ...]]] = {"driver": (True,)}
_TIMES_MS: Final = (0, 1, 2, 5, 20)
_ROUNDS: Final = 2
_AFTER_THE_END: Final = 6


def _subscription(listener: Listener) -> DriverSubscription:
    subscription = listener.subscription
    if not isinstance(subscription, DriverSubscription):
        raise Undecided("the target claims to be a driver, but is not one")
    return subscription


async def _run_out(probe: Probe, side: Side) -> None:
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    subscription = _subscription(listener)
    for timeout_ms in _TIMES_MS * _ROUNDS:
        # In vain, once and twice in a row; then an event is published while one may run out.
        for _ in range(1 + timeout_ms % 2):
            await probe.returns(subscription.poll(timeout_ms), "a `next` that times out")
        polling = probe.spawn(subscription.poll(timeout_ms))
        await probe.publish(*(events := ground.events(min(3, ground.capacity))))
        await probe.returns(polling, "a `next` beside a publish")
        await listener.receive(*events)
    await probe.fence(listener)


@case("PUB-01", profile="events", needs=_DRIVER, implicates=DISTURBANCE)
async def next_whose_time_runs_out_takes_nothing(probe: Probe) -> None:
    """Lets `next` time out, also while an event is published: all events must come once, in order."""
    await _run_out(probe, "events")


@case("STR-06", profile="streams", needs=_DRIVER, implicates=DISTURBANCE)
async def next_of_a_stream_whose_time_runs_out_takes_nothing(probe: Probe) -> None:
    """Lets `next` of a stream time out, also while an event is published: all must come once, in order."""
    await _run_out(probe, "streams")


async def _takes_what_is_there(probe: Probe, side: Side) -> None:
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    subscription = _subscription(listener)
    events = ground.events(min(2, ground.capacity))
    await probe.publish(*events)
    await listener.receive(*events[:-1])
    polling = _until_one_came(subscription)
    await probe.returns(polling, "a `next` of 0 ms that answers what is there")
    await listener.receive(*events)


async def _until_one_came(subscription: DriverSubscription) -> None:
    while not await subscription.poll(0):
        pass


@case("PUB-01", profile="events", needs=_DRIVER, implicates=DISTURBANCE, since="1.1")
async def next_without_time_takes_what_is_there(probe: Probe) -> None:
    """Calls `next` again and again without a time to wait: each published event must come."""
    await _takes_what_is_there(probe, "events")


@case("STR-06", profile="streams", needs=_DRIVER, implicates=DISTURBANCE, since="1.1")
async def next_of_a_stream_without_time_takes_what_is_there(probe: Probe) -> None:
    """Calls `next` of a stream again and again without a time to wait: each event must come."""
    await _takes_what_is_there(probe, "streams")


@case("PUB-17", profile="events", needs=_DRIVER, exclusive="closes", clients=1, since="1.1")
async def end_stays_the_end(probe: Probe) -> None:
    """Calls `next` after closing and reading all: each call must say again that it is over."""
    multi = probe.capabilities.multi_client
    client = await (probe.open_client() if multi else probe.client())
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant), client)
    event = probe.make.event(tenant)
    await probe.publish(event, via=client)
    await listener.receive(event)
    await probe.close(client)
    for number in range(_AFTER_THE_END):
        over = await probe.returns(_is_over(_subscription(listener)), "a `next` after the end")
        probe.expect(
            over,
            "`ended` every time after the client was closed",
            f"call {number + 1} gave an event",
        )


async def _is_over(subscription: DriverSubscription) -> bool:
    """Calls `next` once more; returns whether the driver says that nothing comes."""
    try:
        await anext(subscription)
    except StopAsyncIteration:
        return True
    return False
