"""PUB: closes clients."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import room
from eventhook_conformance.cases._steps import DISTURBANCE, either
from eventhook_conformance.contract import BusClosed, EventPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Client, Listener, Probe, Via
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case, needs

_ROUND_TRIPS: Final = 3
_MANY_WAITING: Final = 36
"""Readers on each side; past 32, and past 64 on both."""

_introspection = needs(introspection=True)


async def _client_to_close(probe: Probe) -> Client:
    """Returns a client of the case's own; if only one may be open, the run's, which is then replaced."""
    return await (probe.open_client() if probe.capabilities.multi_client else probe.client())


def _streams(probe: Probe) -> bool:
    return "streams" in probe.capabilities.profiles


async def _settle(probe: Probe, client: Client) -> None:
    """Waits, by round trips of another tenant, until published events have reached the buffers.

    A bus may hand over a moment after publish returned, and what is still on its way when the
    client closes is not buffered.
    """
    tenant = probe.make.tenant()
    witness = await probe.subscribe(EventPattern.all(tenant), client)
    loop = asyncio.get_running_loop()
    # Where order does not hold, what comes back first proves nothing of what was published before.
    until = loop.time() + (probe.deadline.glance_s if probe.deadline.disorderly else 0)
    trips = 0
    while trips < _ROUND_TRIPS or loop.time() < until:
        trips += 1
        event = probe.make.event(tenant)
        await probe.publish(event, via=client)
        await witness.receive(event)


async def _ends(probe: Probe, listener: Listener) -> None:
    """Expects that a read of a closed client's subscription ends; charges a hung one to this case alone."""
    deliveries = listener.entry.deliveries
    if not await probe.deadline.wait(listener.start_reading(), progress=lambda: len(deliveries)):
        raise probe.aborted(
            f"the reader of {listener.entry.name} to end when its client was closed",
            "it still waits",
            listener.entry,
        )


@pytest.mark.parametrize(
    "call",
    [
        "publish",
        "subscribe",
        pytest.param("cleanup", marks=_introspection),
        pytest.param("channels", marks=_introspection),
    ],
)
@case("PUB-17", exclusive="closes", clients=1)
async def closed_client_refuses(probe: Probe, call: str) -> None:
    """Calls every method after closing once and twice: each must raise `BusClosed`, on both sides."""
    client = await _client_to_close(probe)
    tenant = probe.make.tenant()
    await probe.publish(probe.make.event(tenant), via=client)
    await probe.close(client)
    for _ in range(2):
        if call == "publish":
            await probe.refuse(probe.make.event(tenant), BusClosed, via=client)
            if _streams(probe):
                await probe.refuse(probe.make.stream_event(probe.make.key()), BusClosed, via=client)
        elif call == "subscribe":
            await probe.refuse_subscription(EventPattern.all(tenant), BusClosed, via=client)
            if _streams(probe):
                await probe.refuse_subscription(probe.make.key(), BusClosed, via=client)
        elif call == "cleanup":
            await probe.raises(client.cleanup(probe.history), BusClosed, "cleanup")
        else:
            await probe.raises(client.channels(probe.history), BusClosed, "active_channels")
        await probe.close(client)


@case("PUB-17", implicates={"refused-seen"}, clients=1, needs={"multi_client": (True,)})
async def what_a_closed_client_publishes_reaches_nobody(probe: Probe) -> None:
    """Publishes on a closed client: another client's subscription must get nothing."""
    tenant, client = probe.make.tenant(), await probe.open_client()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.publish(probe.make.event(tenant), via=client)
    await probe.close(client)
    await probe.refuse(probe.make.event(tenant), BusClosed, via=client)
    await probe.fence(listener)


@pytest.mark.parametrize("how", ["aclose", "leaving"])
@case("PUB-17", implicates={"ended"}, exclusive="closes", clients=1)
async def waiting_readers_end(probe: Probe, how: str) -> None:
    """Closes a client in every way: waiting readers of both sides must end by `StopAsyncIteration`."""
    client = await _client_to_close(probe)
    tenant = probe.make.tenant()
    listeners = [
        await probe.subscribe(EventPattern.all(tenant), client),
        await probe.subscribe(EventPattern.by_type(tenant, "task"), client),
        await probe.subscribe(EventPattern.all(probe.make.tenant()), client),
    ]
    if _streams(probe):
        listeners.append(await probe.subscribe(probe.make.key(), client))
    event = probe.make.event(tenant)
    await probe.publish(event, via=client)
    await listeners[0].receive(event)
    await listeners[1].receive(event)
    for listener in listeners:
        await listener.wait_reading()
    if how == "aclose":
        await probe.close(client)
    else:
        now = probe.history.clock.now()
        for listener in listeners:
            listener.entry.closing = now
        problem = await client.leave()
        probe.expect(problem is None, "leaving the client to succeed", f"it raised {problem}")
    for listener in listeners:
        await _ends(probe, listener)
    for listener in listeners:
        listener.entry.end = None
        await _ends(probe, listener)


@case("PUB-17", since="1.1", exclusive="closes", clients=1, subscriptions=2 * _MANY_WAITING)
async def every_one_of_many_waiting_readers_ends(probe: Probe) -> None:
    """Closes a client with dozens of waiting readers, before and after events: all must end."""
    client = await _client_to_close(probe)
    sides: tuple[Side, ...] = ("events", "streams")
    claimed = [side for side in sides if side in probe.capabilities.profiles]
    grounds = [Ground(probe, side) for _ in range(_MANY_WAITING) for side in claimed]
    del grounds[room(probe, len(grounds)) :]
    listeners = await probe.at_once(*(ground.subscribe(client) for ground in grounds))
    heard = dict(list(zip(listeners, grounds, strict=True))[::2])
    events = [ground.event() for ground in heard.values()]
    await probe.burst(([event] for event in events), via=client)
    for listener, event in zip(heard, events, strict=True):
        await listener.receive(event)
    for listener in listeners:
        await listener.wait_reading()
    await probe.close(client)
    for listener in listeners:
        await _ends(probe, listener)


_MANY_UNREAD: Final[dict[Depth, int]] = {"quick": 20, "normal": 200, "deep": 1_100}


def _buffered(probe: Probe, read: str) -> int:
    """Returns five or many, or as many as a smaller buffer holds."""
    claimed = probe.capabilities
    most = _MANY_UNREAD[probe.settings.depth] if read == "none-of-many" else 5
    return min(most, claimed.event_capacity, claimed.stream_capacity)


@pytest.mark.parametrize("read", ["0", "2", "all", "none-of-many"])
@case(
    "PUB-17",
    implicates={"lost-on-close", "lost", "lost-first", "ended", "repeated"},
    exclusive="closes",
    clients=1,
)
async def what_is_buffered_is_read_first(probe: Probe, read: str) -> None:
    """Closes a client with unread events: its readers must read them, and then end."""
    count = _buffered(probe, read)
    first = {"all": count, "none-of-many": 0}.get(read)
    first = int(read) if first is None else first
    client = await _client_to_close(probe)
    tenant, key = probe.make.tenant(), probe.make.key()
    buffered: list[tuple[EventPattern | str, list[Event]]] = [
        (EventPattern.all(tenant), [probe.make.event(tenant) for _ in range(count)])
    ]
    if _streams(probe):
        buffered.append(
            (key, [probe.make.stream_event(key, str(number)) for number in range(count)])
        )
    listeners = await probe.at_once(*(probe.subscribe(one, client) for one, _ in buffered))
    await probe.burst((events for _, events in buffered), via=client)
    for listener, (_, events) in zip(listeners, buffered, strict=True):
        await listener.receive(*events[:first])
    await _settle(probe, client)
    await probe.close(client)
    for listener in listeners:
        listener.drain()
        await _ends(probe, listener)
        listener.entry.end = None
        await _ends(probe, listener)


@case("PUB-17", exclusive="closes", clients=1)
async def closing_twice_and_leaving_afterwards_is_fine(probe: Probe) -> None:
    """Closes a client twice, with subscriptions in each state, and leaves them: nothing may raise."""
    client = await _client_to_close(probe)
    tenant = probe.make.tenant()
    waiting = await probe.subscribe(EventPattern.by_type(tenant, "workflow"), client)
    unread = await probe.subscribe(EventPattern.all(tenant), client)
    left = await probe.subscribe(EventPattern.all(tenant), client)
    await probe.publish(probe.make.event(tenant), probe.make.event(tenant), via=client)
    await left.leave()
    await _settle(probe, client)
    await waiting.wait_reading()
    await probe.close(client)
    await probe.close(client)
    await _ends(probe, waiting)
    for listener in (waiting, unread):
        violation = await listener.leave_quietly()
        if violation is not None:
            probe.violations.append(violation.charging(probe.requirements))
    await probe.close(client)
    problem = await client.leave()
    probe.expect(
        problem is None, "leaving a client that was closed to do nothing", f"it raised {problem}"
    )


@case("PUB-17", exclusive="closes", clients=1)
async def closing_twice_at_once_is_fine(probe: Probe) -> None:
    """Calls `aclose` several times at once: all calls must return, and the readers must end."""
    client = await _client_to_close(probe)
    tenant = probe.make.tenant()
    waiting = await probe.subscribe(EventPattern.all(tenant), client)
    await probe.publish(event := probe.make.event(tenant), via=client)
    await waiting.receive(event)
    await waiting.wait_reading()
    await probe.at_once(probe.close(client), probe.close(client), probe.close(client))
    await _ends(probe, waiting)


@pytest.mark.parametrize("how", ["aclose", "leaving"])
@either
@case("PUB-21", implicates=DISTURBANCE, clients=2)
async def closing_one_client_disturbs_no_other(
    probe: Probe, via: Via, how: str, side: Side = "events"
) -> None:
    """Closes a client: another client's equal subscriptions and publishes must go on."""
    ground = Ground(probe, side)
    patterns = [ground.all, ground.part]
    stays, goes = await probe.at_once(probe.open_client(), probe.open_client())
    everybody: tuple[Via, ...] = (None, via, stays)
    standing = await probe.at_once(
        *(probe.subscribe(one, who) for one in patterns for who in everybody)
    )
    going = await probe.at_once(*(probe.subscribe(one, goes) for one in patterns))
    publishers: tuple[Via, ...] = ("same", via, stays)
    for who in (*publishers, goes):
        await probe.reach(*standing, *going, via=who)
    unread = ground.events(2)
    await probe.at_once(probe.publish(unread[0], via=goes), probe.publish(unread[1], via=via))
    for listener in going:
        await listener.receive(*unread)
        await listener.wait_reading()
    await standing[0].wait_reading()
    events = ground.events(max(1, min(4, ground.capacity - 2)))
    publishing = probe.spawn(probe.burst([events[:2], events[2:]], via=via))
    if how == "aclose":
        await probe.close(goes)
    else:
        now = probe.history.clock.now()
        for listener in going:
            listener.entry.closing = now
        problem = await goes.leave()
        probe.expect(problem is None, "leaving the client to succeed", f"it raised {problem}")
    await publishing
    for listener in standing:
        await listener.receive(*unread, *events)
    last = {who: ground.event() for who in publishers}
    await probe.at_once(*(probe.publish(event, via=who) for who, event in last.items()))
    for listener in standing:
        await listener.receive(*last.values())
    newcomer = await probe.subscribe(patterns[0], stays)
    await probe.fence(*standing, newcomer)
