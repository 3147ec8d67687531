"""SSE: comes back to streams with the last `id` that was read."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.cases._sse import (
    both_sides,
    child_begun,
    every_endpoint,
    expect_problem,
    subject,
)
from eventhook_conformance.cases._sse_replay import (
    EXACT,
    check_replays,
    come_back,
    crowded,
    go_on,
    place_now,
    places,
    read_some,
)
from eventhook_conformance.cases._steps import yields
from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.checks import Breach
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import FENCE, Sse, sse_session

_SHOWN: Final[frozenset[Breach]] = frozenset({"crossed", "strayed", "replayed"})

merged: Final = pytest.mark.parametrize("kind", ["workflow", "consolidated", "task"])
"""Runs a case on each endpoint that merges the two sides."""


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def stream_goes_on_after_each_id(probe: Probe, kind: StreamKind) -> None:
    """Comes back after each `id`, by header and query: exactly the rest must come, then new events."""
    async with sse_session(probe, implicates=EXACT) as sse:
        it, stream = await read_some(sse, kind)
        for number, place in enumerate(places(stream)):
            if crowded(sse):
                break
            await go_on(sse, kind, it, place, how="query" if number % 2 else "header")


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def header_wins_over_the_query(probe: Probe, kind: StreamKind) -> None:
    """Comes back with an old `id` in the query and a newer one in the header: the header must win."""
    async with sse_session(probe, implicates=EXACT) as sse:
        it, stream = await read_some(sse, kind)
        first, *_, last = places(stream)
        for early, late in ((first, last), (last, first)):
            back = await sse.stream(
                kind,
                it,
                query=f"?last_event_id={early.id}",
                headers={"Last-Event-ID": late.id},
                resumes=late.had,
            )
            back.began = late.began
            await back.receive(*back.owed())
            await sse.fence(back)
            await back.leave()


@every_endpoint
@case("RPL-16", exclusive="evicts")
async def nothing_is_missed_between_two_connections(probe: Probe, kind: StreamKind) -> None:
    """Comes back again and again beside traffic: no event may be lost or repeated."""
    async with sse_session(probe, implicates=EXACT) as sse:
        it, stream = await read_some(sse, kind, rounds=1)
        for turns in range(6):
            more = [event for _ in range(3) for event in both_sides(sse, kind, it)]

            async def publish(turns: int = turns, more: list[Event] = more) -> None:
                await yields(turns)
                await sse.publish(*more)

            place = place_now(stream)
            await stream.leave()
            beside = probe.spawn(publish())
            stream = await come_back(sse, kind, it, place)
            await probe.returns(beside, "publishing while a reader comes back")
            await stream.receive(*stream.owed())
        await sse.fence(stream)


@pytest.mark.parametrize("what", ["words", "a number", "cut short", "a letter more", "another's"])
@every_endpoint
@case("RPL-16")
async def id_of_no_such_stream_shows_nothing(probe: Probe, kind: StreamKind, what: str) -> None:
    """Comes back with a wrong `id`: it must be refused, or ignored."""
    async with sse_session(probe, implicates=EXACT | _SHOWN) as sse:
        check_replays(sse)
        it, other = await subject(sse, kind), await subject(sse, kind, tenant=1)
        stream = await sse.stream(kind, other, tenant=1)
        theirs = both_sides(sse, kind, other, tenant=1)
        await sse.publish(*theirs, *both_sides(sse, kind, it))
        await stream.receive(*theirs)
        given = stream.reading.parser.last_event_id
        text = {
            "words": "no-server-gives-this-id",
            "a number": "9" * 40,
            "cut short": given[: len(given) // 2],
            "a letter more": given + "x",
            "another's": given,
        }[what]
        path, headers = sse.path(kind, it or ""), {**sse.tenants[0].headers, "Last-Event-ID": text}
        answer = await sse.ask("GET", path, headers)
        if answer.status in (400, 410):
            expect_problem(probe, answer, answer.status, what)
            head = await sse.ask("HEAD", path, headers)
            probe.expect(
                head.status == answer.status,
                f"{answer.status} to HEAD with an id that GET refuses so",
                f"{head.status}",
            )
            return
        probe.expect(answer.status == 200, "400, 410 or 200", f"{answer.status}")
        begun = await sse.stream(kind, it, headers={"Last-Event-ID": text})
        new = both_sides(sse, kind, it)
        await sse.publish(*new)
        await begun.receive(*new)
        await sse.fence(begun)


@merged
@case("RPL-17", exclusive="evicts")
async def one_id_resumes_every_side(probe: Probe, kind: StreamKind) -> None:
    """Comes back after each `id` of several sides: exactly the rest of each side must come."""
    async with sse_session(probe, implicates=EXACT | {"strayed"}) as sse:
        check_replays(sse)
        it = await subject(sse, kind)
        family = [it, *await _children(sse, kind, it)]
        stream = await sse.stream(kind, it)
        for number in range(4):
            for member in family[number % 2 :]:
                events = [*both_sides(sse, kind, member), *both_sides(sse, kind, member)]
                sent = [_numbered(event, number) for event in events[number % 3 :]]
                await sse.publish(*sent)
            await sse.fence(stream)
        every = list(places(stream))
        for place in every[:: max(1, len(every) // 12)]:
            if crowded(sse):
                break
            await go_on(sse, kind, it, place)


async def _children(sse: Sse, kind: StreamKind, root: UUID | None) -> list[UUID]:
    """Makes a child and a grandchild, if the endpoint carries them."""
    if kind != "consolidated" or root is None:
        return []
    made: list[UUID] = []
    for _ in range(2):
        parent = made[-1] if made else root
        made.append(await sse.child(parent))
        await sse.publish(child_begun(sse, parent, made[-1]))
    return made


def _numbered(event: Event, sequence: int) -> Event:
    """Returns the event with a given sequence, which others of its publisher have too."""
    if isinstance(event, StreamEvent):
        return msgspec.structs.replace(event, sequence=sequence)
    return event


@every_endpoint
@case("RPL-17", exclusive="evicts")
async def keep_alives_never_move_the_id(probe: Probe, kind: StreamKind) -> None:
    """Leaves a stream idle while others publish: comments may not change the last `id`."""
    async with sse_session(probe, implicates=EXACT) as sse:
        check_replays(sse)
        it, other = await subject(sse, kind), await subject(sse, kind)
        asked: dict[str, Any] = {}
        if kind == "tenant":
            asked = {"types": "suite", "selects": lambda event: event.event_type == FENCE}
        stream = await sse.stream(kind, it, **asked)
        await sse.fence(stream)
        reading = stream.reading
        for _ in range(2):
            said = len(reading.parser.comments)
            await sse.publish(*both_sides(sse, kind, other))
            await stream.until(
                lambda said=said: len(reading.parser.comments) > said,  # type: ignore[misc]  # because: bound in the loop
                probe.deadline.current_s + 2 * sse.target.keep_alive_s,
                glance=True,
            )
            # Other cases' events may come on the tenant's own stream.
            right, now = reading.received[-1].event.last_event_id, reading.parser.last_event_id
            probe.expect(
                now == right,
                f"the last id to stay {right!r:.80} while nothing is delivered",
                f"it became {now!r:.80}",
                stream.requested,
            )
            await go_on(sse, kind, it, place_now(stream), **asked)


@every_endpoint
@case("RPL-18", exclusive="evicts")
async def id_of_one_replica_resumes_on_another(probe: Probe, kind: StreamKind) -> None:
    """Comes back to another replica each time: no event may be lost or repeated."""
    async with sse_session(probe, implicates=EXACT) as sse:
        check_replays(sse)
        if not sse.target.replicas:
            raise NotOffered("the target names no `replicas`")
        urls = [sse.target.base_url, *sse.target.replicas]
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it, base_url=urls[0])
        for turn in range(1, 2 * len(urls) + 1):
            events = both_sides(sse, kind, it)
            await sse.publish(*events)
            await stream.receive(*events)
            place = place_now(stream)
            await stream.leave()
            for _ in range(turn % 3):
                await sse.publish(*both_sides(sse, kind, it))
            stream = await come_back(sse, kind, it, place, base_url=urls[turn % len(urls)])
            await stream.receive(*stream.owed())
        for number, place in enumerate(places(stream)):
            if crowded(sse):
                break
            await go_on(sse, kind, it, place, base_url=urls[number % len(urls)])
