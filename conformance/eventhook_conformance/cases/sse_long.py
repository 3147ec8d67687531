"""SSE: uses streams with many events, large families, and long lists of types."""

from __future__ import annotations

from string import ascii_letters
from typing import Final

import pytest

from eventhook_conformance.cases._sse import both_sides, child_begun, every_endpoint, named, subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_LONG: Final = "x" * 60_000
_ROUNDS: Final = 24
_AT_ONCE: Final = 16
_BURST: Final = 40
"""Concurrent rounds of both sides: fewer publishes than the hundred that a bus must bear."""
_MANY: Final[dict[Depth, int]] = {"quick": 100, "normal": 1_100, "deep": 11_000}
_CHUNK: Final = 100
_LANES: Final = 16
_CHILDREN: Final = 24
_GENERATIONS: Final = 12
_ITEMS: Final = 60
_LARGEST: Final = 262_144
_AROUND: Final = 1_024
"""The most bytes of an event beside its data."""


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20", since="1.1")
async def stream_lasts_however_much_it_carries(probe: Probe, kind: StreamKind) -> None:
    """Publishes hundreds of events, over a megabyte: all must come, and the stream must stay open."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        it = await sse.workflow()
        stream = await sse.stream(kind, it)
        for _ in range(_ROUNDS):
            events: list[Event] = [sse.token(it, _LONG)]
            for _ in range(_AT_ONCE):
                events += both_sides(sse, kind, it)
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@pytest.mark.parametrize("kind", ["task", "tenant"])
@case("SSE-20", since="1.1")
async def stream_lasts_however_many_events_it_carries(probe: Probe, kind: StreamKind) -> None:
    """Publishes over a thousand events, on the streams that no workflow's end closes: all must come."""
    most = min(probe.capabilities.stream_capacity, probe.capabilities.event_capacity) // 2
    count = probe.distance.fit(_MANY[probe.settings.depth], least=100)
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        for _ in range(0, count, _CHUNK):
            events = [sse.event(None, task=it, tenant=0) for _ in range(_CHUNK)]
            for start in range(0, _CHUNK, most):
                some = events[start : start + most]
                await probe.burst(some[lane::_LANES] for lane in range(min(_LANES, len(some))))
                await stream.receive(*some)
        await sse.fence(stream)


@every_endpoint
@case("SSE-04", since="1.1")
async def burst_comes_out_whole(probe: Probe, kind: StreamKind) -> None:
    """Publishes many events at once, twice, to two readers: each must get all."""
    most = min(probe.capabilities.stream_capacity, probe.capabilities.event_capacity) // 2
    async with sse_session(probe, implicates={"lost", "repeated"}) as sse:
        it = await subject(sse, kind)
        streams = [await sse.stream(kind, it) for _ in range(2)]
        for _ in range(2):
            events = [one for _ in range(min(_BURST, most)) for one in both_sides(sse, kind, it)]
            await probe.at_once(*(sse.publish(one) for one in events))
            for stream in streams:
                await stream.receive(*events)


@pytest.mark.parametrize("kind", ["workflow", "consolidated", "tenant"])
@case("SSE-02", since="1.1")
async def long_events_that_come_together_stay_whole(probe: Probe, kind: StreamKind) -> None:
    """Publishes long events of several sources at once: each must come whole."""
    async with sse_session(probe, implicates={"altered", "lost", "crossed", "phantom"}) as sse:
        root, other = await sse.workflow(), await sse.workflow(1)
        members = [root, *[await sse.child(root) for _ in range(2)]]
        streams = [
            await sse.stream(kind, None if kind == "tenant" else one, tenant=tenant)
            for tenant, one in enumerate((root, other))
        ]
        streams.append(await sse.stream(kind, None if kind == "tenant" else root))
        begun = [child_begun(sse, root, one) for one in members[1:]]
        await sse.publish(*begun)
        await streams[0].receive(*begun)
        for _ in range(2):
            letters = iter(ascii_letters)
            events: list[Event] = []
            for one in (*members, other):
                events.append(sse.event(one, data={"text": next(letters) * len(_LONG)}))
                if kind != "tenant":
                    events.append(sse.token(one, next(letters) * len(_LONG)))
            await probe.at_once(*(sse.publish(event) for event in events))
            for stream in streams:
                await stream.receive(*filter(stream.wanted.takes, events))


@every_endpoint
@case("SSE-03", since="1.1")
async def event_of_the_claimed_size_comes_whole(probe: Probe, kind: StreamKind) -> None:
    """Publishes events of the size claimed for the bus, and of half of it: each must come whole."""
    most = min(probe.capabilities.max_event_bytes, _LARGEST) - _AROUND
    async with sse_session(probe, implicates={"altered", "lost"}) as sse:
        it = await subject(sse, kind)
        task, workflow = (it, None) if kind == "task" else (None, it)
        stream = await sse.stream(kind, it)
        for size in (most // 2, most):
            events: list[Event] = [sse.event(workflow, task=task, data="x" * size, tenant=0)]
            if it is not None:
                events.append(sse.token(it, "x" * size, task=task))
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-11", since="1.1")
async def many_children_are_included(probe: Probe) -> None:
    """Begins two dozen children: the events of each must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        children = [await sse.child(root) for _ in range(_CHILDREN)]
        for child in children:
            begun = child_begun(sse, root, child)
            await sse.publish(begun)
            await stream.receive(begun)
        for child in children:
            events = both_sides(sse, "consolidated", child)
            await sse.publish(*events)
            await stream.receive(*events)


@case("SSE-05", since="1.1")
async def types_count_for_children_too(probe: Probe) -> None:
    """Opens a consolidated stream with `types`: the children's events must be selected too."""
    async with sse_session(probe, implicates={"unselected", "lost"}) as sse:
        root = await sse.workflow()
        child = await sse.child(root)
        stream = await sse.stream(
            "consolidated",
            root,
            types="progress,task",
            selects=lambda e: e.event_type == "PROGRESS" or e.event_type.startswith("task."),
            fence_type="task.fence",
        )
        await sse.publish(child_begun(sse, root, child))
        for one in (child, root):
            wanted: list[Event] = [sse.token(one, "0.5", StreamEventType.PROGRESS), sse.event(one)]
            unwanted: list[Event] = [sse.token(one), sse.event(one, "workflow.started")]
            await sse.publish(*unwanted, *wanted)
            await stream.receive(*wanted)
        await sse.fence(stream)


@case("SSE-16", since="1.1")
async def standalone_tasks_key_decides(probe: Probe) -> None:
    """Publishes under a standalone task's key, with and without its name: each event must come."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        task = await sse.task()
        stream = await sse.stream("task", task)
        events: list[Event] = [sse.token(task, "unnamed"), sse.token(task, "named", task=task)]
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-11", since="1.1")
async def many_generations_are_included(probe: Probe) -> None:
    """Begins many generations, before and after a reader came: the events of each must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        member = root = await sse.workflow()
        streams = [await sse.stream("consolidated", root)]
        for number in range(_GENERATIONS):
            if number == _GENERATIONS // 2:
                streams.append(await sse.stream("consolidated", root))
            child = await sse.child(member)
            begun = child_begun(sse, member, child)
            await sse.publish(begun)
            for stream in streams:
                await stream.receive(begun)
            member = child
        streams.append(await sse.stream("consolidated", root))
        events = both_sides(sse, "consolidated", member)
        await sse.publish(*events)
        for stream in streams:
            await stream.receive(*events)


@named
@case("SSE-05", since="1.1")
async def long_list_of_types_counts_to_its_end(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream with many `types`: each must select its events."""
    async with sse_session(probe, implicates={"unselected", "lost"}) as sse:
        it = await subject(sse, kind)
        items = [f"{number}st-category.of-{number}" for number in range(_ITEMS)]
        stream = await sse.stream(
            kind,
            it,
            types=",".join([*items, "task.created", "progress"]),
            selects=lambda event: event.event_type in ("task.created", "PROGRESS"),
            fence_type="task.created",
        )
        task, workflow = (it, None) if kind == "task" else (None, it)
        for name in ("task.started", "task.created"):
            event = sse.event(workflow, name, task=task)
            await sse.publish(event)
        await stream.receive(event)
        await sse.fence(stream)
