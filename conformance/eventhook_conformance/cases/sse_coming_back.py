"""SSE: comes back to streams that changed meanwhile: ended, grew, or lost their history."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._replay import evicted_by, history_size
from eventhook_conformance.cases._sse import both_sides, child_begun, every_endpoint, named, subject
from eventhook_conformance.cases._sse_ended import says_it_ends, to_be_ended
from eventhook_conformance.cases._sse_replay import (
    EXACT,
    Place,
    check_replays,
    come_back,
    go_on,
    place_now,
    places,
    read_some,
)
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.client import Received
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream

_LANES: Final = 8
_CHILDREN: Final = 8
_LONG: Final = 700
_TYPES: Final = ("order", "suite")

_BOTH: Final[tuple[StreamKind, ...]] = ("workflow", "consolidated")
two: Final = pytest.mark.parametrize("kind", _BOTH)
"""Runs a case on both streams of a workflow."""


def _is_selected(event: Event) -> bool:
    return isinstance(event, FlovynEvent) and event.event_type.partition(".")[0] in _TYPES


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def types_hold_for_what_is_replayed(probe: Probe, kind: StreamKind) -> None:
    """Comes back with `types`: only selected events may come, missed and new ones."""
    async with sse_session(probe, implicates=EXACT | {"unselected"}) as sse:
        check_replays(sse)
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        for event_type in ("order.paid", "task.created", "order.sent", "orders.x"):
            events = both_sides(sse, kind, it, event_type)
            await sse.publish(*events)
            await stream.receive(*events)
        asked = {"types": ",".join(_TYPES), "selects": _is_selected}
        for number, place in enumerate(list(places(stream))[:: 3 if kind == "tenant" else 2]):
            how = "query" if number % 2 else "header"
            await go_on(sse, kind, it, place, how=how, **asked)


@two
@case("RPL-16", exclusive="evicts")
async def one_id_serves_any_number_of_readers(probe: Probe, kind: StreamKind) -> None:
    """Comes back with one `id` several times: each reader must get all missed events."""
    async with sse_session(probe, implicates=EXACT) as sse:
        it, stream = await read_some(sse, kind, rounds=2)
        place = next(iter(places(stream)))
        back = [await come_back(sse, kind, it, place) for _ in range(2)]
        for one in back:
            await one.receive(*one.owed())
        await sse.fence(*back)
        for one in back:
            await one.leave()
        await go_on(sse, kind, it, place)


@two
@case("RPL-16", exclusive="evicts")
async def long_absence_is_made_up_for_in_full(probe: Probe, kind: StreamKind) -> None:
    """Comes back after many more events than a stream's queue holds: each must come."""
    async with sse_session(probe, implicates=EXACT) as sse:
        check_replays(sse)
        it = await sse.workflow()
        stream = await sse.stream(kind, it)
        events = both_sides(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)
        place = place_now(stream)
        await stream.leave()
        claimed = "replay" in probe.capabilities.profiles
        room = history_size(probe) - 8 if claimed else _LONG
        tokens = [sse.token(it, f"{number}") for number in range(min(_LONG, room))]
        await sse.publish(*tokens)
        await go_on(sse, kind, it, place)


@named
@case("RPL-16")
async def id_opens_no_door(probe: Probe, kind: StreamKind) -> None:
    """Asks with the owner's `id` as another tenant and as a stranger: the answers are as without it."""
    async with sse_session(probe, implicates=EXACT) as sse:
        it, stream = await read_some(sse, kind, rounds=1)
        given = {"Last-Event-ID": stream.reading.parser.last_event_id}
        for whose, headers in (("another tenant", sse.tenants[1].headers), ("a stranger", {})):
            for owner in (0, 1):
                path = sse.path(kind, it, owner)
                plain = await sse.ask("GET", path, headers)
                answer = await sse.ask("GET", path, {**headers, **given})
                probe.expect(
                    answer.status == plain.status,
                    f"{plain.status} for {whose} with the owner's id, as without it",
                    f"{answer.status}",
                )


@named
@case("RPL-16")
async def id_of_another_of_the_tenants_own_shows_nothing(probe: Probe, kind: StreamKind) -> None:
    """Comes back with the `id` of another stream: it must be refused, or ignored."""
    async with sse_session(probe, implicates=EXACT | {"crossed", "strayed", "replayed"}) as sse:
        check_replays(sse)
        it, other = await subject(sse, kind), await subject(sse, kind)
        stream = await sse.stream(kind, other)
        theirs = both_sides(sse, kind, other)
        await sse.publish(*theirs, *both_sides(sse, kind, it))
        await stream.receive(*theirs)
        headers = {"Last-Event-ID": stream.reading.parser.last_event_id}
        answer = await sse.ask("GET", sse.path(kind, it), {**sse.tenants[0].headers, **headers})
        if answer.status in (400, 410):
            return
        begun = await sse.stream(kind, it, headers=headers)
        new = both_sides(sse, kind, it)
        await sse.publish(*new)
        await begun.receive(*new)
        await sse.fence(begun)


@two
@case("RPL-16")
async def end_of_a_workflow_is_not_missed(probe: Probe, kind: StreamKind) -> None:
    """Comes back after the workflow ended: the missed events must come, and then the end."""
    async with sse_session(probe) as sse:
        check_replays(sse)
        workflow, finish = await to_be_ended(probe, sse)
        early = await sse.stream(kind, workflow)
        first = both_sides(sse, kind, workflow)
        await sse.publish(*first)
        await early.receive(*first)
        place = place_now(early)
        await early.leave()
        stays = await sse.stream(kind, workflow)
        await finish(stays)
        ended = await stays.until(lambda: stays.reading.over or says_it_ends(stays))
        back = await come_back(sse, kind, workflow, place)
        early.judged = stays.judged = back.judged = False  # the target publishes of its own
        missed = [one.event.data for one in stays.reading.received if not _had(sse, place, one)]

        def came() -> bool:
            got = [one.event.data for one in back.reading.received]
            return all(data in got for data in missed)

        probe.expect(
            await back.until(came),
            f"the {len(missed)} events until the end, for a reader that was away",
            f"{len(back.reading.received)} came",
            back.requested,
        )
        if ended:
            probe.expect(
                await back.until(lambda: back.reading.over or says_it_ends(back)),
                "the stream of what has ended to end for a reader that comes back",
                f"{back.name} is open",
                back.requested,
            )


@case("RPL-17", exclusive="evicts")
async def one_id_resumes_a_large_family(probe: Probe) -> None:
    """Comes back to a stream of more workflows than an `id` can name: all missed events must come."""
    async with sse_session(probe, implicates=EXACT | {"strayed"}) as sse:
        check_replays(sse)
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        family = [root]
        for _ in range(_CHILDREN):
            family.append(await sse.child(root))
            await sse.publish(child_begun(sse, root, family[-1]))
        for member in family:
            events = both_sides(sse, "consolidated", member)
            await sse.publish(*events)
            await stream.receive(*events)
        every = list(places(stream))
        # A reader whose connection breaks before anything came brings the same `id` again.
        for place in (every[len(every) // 2], every[-1], every[-1]):
            await go_on(sse, "consolidated", root, place)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        *(pytest.param(kind, "tokens") for kind in _BOTH),
        *(pytest.param(kind, "events") for kind in (*_BOTH, "tenant")),
        *(pytest.param(kind, "purged") for kind in _BOTH),
        *(pytest.param(kind, "purged-unseen") for kind in _BOTH),
    ],
)
@case("RPL-16", exclusive="evicts")
async def lost_past_is_no_silent_skip(probe: Probe, kind: StreamKind, what: str) -> None:
    """Comes back with an `id` beyond the history: it must be refused, or the gap must be told."""
    async with sse_session(probe) as sse:
        check_replays(sse)
        if "replay" not in probe.capabilities.profiles:
            raise NotOffered("profile replay is not claimed, so no limit of the history is known")
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        unseen = what == "purged-unseen"
        if unseen and sse.target.replay == "start":
            raise NotOffered(
                "a reader without events begins at the oldest one, so that it has no gap"
            )
        events = [] if unseen else both_sides(sse, kind, it)
        if events:
            await sse.publish(*events)
        await stream.receive(*events)
        if not await stream.until(lambda: bool(stream.reading.parser.last_event_id), glance=True):
            raise NotOffered("the server gives no `id` before the first event")
        place = Place(stream.reading.parser.last_event_id, stream.began)
        await stream.leave()
        after = both_sides(sse, kind, it)
        await sse.publish(*after)
        gone = await _lose_past(probe, sse, it, what, after)
        headers = {**sse.tenants[0].headers, "Last-Event-ID": place.id}
        answer = await sse.ask("GET", sse.path(kind, it or ""), headers)
        if answer.status != 200:
            return
        back = await come_back(sse, kind, it, place)
        back.judged = False
        fence = both_sides(sse, kind, it)
        await sse.publish(*fence)
        await back.receive(*fence)
        if not back.has(*gone) and not _tells(sse, back):
            probe.found(
                "an id whose next events are gone to be refused, or the gap to be told",
                f"{back.name} goes on without them, and tells nothing",
                back.requested,
            )


def _had(sse: Sse, place: Place, one: Received) -> bool:
    origin = sse.published().origin(one.event)
    return origin is not None and origin.number in place.had


async def _lose_past(
    probe: Probe, sse: Sse, it: UUID | None, what: str, after: list[Event]
) -> list[Event]:
    """Makes the bus lose a part of the history; returns the events lost."""
    if what.startswith("purged"):
        await probe.purge(str(it))
        await probe.purge(EventPattern.all(sse.tenants[0].id))
        return after
    each = (2 * evicted_by(probe) + 66) // _LANES + 1
    lanes: list[list[Event]]
    if what == "events" or it is None:
        lanes = [
            [sse.event(None, "suite.filler", tenant=0) for _ in range(each)] for _ in range(_LANES)
        ]
    else:
        lanes = [[sse.token(it, f"{lane}") for _ in range(each)] for lane in range(_LANES)]
    await probe.burst(lanes)
    return [event for event in after if isinstance(event, type(lanes[0][0]))]


def _tells(sse: Sse, stream: Stream) -> bool:
    """Returns whether an event came that nobody published."""
    published = sse.published()
    return any(published.origin(one.event) is None for one in stream.reading.received)
