"""SSE: checks a replaying server's first frame, its 410 and its 204."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._replay import evicted_by
from eventhook_conformance.cases._sse import both_sides, every_endpoint, expect_problem, subject
from eventhook_conformance.cases._sse_ended import says_it_ends, to_be_ended
from eventhook_conformance.cases._sse_replay import (
    EXACT,
    Place,
    check_replays,
    go_on,
)
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_LANES: Final = 8


@every_endpoint
@case("RPL-19", exclusive="evicts")
async def first_frame_says_where_the_stream_begins(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream: its first frame must be an `id`, before any event."""
    async with sse_session(probe, implicates=EXACT) as sse:
        check_replays(sse)
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        reading = stream.reading
        given = await stream.until(lambda: bool(reading.parser.last_event_id))
        shown = [one for one in reading.received if one.event.data]
        if not given or (shown and kind != "tenant"):
            seen = "an event came first" if shown else f"none in {probe.deadline.current_s:g} s"
            raise probe.aborted("an id before any event", seen, stream.requested)
        place = Place(reading.parser.last_event_id, stream.began)
        await stream.leave()
        await sse.publish(*both_sides(sse, kind, it))
        await go_on(sse, kind, it, place)


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("RPL-19")
async def expired_id_is_gone(probe: Probe, kind: StreamKind) -> None:
    """Comes back with an `id` beyond the history: the answer must be a 410, as a problem."""
    async with sse_session(probe) as sse:
        check_replays(sse)
        if "replay" not in probe.capabilities.profiles:
            raise NotOffered("profile replay is not claimed, so no limit of the history is known")
        limit = evicted_by(probe)
        workflow = await sse.workflow()
        stream = await sse.stream(kind, workflow)
        events = both_sides(sse, kind, workflow)
        await sse.publish(*events)
        await stream.receive(*events)
        last = stream.reading.parser.last_event_id
        await stream.leave()
        each = (2 * limit + 66) // _LANES + 1
        await probe.burst(
            [[sse.token(workflow, f"{lane}") for _ in range(each)] for lane in range(_LANES)]
        )
        headers = {**sse.tenants[0].headers, "Last-Event-ID": last}
        answer = await sse.ask("GET", sse.path(kind, workflow), headers)
        expect_problem(probe, answer, 410, "an id that the history no longer reaches")


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("RPL-19")
async def nothing_more_of_what_ended_is_said(probe: Probe, kind: StreamKind) -> None:
    """Comes back to an ended workflow after reading all: the answer must be a 204."""
    async with sse_session(probe) as sse:
        check_replays(sse)
        workflow, finish = await to_be_ended(probe, sse)
        stream = await sse.stream(kind, workflow)
        stream.judged = False
        await finish(stream)
        await stream.until(lambda: stream.reading.over or says_it_ends(stream))
        last = stream.reading.parser.last_event_id
        headers = {**sse.tenants[0].headers, "Last-Event-ID": last}
        answer = await sse.ask("GET", sse.path(kind, workflow), headers)
        probe.expect(
            answer.status == 204,
            "204 to a reader that has all events of an ended workflow",
            f"{answer.status}",
        )
