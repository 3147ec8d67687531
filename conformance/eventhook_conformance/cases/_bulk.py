"""Publishes many events through one subscription, without a record of each step.

A record costs several times what a fast bus takes for an event. So only what breaks a rule is recorded,
as a finding of the case.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.checker.violation import charge
from eventhook_conformance.history import Event, identity
from eventhook_conformance.probe import Client, Listener, Probe

_CHUNK: Final = 100
"""No power of two, so that an error at a power of two shows within a chunk."""
_GRACE_S: Final = 0.1
Raw = Callable[[Any], Awaitable[None]]


def publisher(client: Client, ground: Ground) -> Raw:
    """Returns the client's `publish` for the side of the ground."""
    backend = client.backend
    publish: Any = backend.events.publish if ground.side == "events" else backend.streams.publish
    raw: Raw = publish
    return raw


@asynccontextmanager
async def leaving_unrecorded(listeners: Collection[Listener]) -> AsyncIterator[None]:
    """Leaves these if the body fails, so that nobody reads events that were not recorded.

    Such events would seem to be published by nobody, even if the body ran out of time.
    """
    try:
        yield
    except BaseException:  # because: a case that was ended leaves nothing either
        for listener in listeners:
            await listener.leave_quietly()
        raise


async def run_through(probe: Probe, ground: Ground, listener: Listener, count: int) -> bool:
    """Publishes so many events and reads each; returns whether they came once and in order.

    Records the first breach, and ends with it.
    """
    publish, lanes = publisher(listener.client, ground), _CHUNK if _is_far(probe) else 1
    size = max(1, min(_CHUNK, ground.capacity // 2))
    # A chunk takes two round trips at least: to be published, and to arrive.
    count = min(count, size * probe.distance.fit(count, least=10, trips=2, together=size))
    done, before = 0, list[object]()
    async with leaving_unrecorded([listener]):
        while done < count:
            events = ground.events(min(size, count - done))
            chains = [events[start::lanes] for start in range(lanes)]
            came = await _chunk(probe, publish, listener, chains)
            wanted = [identity(event) for event in events]
            if not _is_complete(came, chains):
                _record(probe, ground, listener, wanted, came, before, done)
                return False
            done, before = done + len(events), wanted
    return True


async def _chunk(
    probe: Probe, publish: Raw, listener: Listener, chains: Sequence[Sequence[Event]]
) -> list[object]:
    """Publishes these, and reads as many; returns the identity of each that came."""
    subscription, count = listener.subscription, sum(map(len, chains))
    came: list[object] = []

    published = 0

    async def publish_chain(chain: Sequence[Event]) -> None:
        nonlocal published
        for event in chain:
            await publish(event)
            published += 1

    async def read_all() -> None:
        while len(came) < count:
            came.append(_identity(await subscription.__anext__()))

    publishing = [probe.spawn(publish_chain(chain)) for chain in chains]
    reading = probe.spawn(read_all())
    for one in publishing:
        await probe.returns(one, "publish", progress=lambda: published)
    if not await probe.deadline.wait(reading, progress=lambda: len(came)):
        reading.cancel()
        return came
    if reading.exception() is not None:
        raise probe.aborted(
            "reading to go on", f"it raised {reading.exception()!r:.200}", listener.entry
        )
    if not _is_complete(came, chains):
        # A repeated event was counted in place of another one, which may still come.
        rest = probe.spawn(_read_rest(subscription, came))
        await asyncio.wait({rest}, timeout=_GRACE_S)
        rest.cancel()
    return came


def _is_far(probe: Probe) -> bool:
    """Returns whether publishes take too long one after the other, since each costs a round trip."""
    remote = probe.target.server is not None or probe.capabilities.driver
    return remote or probe.distance.is_far


def _is_complete(came: Sequence[object], chains: Sequence[Sequence[Event]]) -> bool:
    """Returns whether all came once, and each chain in its order."""
    if len(came) != sum(map(len, chains)):
        return False
    places = {event: place for place, event in enumerate(came)}
    for chain in chains:
        order = [places.get(identity(event), -1) for event in chain]
        if -1 in order or order != sorted(order):
            return False
    return True


async def _read_rest(subscription: Any, came: list[object]) -> None:
    while True:
        came.append(_identity(await subscription.__anext__()))


def _identity(event: Any) -> object:
    try:
        return identity(event)
    except AttributeError:  # because: a target may deliver anything at all
        return repr(event)


def _record(
    probe: Probe,
    ground: Ground,
    listener: Listener,
    wanted: Sequence[object],
    came: Sequence[object],
    before: Sequence[object],
    done: int,
) -> None:
    """Says what is wrong first: a loss, a repeat, or the order."""
    expected: Counter[Hashable] = Counter(wanted)
    seen: Counter[Hashable] = Counter(came)
    place = next(
        (n for n, (a, b) in enumerate(zip(wanted, came, strict=False)) if a != b),
        min(len(wanted), len(came)),
    )
    number = done + place + 1
    kind: ViolationKind
    if seen - expected:
        again = next(iter(seen - expected)) in {*wanted, *before}
        kind = "repeated" if again else "phantom"
        text = "an event came again" if again else "an event came that was not published there"
    elif expected - seen:
        kind, text = "lost", "it did not come; what was published later came instead"
        if place >= len(came):
            text = f"nothing more came within {probe.deadline.current_s:g} s"
    else:
        kind, text = "reordered", "one that was published later came instead"
    probe.found(
        f"event {number} of a run on {listener.entry.name} once, and in its place",
        text,
        listener.entry,
        charge=charge(kind, ground.side),
    )


async def publish_all(probe: Probe, client: Client, grounds: Sequence[Ground], lanes: int) -> None:
    """Publishes one event on each ground, without a subscription to it.

    Raises:
        CaseAborted: a publish raised or hung.
    """

    published = 0

    async def lane(some: Sequence[Ground]) -> None:
        nonlocal published
        for ground in some:
            await publisher(client, ground)(ground.event())
            published += 1

    tasks = [probe.spawn(lane(grounds[start::lanes])) for start in range(lanes)]
    for task in tasks:
        await probe.returns(task, "publish", progress=lambda: published)
