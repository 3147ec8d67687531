"""SSE: checks that events and headers do not wait for comments, and that HTTP/1.0 gets no chunks."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._sse import both_sides, every_endpoint, named, subject
from eventhook_conformance.probe import Probe, Undecided
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.socket_reader import socket_reader

_ATTEMPTS: Final = 20
"""Attempts in a row: a comment may come with an event by chance, but not so often."""
_LAST_ATTEMPTS: Final = 8
_HEADS: Final = 4
_TOGETHER: Final = (1, 2, 3, 8)
"""Events that are published one right after the other."""


@pytest.mark.parametrize("encoding", ["identity", "gzip, deflate, br"])
@named
@case("SSE-01", since="1.1")
async def event_needs_no_comment(probe: Probe, kind: StreamKind, encoding: str) -> None:
    """Publishes single events: one of several must come before the next comment."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it, headers={"Accept-Encoding": encoding})
        comments, began = stream.reading.parser.comments, sse.http.now_s()
        for _ in range(_ATTEMPTS):
            before = len(comments)
            (event, *_) = both_sides(sse, kind, it)
            await sse.publish(event)
            await stream.receive(event)
            if len(comments) == before:
                return
        if await _says_nothing(sse, kind, it, began, _ATTEMPTS):
            return
        probe.found(
            "an event to come by itself",
            f"each of {_ATTEMPTS} events came with a keep-alive comment, not before",
            stream.requested,
        )


@named
@case("SSE-01", since="1.1")
async def last_event_needs_no_comment(probe: Probe, kind: StreamKind) -> None:
    """Publishes several events, of either side: the last must come before the next comment."""
    await _last_comes(probe, kind)


@case("SSE-01", exclusive="times", since="1.1")
async def last_event_of_a_tenant_needs_no_comment(probe: Probe) -> None:
    """Publishes events of a tenant, alone: the last must come before the next comment."""
    await _last_comes(probe, "tenant")


async def _last_comes(probe: Probe, kind: StreamKind) -> None:
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        comments = stream.reading.parser.comments

        async def comes(side: int, number: int) -> bool:
            before = len(comments)
            events = [both_sides(sse, kind, it)[side] for _ in range(number)]
            await sse.publish(*events)
            await stream.receive(*events)
            return len(comments) == before

        for side in range(len(both_sides(sse, kind, it))):
            for number in _TOGETHER:
                began = sse.http.now_s()
                for _ in range(_LAST_ATTEMPTS):
                    if await comes(side, number):
                        break
                else:
                    if await _says_nothing(sse, kind, it, began, _LAST_ATTEMPTS):
                        continue
                    probe.found(
                        "the last event to come by itself",
                        f"each of {_LAST_ATTEMPTS} times the last of {number} came with a keep-alive "
                        "comment, not before",
                        stream.requested,
                    )
                    return


async def _says_nothing(
    sse: Sse, kind: StreamKind, it: UUID | None, began: float, attempts: int
) -> bool:
    """Returns whether a comment with each event says nothing.

    Comments may come faster than keep-alives: a server may send one with each event.

    Raises:
        Undecided: not even a HEAD is answered between two comments.
    """
    clock, interval_s = sse.http.now_s, sse.target.keep_alive_s
    if clock() - began < (attempts - 1) * interval_s / 2:
        return True
    path, slowest = sse.path(kind, it or ""), 0.0
    for _ in range(_HEADS):
        asked = clock()
        await sse.ask("HEAD", path, sse.tenants[0].headers)
        slowest = max(slowest, clock() - asked)
    if slowest > interval_s / 2:
        raise Undecided(
            f"an event could not be told from the comment after it: a HEAD took {slowest:.2f} s, "
            f"and comments come every {interval_s:g} s; run it again when the machine is less busy"
        )
    return False


@every_endpoint
@case("SSE-01", since="1.1")
async def head_needs_no_comment(probe: Probe, kind: StreamKind) -> None:
    """Opens streams: the headers must come as fast as those of HEAD, before the first comment.

    Compared with HEAD requests made in turn, so that a busy machine delays both.
    """
    async with sse_session(probe) as sse:
        path, clock = sse.path(kind, await subject(sse, kind) or ""), sse.http.now_s
        headers = sse.tenants[0].headers
        gets: list[float] = []
        heads: list[float] = []
        for _ in range(_HEADS):
            began = clock()
            await sse.ask("GET", path, headers)
            between = clock()
            await sse.ask("HEAD", path, headers)
            gets.append(between - began)
            heads.append(clock() - between)
        interval, fastest, slowest = sse.target.keep_alive_s, min(gets), max(heads)
        probe.expect(
            fastest < interval / 2 or fastest < 4 * slowest,
            "the head of a stream as soon as that of a HEAD",
            f"it took {fastest:.2f} s at the least, a HEAD {slowest:.2f} s at the most, "
            f"and comments come every {interval:g} s",
        )


@every_endpoint
@case("SSE-22")
async def http_1_0_gets_no_chunks(probe: Probe, kind: StreamKind) -> None:
    """Asks by HTTP/1.0: the stream must come without chunks."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind)
        path = sse.path(kind, it or "")
        async with socket_reader(
            sse.target.base_url, path, sse.tenants[0].headers, version="1.0"
        ) as reader:
            status = await probe.returns(reader.read_head(), f"the answer to GET {path} HTTP/1.0")
            probe.expect(status == 200, "200 to a GET of HTTP/1.0", f"{status}")
            for name in ("transfer-encoding", "content-length"):
                probe.expect(
                    name not in reader.headers,
                    f"no {name} to HTTP/1.0, whose stream ends by closing",
                    f"{name}: {reader.headers.get(name)}",
                )
            for event in both_sides(sse, kind, it):
                await sse.publish(event)
                name = event.event_type if "." in event.event_type else event.event_type.lower()
                while not any(one.type == name for one in reader.events):
                    more = await probe.returns(
                        reader.read_events(), f"the next event over HTTP/1.0 ({name})"
                    )
                    if not more:
                        raise probe.aborted(f"{name} over HTTP/1.0", "the stream ended")
