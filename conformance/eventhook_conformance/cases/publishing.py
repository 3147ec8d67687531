"""PUB: cancels publishes, closes their clients, and checks what is out when publish returns."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._overrun import OverflowScenario
from eventhook_conformance.cases._steps import DISTURBANCE, LOSS, ConsumerFailed, either, yields
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Client, Listener, Probe, Via
from eventhook_conformance.specification import case

_STEPS: Final = 6
_ANY: Final[frozenset[ViolationKind]] = DISTURBANCE | {"phantom", "leaked"}


@case("PUB-01", "PUB-21", implicates=LOSS, clients=2, needs={"multi_client": (True,)})
async def what_was_published_before_closing_arrives(probe: Probe, side: Side = "events") -> None:
    """Closes the publisher's client as soon as publish returned: the event must come."""
    for _ in range(3):
        ground, goes = Ground(probe, side), await probe.open_client()
        listener = await ground.subscribe()
        await probe.reach(listener, via=goes)
        events = ground.events(max(1, min(3, ground.capacity - 1)))
        await probe.publish(*events, via=goes)
        await probe.close(goes)
        await listener.receive(*events)
        await goes.leave()


what_was_published_before_closing_arrives_on_streams = on_streams(
    what_was_published_before_closing_arrives, __name__
)


@case("PUB-17", exclusive="closes", clients=1, subscriptions=12, needs={"multi_client": (True,)})
async def publish_under_way_returns_when_its_client_closes(
    probe: Probe, side: Side = "events"
) -> None:
    """Publishes and closes at once, with every offset: the publish must return or raise in time."""
    for pause in range(-_STEPS, _STEPS):
        ground, goes = Ground(probe, side), await probe.open_client()
        await ground.subscribe(goes)
        closing = probe.spawn(probe.close(goes)) if pause < 0 else None
        await yields(-pause)
        publishing = [probe.spawn(_publish_unjudged(probe, ground, goes)) for _ in range(3)]
        await yields(pause)
        await (probe.close(goes) if closing is None else closing)
        for one in publishing:
            if not await _returned(probe, one):
                raise probe.aborted(
                    "a publish under way to return when its client is closed",
                    f"it still waits; closing began {pause} steps after it",
                )
        await goes.leave()


async def _returned(probe: Probe, publishing: asyncio.Task[Any]) -> bool:
    """Returns whether a publish returned in time: without an acknowledgement, within the claimed time."""
    claimed_s = probe.capabilities.publish_timeout_s
    return await probe.deadline.wait(publishing, timeout_s=probe.deadline.current_s + claimed_s)


async def _publish_unjudged(probe: Probe, ground: Ground, client: Client) -> None:
    """Publishes an event that need not come, since closing may be first."""
    entry = await probe.attempt(ground.event(), client)
    entry.outcome = "unknown"


publish_under_way_returns_when_its_client_closes_on_streams = on_streams(
    publish_under_way_returns_when_its_client_closes, __name__, "PUB-17"
)


@case(
    "PUB-01",
    "PUB-17",
    implicates=LOSS,
    exclusive="closes",
    clients=1,
    subscriptions=12,
    needs={"multi_client": (True,)},
)
async def publish_that_returns_while_its_client_closes_is_out(
    probe: Probe, side: Side = "events"
) -> None:
    """Publishes and closes at once, with every offset: an event whose publish returned must come."""
    for pause in range(-_STEPS, _STEPS):
        ground, goes = Ground(probe, side), await probe.open_client()
        listener = await ground.subscribe()
        await probe.reach(listener, via=goes)
        closing = probe.spawn(probe.close(goes)) if pause < 0 else None
        await yields(-pause)
        publishing = [probe.spawn(probe.attempt(ground.event(), goes)) for _ in range(2)]
        await yields(pause)
        await (probe.close(goes) if closing is None else closing)
        for one in publishing:
            if not await _returned(probe, one):
                raise probe.aborted("publish to return when its client closes", "it still waits")
            entry = one.result()
            if entry.outcome == "ok":
                await listener.receive(entry.event)
            else:
                entry.outcome = "unknown"  # it was out, or it was not
        await goes.leave()


publish_that_returns_while_its_client_closes_is_out_on_streams = on_streams(
    publish_that_returns_while_its_client_closes_is_out, __name__, "STR-06"
)


@either
@case("PUB-15", implicates=LOSS | {"repeated"})
async def several_publishers_at_once_meet_a_waiting_reader(
    probe: Probe, via: Via, side: Side = "events"
) -> None:
    """Publishes by two to twelve publishers in one turn to a waiting reader: it must get every event."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    for count in (2, 3, 4, 5, 8, 12):
        await listener.wait_reading()
        events = ground.events(min(count, ground.capacity))
        await probe.burst([[one] for one in events], via=via)
        await listener.receive(*events)
    await probe.fence(listener)


several_publishers_at_once_meet_a_waiting_reader_on_streams = on_streams(
    several_publishers_at_once_meet_a_waiting_reader, __name__
)


@pytest.mark.parametrize("how", ["leaves", "fails", "closes"])
@case(
    "PUB-12",
    "PUB-17",
    exclusive="closes",
    clients=1,
    needs={"overflow": ("block",), "multi_client": (True,), "in_process": (True,)},
)
async def publisher_that_waits_for_a_reader_is_let_go(
    probe: Probe, how: str, side: Side = "events"
) -> None:
    """Leaves, fails or closes the reader for which publishers wait: each publish must return."""
    stage, goes = OverflowScenario(probe, side), await probe.open_client()
    listener = await stage.subscribe(goes)
    publishing = probe.spawn(stage.publish(2 * stage.capacity + 65, 1))
    for _ in range(stage.capacity):
        await asyncio.sleep(0)
    if how == "closes":
        await probe.close(goes)
    else:
        await listener.leave(ConsumerFailed("on purpose") if how == "fails" else None)
    await probe.returns(publishing, "publish, once the reader is gone,")


publisher_that_waits_for_a_reader_is_let_go_on_streams = on_streams(
    publisher_that_waits_for_a_reader_is_let_go, __name__
)


@either
@case("PUB-01", "PUB-10", implicates=LOSS | {"repeated"})
async def reading_can_begin_again(probe: Probe, via: Via, side: Side = "events") -> None:
    """Reads by a second `async for`: it must go on where the first one stopped."""
    ground = Ground(probe, side)
    listener = await ground.subscribe()
    await probe.reach(listener, via=via)
    for read in (0, 1, 3):
        events = ground.events(max(1, min(3, ground.capacity - 1)))
        await probe.publish(*events, via=via)
        await listener.receive(*events[:read])
        listener.iterate_again()
        await listener.receive(*events)
        listener.iterate_again()
        listener.iterate_again()
        await listener.wait_reading()
        await probe.publish(one := ground.event(), via=via)
        await listener.receive(one)
    await probe.fence(listener)


reading_can_begin_again_on_streams = on_streams(reading_can_begin_again, __name__)


@case("PUB-12", needs={"in_process": (True,)})
async def consumers_exception_is_its_own(probe: Probe, side: Side = "events") -> None:
    """Raises in the body of a subscription: leaving must raise the same exception."""
    ground = Ground(probe, side)
    for unread in (0, 2):
        listener = await ground.subscribe()
        if unread:
            await probe.publish(*ground.events(unread))
        await _raises_on(probe, listener)


async def _raises_on(probe: Probe, listener: Listener) -> None:
    error = ConsumerFailed("the consumer failed on purpose")
    await listener.leave(error)
    task = listener.context_task.task
    raised = task.exception() if task is not None and not task.cancelled() else None
    probe.expect(
        raised is error,
        "leaving to raise the consumer's own exception",
        "nothing was raised" if raised is None else f"it raised {raised!r:.100}",
        listener.entry,
    )


consumers_exception_is_its_own_on_streams = on_streams(consumers_exception_is_its_own, __name__)
