"""SSE-11: begins families of any shape at once."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._sse import both_sides, child_begun
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.session import sse_session

_ROUNDS: Final = 4
_MOST: Final = 6
_GENERATIONS: Final = 4
_ENDS: Final = ("workflow.completed", "workflow.failed", "workflow.cancelled")


def _parent(probe: Probe, shape: str, members: list[UUID]) -> UUID:
    """Returns the parent of the next member in a family of that shape."""
    return {"wide": members[0], "deep": members[-1], "mixed": probe.random.choice(members)}[shape]


async def _tell(probe: Probe, told: list[Event], *, together: bool) -> None:
    """Publishes all at once; the members of a chain in order, siblings concurrently."""
    if together:
        await probe.burst([[event] for event in told])
    else:
        await probe.returns(probe.publish_here(*told), "telling of the members")


@pytest.mark.parametrize("shape", ["wide", "deep", "mixed"])
@case("SSE-11", since="1.1")
async def members_begun_at_once_are_included(probe: Probe, shape: str) -> None:
    """Begins several members at once: the events of each must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        members = [await sse.workflow()]
        stream = await sse.stream("consolidated", members[0])
        for number in range(_ROUNDS):
            told: list[Event] = []
            for _ in range(2 if number == 0 else probe.random.randint(2, _MOST)):
                parent = _parent(probe, shape, members)
                members.append(await sse.child(parent))
                told.append(child_begun(sse, parent, members[-1]))
            await _tell(probe, told, together=shape == "wide")
            await stream.receive(*told)
            heard = probe.random.sample(members, len(members))
            # The stream first: a lifecycle event of a member may tell a server of it once more.
            words: list[Event] = [sse.token(one, "a word at last") for one in heard]
            words += [event for one in heard for event in both_sides(sse, "consolidated", one)]
            await sse.publish(*words)
            await stream.receive(*words)
        await sse.fence(stream)


@case("SSE-20", "SSE-11")
async def descendants_outlive_who_began_them(probe: Probe) -> None:
    """Ends one generation after the other: the events of those left must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        members = [await sse.workflow()]
        stream = await sse.stream("consolidated", members[0])
        for _ in range(_GENERATIONS):
            members.append(await sse.child(members[-1]))
            await sse.publish(begun := child_begun(sse, members[-2], members[-1]))
            await stream.receive(begun)
        for number, ending in enumerate(members[:-1]):
            end = sse.event(ending, _ENDS[number % len(_ENDS)])
            await sse.publish(end)
            await stream.receive(end)
            for one in members[number + 1 :]:
                events = [sse.token(one, "still here"), *both_sides(sse, "consolidated", one)]
                await sse.publish(*events)
                await stream.receive(*events)


@case("SSE-11", since="1.1")
async def child_named_in_capitals_is_included(probe: Probe) -> None:
    """Names a child as some libraries write a UUID: it must be heard from its first word on."""
    async with sse_session(probe, implicates={"lost", "repeated"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        child = await sse.child(root)
        begun = child_begun(sse, root, str(child).upper())
        await sse.publish(begun)
        await stream.receive(begun)
        events: list[Event] = [sse.token(child, "a first word"), sse.event(child)]
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-11", since="1.1")
async def ancestor_named_as_a_child_comes_once(probe: Probe) -> None:
    """Names the root, and a member itself, as a child: nothing may come twice, or be lost."""
    async with sse_session(probe, implicates={"lost", "repeated", "strayed"}) as sse:
        members = [await sse.workflow()]
        streams = [await sse.stream("consolidated", members[0])]
        members.append(await sse.child(members[0]))
        for parent, child in ((0, 1), (1, 0), (1, 1)):
            told = child_begun(sse, members[parent], members[child])
            await sse.publish(told)
            for stream in streams:
                await stream.receive(told)
            events = [event for one in members for event in both_sides(sse, "consolidated", one)]
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
            if (parent, child) == (1, 0):
                streams.append(await sse.stream("consolidated", members[0]))
        await sse.fence(*streams)
