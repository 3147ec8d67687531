"""STR-06: checks for streams the rules of PUB on activity, order, independence and leaving."""

from __future__ import annotations

from typing import Final

import msgspec

from eventhook_conformance.cases._paced import runs
from eventhook_conformance.cases._steps import LOSS, ConsumerFailed
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import BusClosed, StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe, Via
from eventhook_conformance.specification import case, via

_LEFT: Final[frozenset[ViolationKind]] = LOSS | {"after-leaving", "replayed", "repeated"}


# Activity


@via
@case("STR-06", implicates={"lost-first", "lost"})
async def first_stream_event_is_never_lost(probe: Probe, via: Via) -> None:
    """Publishes as soon as entering returned: the event must come, without a later one."""
    for _ in range(10):
        key = probe.make.key()
        listener = await probe.subscribe(key)
        first = probe.make.stream_event(key)
        await probe.publish(first, via=via)
        await listener.receive(first)


@via
@case("STR-06", implicates={"replayed", "lost-first", "lost"})
async def nothing_from_before_entering_comes(probe: Probe, via: Via) -> None:
    """Publishes before entering, with and without other readers: the events may not come."""
    key = probe.make.key()
    await probe.publish(
        *(probe.make.stream_event(key, event_type=one) for one in StreamEventType), via=via
    )
    standing = await probe.subscribe(key)
    for one in StreamEventType:
        await probe.publish(probe.make.stream_event(key, event_type=one), via=via)
        await probe.fence(standing)
        late = await probe.subscribe(key)
        await probe.fence(standing, late)
        late.drain()


@case("STR-06", implicates={"lost", "lost-first"})
async def publishing_to_nobody_succeeds(probe: Probe) -> None:
    """Publishes to a stream before its first reader and after its last: each publish must succeed."""
    key = probe.make.key()
    await probe.publish(*(probe.make.stream_event(key) for _ in range(3)))
    listener = await probe.subscribe(key)
    await probe.fence(listener)
    await listener.leave()
    await probe.publish(*(probe.make.stream_event(key) for _ in range(3)))


@case("STR-06", implicates={"lost", "lost-first", "repeated", "reordered"})
async def a_burst_up_to_the_capacity_is_kept(probe: Probe) -> None:
    """Publishes as many events as the capacity before any read: all must come."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    events = [probe.make.stream_event(key) for _ in range(probe.capabilities.stream_capacity)]
    await probe.burst(runs(events))
    await listener.receive(*events)


# Repetition, order, independence


@via
@case("STR-06", implicates={"repeated", "reordered", "lost", "lost-first"})
async def many_publishers_at_once(probe: Probe, via: Via) -> None:
    """Publishes by ten publishers to one key: two readers must get all, once and in order."""
    key = probe.make.key()
    readers = [await probe.subscribe(key), await probe.subscribe(key)]
    each = min(20, max(1, probe.capabilities.stream_capacity // 10))
    publishers = min(10, probe.capabilities.stream_capacity)
    for _ in range(3):
        chains: list[list[Event]] = [
            [probe.make.stream_event(key, sequence=n) for n in range(each)]
            for _ in range(publishers)
        ]
        await probe.burst(chains, via=via)
        for reader in readers:
            await reader.receive(*(event for chain in chains for event in chain))
    await probe.fence(*readers)


@case("STR-06", implicates={"repeated", "lost", "lost-first"})
async def equal_subscriptions_are_independent(probe: Probe) -> None:
    """Reads ten equal subscriptions of one client in turn: each must get all events."""
    key = probe.make.key()
    count = min(10, max(2, probe.capabilities.max_subscriptions // 4))
    readers = [await probe.subscribe(key) for _ in range(count)]
    events = [
        probe.make.stream_event(key) for _ in range(min(5, probe.capabilities.stream_capacity))
    ]
    await probe.publish(*events)
    for reader in readers:
        await reader.receive(*events)
    await probe.fence(*readers)


@case("STR-06", implicates={"repeated", "lost", "lost-first"})
async def waiting_readers_all_wake(probe: Probe) -> None:
    """Publishes to several waiting readers: each must get the event."""
    key = probe.make.key()
    readers = [await probe.subscribe(key) for _ in range(3)]
    for reader in readers:
        await reader.wait_reading()
    event = probe.make.stream_event(key)
    await probe.publish(event)
    for reader in readers:
        await reader.receive(event)
    await probe.fence(*readers)


# Leaving


@case("STR-06", implicates=_LEFT)
async def leaving_ends_one_subscription_alone(probe: Probe) -> None:
    """Leaves one of several equal subscriptions: it must get nothing more, and the others all."""
    key = probe.make.key()
    first, unread, waiting, last = [await probe.subscribe(key) for _ in range(4)]
    event = probe.make.stream_event(key)
    await waiting.wait_reading()
    await probe.publish(event)
    await waiting.receive(event)
    await waiting.wait_reading()
    await unread.leave()
    await unread.read_end()
    await waiting.leave()
    await probe.publish(probe.make.stream_event(key))
    await waiting.read_end()
    await probe.fence(first, last)


@case("STR-06", implicates=_LEFT, needs={"in_process": (True,)})
async def a_reader_that_raises_disturbs_nobody(probe: Probe) -> None:
    """Raises in one reader: its exception must come out, and other readers must go on."""
    key = probe.make.key()
    failing, standing = await probe.subscribe(key), await probe.subscribe(key)
    await probe.publish(probe.make.stream_event(key))
    await failing.leave(ConsumerFailed("the consumer failed on purpose"))
    await probe.publish(probe.make.stream_event(key))
    await probe.fence(standing)


@via
@case("STR-06", implicates=_LEFT)
async def subscribing_again_starts_afresh(probe: Probe, via: Via) -> None:
    """Subscribes again after leaving: nothing of before may come."""
    key = probe.make.key()
    standing = await probe.subscribe(key)
    for _ in range(3):
        listener = await probe.subscribe(key)
        await probe.publish(probe.make.stream_event(key), via=via)
        await listener.leave()
        await probe.publish(probe.make.stream_event(key), via=via)
        again = await probe.subscribe(key)
        await probe.publish(probe.make.stream_event(key), via=via)
        await probe.fence(again, standing)
        await again.leave()


@case("STR-06", implicates={"lost", "lost-first", "repeated", "reordered", "ended"})
async def comings_and_goings_disturb_no_standing_reader(probe: Probe) -> None:
    """Enters and leaves beside traffic: a standing reader must get all events."""
    key = probe.make.key()
    standing = await probe.subscribe(key)
    events = [
        probe.make.stream_event(key) for _ in range(min(60, probe.capabilities.stream_capacity))
    ]
    publishing = probe.spawn(probe.publish(*events))
    for _ in range(10):
        brief = await probe.subscribe(key)
        await brief.wait_reading()
        await brief.leave()
    await publishing
    await standing.receive(*events)


# Closing


@case("STR-06", implicates=_LEFT | {"lost-on-close"}, clients=1, needs={"multi_client": (True,)})
async def closing_ends_a_clients_streams_alone(probe: Probe) -> None:
    """Closes a client: its unread events come first, its calls raise, and other clients go on."""
    key = probe.make.key()
    mine = await probe.open_client()
    standing = await probe.subscribe(key)
    unread, waiting = await probe.subscribe(key, mine), await probe.subscribe(key, mine)
    event = probe.make.stream_event(key)
    await probe.publish(event, via=mine)
    await waiting.receive(event)
    await waiting.wait_reading()
    await probe.close(mine)
    await unread.read_end()
    await waiting.read_end()
    await probe.refuse(probe.make.stream_event(key), BusClosed, via=mine)
    await probe.refuse_subscription(key, BusClosed, via=mine)
    await probe.publish(probe.make.stream_event(key))
    await probe.fence(standing)


@case("STR-05", implicates={"lost", "lost-first", "altered"}, since="1.1")
async def stream_events_of_block_sizes_arrive(probe: Probe) -> None:
    """Publishes stream events around block sizes of 512 bytes to 32 KiB: each must come."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    events = []
    for size in (block + by for block in map((2).__pow__, range(9, 16)) for by in (-1, 0, 1)):
        event = probe.make.stream_event(key, "")
        room = size - len(event.to_json())
        if room > 0 and size <= probe.capabilities.max_event_bytes:
            events.append(msgspec.structs.replace(event, payload="x" * room))
    if not events:
        raise NotOffered("expected max_event_bytes of 512 or more")
    with listener.reading_on():
        await probe.publish(*events)
        await probe.fence(listener)
