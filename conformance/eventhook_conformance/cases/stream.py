"""STR-01 to -05, -07, -08: checks the fields, keys and payloads of stream events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID, uuid4

from eventhook_conformance.cases._paced import runs, side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.cases._stream_values import (
    KIB_64,
    PAYLOADS,
    malformed_keys,
    well_formed_keys,
)
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import (
    EventPattern,
    InvalidPattern,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.contract.grammar import MAX_INTEGER
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case, via

_ANY: Final[frozenset[ViolationKind]] = DISTURBANCE | {"phantom", "leaked"}
"""The breaches that show that an event was not delivered unchanged, in order, once."""


async def deliver(
    probe: Probe,
    events: Iterable[StreamEvent],
    *listeners: Listener,
    via: Via = None,
    in_turn: bool = False,
) -> None:
    """Publishes, and fences before more events are unread than claimed.

    Args:
        probe: the case's.
        events: what is published.
        listeners: who gets it.
        via: through which client.
        in_turn: by one publisher; else many are published by several, each a run of them.

    Raises:
        NotOffered: all are larger than the target claims to carry; those that are not are left out.
    """
    waiting = probe.make.fitting(events)
    # Each client that publishes sends a fence of its own.
    size = max(1, probe.capabilities.stream_capacity - 2)
    for start in range(0, len(waiting), size):
        some = waiting[start : start + size]
        await probe.burst([some] if in_turn else runs(some), via=via)
        await probe.fence(*listeners)


@via
@case("STR-01", implicates=_ANY)
async def every_reader_gets_every_field(probe: Probe, via: Via) -> None:
    """Publishes every extreme of each field: three readers of the key must get it unchanged."""
    key = probe.make.key()
    readers = [await probe.subscribe(key), await probe.subscribe(key)]
    readers.append(await probe.subscribe(key, via))
    await probe.fence(*readers)
    task, odd = str(uuid4()), "no-uuid \u00e9\U0001f600"
    events = [
        probe.make.stream_event(key),
        *(probe.make.stream_event(key, task=text) for text in (task, task.upper(), key, odd, "0")),
        *(
            probe.make.stream_event(key, task=text)
            for text in (str(UUID(int=0)), "007", " ", "null")
        ),
        *(
            probe.make.stream_event(key, event_type=one, payload=one.value)
            for one in StreamEventType
        ),
        *(_at(probe.make.stream_event(key), when) for when in (0, -1, 1, 2**32 + 1)),
        *(_at(probe.make.stream_event(key), when) for when in (MAX_INTEGER, -MAX_INTEGER)),
    ]
    await deliver(probe, events, *readers, via=via)


def _at(event: StreamEvent, timestamp_ms: int) -> StreamEvent:
    return StreamEvent(
        task_execution_id=event.task_execution_id,
        workflow_execution_id=event.workflow_execution_id,
        sequence=event.sequence,
        event_type=event.event_type,
        payload=event.payload,
        timestamp_ms=timestamp_ms,
    )


@via
@case("STR-01", implicates=_ANY)
async def publisher_order_holds(probe: Probe, via: Via) -> None:
    """Publishes long runs of several publishers: two late readers must get each one's in order."""
    await side_by_side(probe, (_order_in_a_stream(probe, via) for _ in range(4)), each=2)


async def _order_in_a_stream(probe: Probe, via: Via) -> None:
    key, types = probe.make.key(), list(StreamEventType)
    readers = [await probe.subscribe(key), await probe.subscribe(key)]
    await probe.fence(*readers)
    tasks = ["", str(uuid4()), str(uuid4())]
    events = [
        probe.make.stream_event(key, f"{n}", types[n % 4], task=tasks[n % 3], sequence=n)
        for n in range(75)
    ]
    await deliver(probe, events, *readers, via=via, in_turn=True)


@via
@case("STR-01", implicates=_ANY)
async def equal_stream_events_are_several(probe: Probe, via: Via) -> None:
    """Publishes neighbours that are equal, or differ in time only: each must come."""
    key = probe.make.key()
    readers = [await probe.subscribe(key), await probe.subscribe(key)]
    await probe.fence(*readers)
    for kind in StreamEventType:
        one = probe.make.stream_event(key, "50", kind, sequence=1)
        await deliver(probe, [one, one, one], *readers, via=via, in_turn=True)
        again = [probe.make.stream_event(key, "50", kind, sequence=1) for _ in range(3)]
        await deliver(probe, again, *readers, via=via, in_turn=True)
        first = probe.make.stream_event(key, "1", kind)
        others = [
            _at(probe.make.stream_event(key, f"{n}", kind), first.timestamp_ms) for n in (2, 3)
        ]
        await deliver(probe, [first, *others], *readers, via=via, in_turn=True)


@case("STR-05", implicates=_ANY)
async def stream_event_of_any_size_is_delivered(probe: Probe) -> None:
    """Publishes stream events at and around each power of two in size: each must be delivered."""
    key, most = probe.make.key(), min(probe.capabilities.max_event_bytes, 2 * KIB_64)
    listener = await probe.subscribe(key)
    least = len(probe.make.stream_event(key, "").to_json())
    sizes = [2**power + by for power in range(9, 17) for by in (-1, 0, 1)]
    for size in (size for size in sizes if least < size <= most):
        await probe.publish(event := probe.make.stream_event(key, "x" * (size - least)))
        await listener.receive(event)
    await probe.fence(listener)


@case("STR-01", implicates=_ANY, subscriptions=17)
async def every_well_formed_key_works(probe: Probe) -> None:
    """Uses tokens of every form as keys: each must work."""
    events = probe.make.fitting(probe.make.stream_event(one) for one in well_formed_keys())
    await side_by_side(probe, (_has_a_key(probe, event) for event in events))


async def _has_a_key(probe: Probe, event: StreamEvent) -> None:
    listener = await probe.subscribe(event.workflow_execution_id)
    await probe.publish(event)
    await probe.fence(listener)
    await listener.leave()


@case("STR-02", implicates={"leaked", "unmatched", "crossed"})
async def other_keys_stay_out(probe: Probe) -> None:
    """Uses keys that differ in one place: each reader must get its own events only."""
    key = uuid4().hex + "a"
    alike = [
        key,
        key[:-1],
        key + "a",
        key + "-a",
        key + "_a",
        key[1:],
        "a" + key,
        key.upper(),
        key[:-1] + "b",
        str(UUID(key[:32])),
    ]
    readers = await probe.at_once(*(probe.subscribe(one) for one in alike))
    await probe.burst(
        [[probe.make.stream_event(one), probe.make.stream_event(one)] for one in alike]
    )
    await probe.fence(*readers)


@case("STR-02", implicates={"leaked", "unmatched", "crossed"})
async def a_task_is_no_key(probe: Probe) -> None:
    """Publishes events of a workflow's task: readers of the workflow get them, those of the task do not."""
    workflow, task = probe.make.key(), probe.make.key()
    by_workflow, by_task = await probe.subscribe(workflow), await probe.subscribe(task)
    await probe.publish(probe.make.stream_event(workflow, task=task))
    await probe.publish(probe.make.stream_event(task, task=workflow))
    await probe.fence(by_workflow, by_task)


@via
@case("STR-03", implicates={"lost", "lost-first", "altered"})
async def a_standalone_task_is_heard(probe: Probe, via: Via) -> None:
    """Publishes a standalone task's events under its id: its readers must get each from the first on."""
    tasks = [probe.make.key() for _ in range(3)]
    readers = [await probe.subscribe(task) for task in tasks]
    for task, reader in zip(tasks, readers, strict=True):
        for number in range(3):
            event = probe.make.stream_event(task, f"{number}", task=task, sequence=number)
            await probe.publish(event, via=via)
            # Read at once: a fence, which is the workflow's own, might go where these do not.
            await reader.receive(event)
    await probe.fence(*readers)


@case("STR-04", implicates={"crossed", "leaked", "phantom"})
async def streams_and_events_do_not_mix(probe: Probe) -> None:
    """Uses one id as tenant, workflow, task, event and key: each side must get its own events only."""
    same = uuid4()
    sides: list[EventPattern | str] = [str(same)]
    sent: list[Event] = [
        probe.make.stream_event(str(same), "text", task=str(same)) for _ in range(2)
    ]
    if "events" in probe.capabilities.profiles:  # without them there is nothing to be mixed up with
        sides += [
            EventPattern.all(same),
            EventPattern.for_workflow(same, same),
            EventPattern.for_task(same, same),
            EventPattern.by_type(same, "workflow"),
            EventPattern.by_type(same, "DATA"),
        ]
        sent.insert(
            1,
            probe.make.event(
                same, "workflow.started", workflow=same, task=same, id=same, data={"type": "TOKEN"}
            ),
        )
    listeners = [await probe.subscribe(selects) for selects in sides]
    await probe.publish(*sent)
    await probe.fence(*listeners)


@via
@case("STR-05", implicates=_ANY)
async def every_type_carries_every_payload(probe: Probe, via: Via) -> None:
    """Publishes every kind of payload in every type: each must come unchanged."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    events = [
        probe.make.stream_event(key, payload, event_type)
        for payload in PAYLOADS
        for event_type in StreamEventType
    ]
    await deliver(probe, events, listener, via=via)


@case("STR-07", implicates=_ANY)
async def a_sequence_is_the_publishers_business(probe: Probe) -> None:
    """Publishes sequences with gaps, repeats and steps back: each must come as given, in order."""
    key, numbers = (
        probe.make.key(),
        [5, 6, 6, 6, 9, 1000, 7, 0, 0, -1, MAX_INTEGER, -MAX_INTEGER, 2],
    )
    listener = await probe.subscribe(key)
    events = [probe.make.stream_event(key, sequence=n) for n in numbers]
    await deliver(probe, events, listener, in_turn=True)


@case("STR-07", implicates=_ANY)
async def publishers_may_count_alike(probe: Probe) -> None:
    """Publishes events of two tasks with equal sequences: each must come."""
    key, tasks = probe.make.key(), [str(uuid4()), str(uuid4())]
    listener = await probe.subscribe(key)
    events = [
        probe.make.stream_event(key, task=task, sequence=n) for n in range(3) for task in tasks
    ]
    await deliver(probe, events, listener)


@case("STR-08", implicates={"refused-seen", "leaked", "phantom"})
async def a_malformed_key_is_refused_when_publishing(probe: Probe) -> None:
    """Publishes with malformed keys: each must raise `InvalidEvent`, and nothing may be delivered."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    for value in malformed_keys(key):
        await probe.refuse(probe.make.stream_event(value, task=key))
    await probe.fence(listener)


@case("STR-08", implicates={"refused-seen", "leaked", "phantom"})
async def a_malformed_key_is_refused_when_subscribing(probe: Probe) -> None:
    """Subscribes with malformed keys: each must raise `InvalidPattern`, and the bus must work on."""
    key = probe.make.key()
    for value in malformed_keys(key):
        await probe.refuse_subscription(value, InvalidPattern)
    await probe.fence(await probe.subscribe(key))
