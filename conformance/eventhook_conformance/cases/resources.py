"""PUB: checks what a target keeps of ended things, and what it costs while idle.

Over 300 lines: one measure of growth, and a case for each thing that may be kept.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from eventhook_conformance.cases._bulk import leaving_unrecorded, publisher
from eventhook_conformance.cases._counting import cleanup
from eventhook_conformance.cases._ground import Ground, Selects
from eventhook_conformance.cases._twins import on_streams
from eventhook_conformance.contract import START
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Listener, NotOffered, Probe
from eventhook_conformance.specification import case

_STEPS: Final = 150
_SUSPICIOUS: Final = 0.5
"""Blocks of memory for each step: at least one object is kept."""
_ROUNDS: Final = 24
"""Rounds that must all grow before it is a breach: more than a cache would keep."""
_PATIENCE_S: Final = 2.0
"""How long a target about to be accused may take to free what it frees late."""
_LANES: Final = 75
"""Concurrent steps on a far target, where each waits for round trips."""
_IDLE_S: Final = 0.02
_IDLE_SHARE: Final = 0.02
"""The part of a processor below which no further look is needed."""
_LOOKS: Final = 3

Step = Callable[[], Awaitable[None]]
Prepare = Callable[[], Coroutine[Any, Any, Step]]


@contextmanager
def _older_objects_set_aside() -> Iterator[None]:
    """Sets older objects aside: collecting garbage among a whole run's histories takes long."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _expect_no_growth(probe: Probe, what: str, prepare: Prepare) -> None:
    """Expects that the memory and the tasks of this process do not grow with each of many rounds.

    A list that makes room, a cache that fills, or something else in this process may grow once.

    Args:
        probe: the case's.
        what: how messages name what each step does.
        prepare: makes a step; those that it makes run beside each other on a far target.
    """
    steps_at_once = await probe.at_once(*(prepare() for _ in range(_count_lanes(probe))))
    with _older_objects_set_aside():
        await _round(probe, what, steps_at_once)  # what is made once is made now
        tasks, first = len(asyncio.all_tasks()), _blocks()
        for _ in range(_ROUNDS):
            before = _blocks()
            await _round(probe, what, steps_at_once)
            if _blocks() - before < _SUSPICIOUS * _STEPS and len(asyncio.all_tasks()) <= tasks + 2:
                return
        steps = _ROUNDS * _STEPS
        # Only a target that is about to be accused is given any time.
        await asyncio.sleep(_PATIENCE_S)
        grown, more = _blocks() - first, len(asyncio.all_tasks()) - tasks
    probe.expect(
        grown < _SUSPICIOUS * steps / 2,
        f"memory not to grow with the number of {what}",
        f"after {steps} {what} there are {grown} more blocks of it",
    )
    probe.expect(
        more < steps / 4,
        f"the number of tasks not to grow with the number of {what}",
        f"after {steps} {what} there are {more} more",
    )


def _count_lanes(probe: Probe) -> int:
    return max(
        1, min(probe.distance.side_by_side(_LANES), probe.capabilities.max_subscriptions // 4)
    )


async def _round(probe: Probe, what: str, steps_at_once: Sequence[Step]) -> None:
    begun = done = 0

    async def lane(step: Step) -> None:
        nonlocal begun, done
        while begun < _STEPS:
            begun += 1
            await step()
            done += 1

    lanes = [probe.spawn(lane(step)) for step in steps_at_once]
    for one in lanes:
        await probe.returns(one, f"{_STEPS} {what}", progress=lambda: done)
    await asyncio.sleep(0)


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _keeps_no_history(probe: Probe, side: Side) -> None:
    """Checks that the bus claims no history, which may keep published events.

    A history may be bounded by time, and may tell cursors that expired from those never given.

    Raises:
        NotOffered: that side of the bus has a history, which RPL-11 judges.
    """
    if side in probe.capabilities.replay:
        raise NotOffered(
            f"the {side} have a history, which is kept whether anybody reads it (RPL-03)"
        )


@case("PUB-25", exclusive="counts", self_contained=True)
async def delivered_events_are_not_kept(probe: Probe, side: Side = "events") -> None:
    """Publishes, read and without subscriptions: memory and tasks must not grow."""
    _keeps_no_history(probe, side)
    listeners: list[Listener] = []

    async def prepare() -> Step:
        ground, unheard = Ground(probe, side), Ground(probe, side)
        listeners.append(listener := await ground.subscribe())
        subscription = listener.subscription
        publish = publisher(listener.client, ground)

        async def step() -> None:
            await publish(ground.event())
            await subscription.__anext__()
            await publish(unheard.event())

        return step

    async with leaving_unrecorded(listeners):
        await _expect_no_growth(probe, "events", prepare)
    await probe.at_once(*(listener.leave() for listener in listeners))


delivered_events_are_not_kept_on_streams = on_streams(
    delivered_events_are_not_kept, __name__, "PUB-25"
)


@case("PUB-25", exclusive="counts", self_contained=True, since="1.1")
async def names_of_delivered_events_are_not_kept(probe: Probe, side: Side = "events") -> None:
    """Publishes events whose ids and names are all different: memory and tasks must not grow."""
    _keeps_no_history(probe, side)
    listeners: list[Listener] = []

    async def prepare() -> Step:
        ground = Ground(probe, side)
        listeners.append(listener := await ground.subscribe())
        subscription = listener.subscription
        publish = publisher(listener.client, ground)

        async def step() -> None:
            await publish(_unique(probe, ground.all))
            await subscription.__anext__()

        return step

    async with leaving_unrecorded(listeners):
        await _expect_no_growth(probe, "events with names of their own", prepare)
    await probe.at_once(*(listener.leave() for listener in listeners))


def _unique(probe: Probe, place: Selects) -> Event:
    """Makes an event there that shares its names with no other."""
    workflow, task = uuid4(), uuid4()
    if isinstance(place, str):
        return probe.make.stream_event(place, workflow.hex, task=task.hex)
    return probe.make.event(
        place.tenant_id,
        source=task.hex,
        workflow=workflow,
        task=task,
        correlation_id=workflow.hex,
    )


names_of_delivered_events_are_not_kept_on_streams = on_streams(
    names_of_delivered_events_are_not_kept, __name__, "PUB-25"
)


@case("PUB-25", exclusive="counts", self_contained=True)
async def left_subscriptions_are_not_kept(probe: Probe, side: Side = "events") -> None:
    """Enters and leaves subscriptions with unread events: memory and tasks must not grow."""
    ground, client = Ground(probe, side), await probe.client()
    publish = publisher(client, ground)
    bus: Any = client.backend.events if side == "events" else client.backend.streams

    async def step() -> None:
        async with bus.subscribe(ground.all):
            await publish(ground.event())

    async def replay() -> None:
        async with bus.subscribe(ground.all, since=START):
            pass

    async def prepare() -> Step:
        return replay if has_history else step

    has_history = side in probe.capabilities.replay
    if has_history:
        # Each event more would make the history grow: so the same one is left unread each time.
        await probe.publish(ground.event())
    await _expect_no_growth(probe, "subscriptions", prepare)


left_subscriptions_are_not_kept_on_streams = on_streams(
    left_subscriptions_are_not_kept, __name__, "PUB-25"
)


@case("PUB-25", exclusive="counts", self_contained=True)
async def cancelled_reads_are_not_kept(probe: Probe, side: Side = "events") -> None:
    """Cancels waiting reads: memory and tasks must not grow."""
    listeners: list[Listener] = []

    async def prepare() -> Step:
        listeners.append(listener := await Ground(probe, side).subscribe())
        subscription = listener.subscription

        async def read() -> None:
            await subscription.__anext__()

        async def step() -> None:
            reading = asyncio.get_running_loop().create_task(read())
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait({reading})

        return step

    await _expect_no_growth(probe, "cancelled reads", prepare)
    await probe.at_once(*(listener.leave() for listener in listeners))


cancelled_reads_are_not_kept_on_streams = on_streams(
    cancelled_reads_are_not_kept, __name__, "PUB-25"
)


@case("PUB-25", exclusive="counts", self_contained=True, needs={"introspection": (True,)})
async def idle_channels_are_not_kept(probe: Probe, side: Side = "events") -> None:
    """Publishes to tenants or keys, and cleans up: memory and tasks must not grow."""
    _keeps_no_history(probe, side)
    client, count = await probe.client(), 0

    async def step() -> None:
        nonlocal count
        ground = Ground(probe, side)
        await publisher(client, ground)(ground.event())
        count += 1
        if count % _STEPS == 0:
            await client.backend.cleanup_inactive_channels()

    async def prepare() -> Step:
        return step

    await cleanup(probe, client)
    await _expect_no_growth(probe, "idle tenants or keys", prepare)


idle_channels_are_not_kept_on_streams = on_streams(idle_channels_are_not_kept, __name__, "PUB-25")


@case("PUB-26", exclusive="times", self_contained=True)
async def idle_bus_takes_no_processor(probe: Probe) -> None:
    """Leaves the bus idle with waiting subscriptions: it must take next to no processor."""
    sides: list[Side] = ["events", "streams"]
    claimed = [side for side in sides if side in probe.capabilities.profiles]
    listeners = [await Ground(probe, side).subscribe() for side in claimed]
    for listener in listeners:
        await listener.wait_reading()
    quiet, busy = 0, 0
    while quiet < _LOOKS and busy < _LOOKS:
        idle = await _processor_share(asyncio.sleep(_IDLE_S))
        # On a busy machine nobody gets a whole processor: so this is what a busy loop gets now.
        if idle < _IDLE_SHARE or idle < await _processor_share(_spin(_IDLE_S)) / 4:
            quiet += 1
        else:
            busy += 1
    probe.expect(
        busy < _LOOKS,
        "an idle bus to take next to nothing of the processor",
        f"in {busy} of {busy + quiet} looks it took a quarter or more of what a busy loop takes",
    )
    for listener in listeners:
        await listener.leave()


async def _processor_share(waiting: Awaitable[None]) -> float:
    """Returns the part of a processor that this process takes until the wait is over."""
    began, used = time.perf_counter(), time.process_time()
    await waiting
    return (time.process_time() - used) / (time.perf_counter() - began)


async def _spin(duration_s: float) -> None:
    """Takes every turn of the loop for so long."""
    until = time.perf_counter() + duration_s
    while time.perf_counter() < until:  # noqa: ASYNC110  # because: to take every turn is the point
        await asyncio.sleep(0)
