"""SSE: readers that were away while what is seldom published was, and what they get afterwards."""

from __future__ import annotations

from typing import Any, Final

import pytest

from eventhook_conformance.cases._comments import expect_comment
from eventhook_conformance.cases._replay import history_size
from eventhook_conformance.cases._sse import both_sides, child_begun, every_endpoint, subject
from eventhook_conformance.cases._sse_replay import (
    EXACT,
    Place,
    check_replays,
    come_back,
    go_on,
    place_now,
    read_some,
)
from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_SIZE: Final = 65536
_MISSED: Final = 700
"""Events that one side still reads when the other has come to the end."""


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def first_id_is_where_the_stream_began(probe: Probe, kind: StreamKind) -> None:
    """Cuts a reader off before its first event: what was published before it came must not come."""
    async with sse_session(probe, implicates=EXACT | {"replayed"}) as sse:
        check_replays(sse)
        if sse.target.replay == "start":
            raise NotOffered("a reader without an id begins with what there is")
        it = await subject(sse, kind)
        before = both_sides(sse, kind, it)
        await sse.publish(*before)
        stream = await sse.stream(kind, it)
        reading = stream.reading
        if not await stream.until(lambda: bool(reading.parser.last_event_id), glance=True):
            raise NotOffered("the server gives no `id` before the first event")
        place = Place(reading.parser.last_event_id, stream.began)
        await stream.leave()
        await sse.publish(*both_sides(sse, kind, it))
        back = await come_back(sse, kind, it, place)
        await back.receive(*back.owed())
        await sse.fence(back)
        probe.expect(
            not any(back.has(event) for event in before),
            "nothing from before the first connection",
            f"{back.name} got some of it",
            back.requested,
        )


@case("RPL-17", exclusive="evicts")
async def children_begun_while_away_are_made_up_for(probe: Probe) -> None:
    """Begins children and grandchildren while their family's reader is away: it is owed all of theirs."""
    async with sse_session(probe, implicates=EXACT | {"strayed"}) as sse:
        root, stream = await read_some(sse, "consolidated", rounds=1)
        if root is None:
            return
        place = place_now(stream)
        await stream.leave()
        family = [root]
        for _ in range(3):
            parent = family[len(family) // 2]
            family.append(await sse.child(parent))
            await sse.publish(child_begun(sse, parent, family[-1]))
            for member in family:
                await sse.publish(sse.token(member, "a word"), sse.event(member))
        for how in ("header", "query"):
            await go_on(sse, "consolidated", root, place, how=how)


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def long_events_are_made_up_for_whole(probe: Probe, kind: StreamKind) -> None:
    """Publishes events of 64 KiB, and empty ones, while a reader is away."""
    async with sse_session(probe, implicates=EXACT | {"altered"}) as sse:
        it, stream = await read_some(sse, kind, rounds=1)
        place = place_now(stream)
        await stream.leave()
        workflow, task = (None, it) if kind == "task" else (it, None)
        for text in ("\u3042" * (_SIZE // 3), "", "two\nlines\r\n"):
            events: list[Event] = [sse.event(workflow, task=task, data={"text": text}, tenant=0)]
            if it is not None:
                events.append(sse.token(it, text, task=task))
            await sse.publish(*events)
        await go_on(sse, kind, it, place)


@every_endpoint
@case("SSE-12", idles=True, since="1.1")
async def comments_come_to_who_comes_back(probe: Probe, kind: StreamKind) -> None:
    """Lets a stream that goes on after an `id` fall silent: it owes comments as any other."""
    async with sse_session(probe) as sse:
        it, stream = await read_some(sse, kind, rounds=1)
        place = place_now(stream)
        await stream.leave()
        back = await come_back(sse, kind, it, place)
        await expect_comment(sse, back)


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("RPL-16", exclusive="evicts")
async def rest_of_what_ended_comes_by_type(probe: Probe, kind: StreamKind) -> None:
    """Ends a workflow while a reader of tokens is away: those that it missed must come."""
    async with sse_session(probe, implicates=EXACT) as sse:
        check_replays(sse)
        if "lifecycle" in probe.capabilities.profiles:
            raise NotOffered("the target's own engine ends its workflows")
        workflow = await sse.workflow()
        asked: dict[str, Any] = {
            "types": "token",
            "selects": lambda event: isinstance(event, StreamEvent) and event.event_type == "TOKEN",
        }
        stream = await sse.stream(kind, workflow, **asked)
        first = sse.token(workflow, "before")
        await sse.publish(first)
        await stream.receive(first)
        place = place_now(stream)
        await stream.leave()
        claimed = "replay" in probe.capabilities.profiles
        count = min(_MISSED, history_size(probe) - 8) if claimed else _MISSED
        missed: list[Event] = [sse.token(workflow, f"missed {number}") for number in range(count)]
        snapshot = {"id": str(workflow), "kind": "suite", "status": "COMPLETED"}
        await sse.publish(*missed, sse.event(workflow, "workflow.completed", data=snapshot))
        back = await come_back(sse, kind, workflow, place, **asked)
        await back.receive(*missed)
