"""SSE: checks the answer to a stream's request, and what HTTP demands of it."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases._sse import (
    both_sides,
    every_endpoint,
    expect_problem,
    named,
    subject,
)
from eventhook_conformance.probe import NotOffered, Probe, Via
from eventhook_conformance.specification import case, via
from eventhook_conformance.sse.client import EVENT_STREAM
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session
from eventhook_conformance.sse.socket_reader import socket_reader

_LEAST_RETRY_MS = 100
"""The fewest milliseconds: a smaller number can only be meant in seconds."""


@every_endpoint
@case("SSE-01")
async def stream_is_answered_before_anything_happens(probe: Probe, kind: StreamKind) -> None:
    """Opens streams before any event: the answer must be 200, of the right type, and not cacheable."""
    async with sse_session(probe) as sse:
        stream = await sse.stream(kind, await subject(sse, kind))
        headers = stream.reading.headers
        media, _, parameters = headers.get("content-type", "").partition(";")
        probe.expect(
            media.strip().lower() == EVENT_STREAM,
            f"content type {EVENT_STREAM}",
            headers.get("content-type", "none"),
        )
        charset = parameters.lower().replace(" ", "").replace('"', "")
        probe.expect(
            "charset=" not in charset or "charset=utf-8" in charset, "charset utf-8", parameters
        )
        caching = {part.strip().lower() for part in headers.get("cache-control", "").split(",")}
        probe.expect(
            bool(caching & {"no-store", "no-cache"}),
            "Cache-Control: no-store or no-cache",
            headers.get("cache-control", "none"),
        )
        await sse.fence(stream)


@every_endpoint
@case("SSE-01")
async def each_event_comes_at_once(probe: Probe, kind: StreamKind) -> None:
    """Publishes events one by one: each must come before the next is published."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        # As a browser sends it: compression must not delay events either.
        stream = await sse.stream(kind, it, headers={"Accept-Encoding": "gzip, deflate, br"})
        for _ in range(3):
            for event in both_sides(sse, kind, it):
                await sse.publish(event)
                await stream.receive(event)


@via
@every_endpoint
@case("SSE-04")
async def first_event_after_the_headers_is_delivered(
    probe: Probe, kind: StreamKind, via: Via
) -> None:
    """Publishes as soon as the headers came, on each side: the event must come."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        for attempt in range(6):
            it = await subject(sse, kind)
            stream = await sse.stream(kind, it)
            events = both_sides(sse, kind, it)
            first = events[attempt % len(events)]
            await sse.publish(first, via=via)
            await stream.receive(first)
            await stream.leave()


@case("SSE-04")
async def first_event_of_many_readers_is_delivered(probe: Probe) -> None:
    """Opens streams of a workflow with readers and traffic: the first event after the headers must come."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        workflow = await sse.workflow()
        standing = await sse.stream("workflow", workflow)
        for _ in range(8):
            stream = await sse.stream("workflow", workflow)
            events = both_sides(sse, "workflow", workflow)
            await sse.publish(*events)
            await stream.receive(*events)
            await standing.receive(*events)


@named
@case("SSE-04", since="1.1")
async def id_in_capitals_hears_the_events(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream by an id in upper case: it must carry the same events."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        streams = [await sse.stream(kind, it, id_text=str(it).upper()), await sse.stream(kind, it)]
        for _ in range(2):
            events = both_sides(sse, kind, it)
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
        await sse.fence(*streams)


@every_endpoint
@case("SSE-17")
async def head_answers_the_headers_and_ends(probe: Probe, kind: StreamKind) -> None:
    """Asks by HEAD: the answer must have GET's status and type, no body, and end at once."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind)
        path, headers = sse.path(kind, it or ""), sse.tenants[0].headers
        answer = await sse.ask("HEAD", path, headers)
        stream = await sse.stream(kind, it)
        for name in ("content-type", "cache-control"):
            seen, right = answer.headers.get(name), stream.reading.headers.get(name)
            probe.expect(seen == right, f"HEAD to answer {name}: {right}", f"{seen}")
        probe.expect(answer.status == 200, "HEAD to answer 200", f"{answer.status}")
        probe.expect(answer.body == b"", "HEAD to have no body", f"{answer.body[:60]!r}")
        refused = await sse.ask("HEAD", path)
        probe.expect(refused.status == 401, "HEAD without a token: 401", f"{refused.status}")


@every_endpoint
@case("SSE-17")
async def head_keeps_no_connection_busy(probe: Probe, kind: StreamKind) -> None:
    """Asks by HEAD: the connection must take the next request, or be closed."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        headers = sse.tenants[0].headers
        async with socket_reader(sse.target.base_url, path, headers, method="HEAD") as reader:
            status = await probe.returns(reader.read_head(), f"the answer to HEAD {path}")
            probe.expect(status == 200, "HEAD to answer 200", f"{status}")
            await probe.returns(reader.ends(), f"the answer to HEAD {path}")


@every_endpoint
@case("SSE-17")
async def accept_decides(probe: Probe, kind: StreamKind) -> None:
    """Asks with `Accept`: ranges that exclude event streams must be a 406, and others a 200."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for accept in ("text/html", "application/json, text/plain", "text/event-stream;q=0, */*"):
            answer = await sse.ask("GET", path, {**sse.tenants[0].headers, "Accept": accept})
            expect_problem(probe, answer, 406, f"Accept: {accept}")
        for accept in (
            "text/event-stream",
            "*/*",
            "text/*",
            "TEXT/Event-Stream",
            "text/html, */*;q=0.1",
            "application/json, text/event-stream;q=0.5",
        ):
            answer = await sse.ask("GET", path, {**sse.tenants[0].headers, "Accept": accept})
            probe.expect(answer.status == 200, f"200 for Accept: {accept}", f"{answer.status}")


@every_endpoint
@case("SSE-17")
async def last_event_id_is_ignored(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream with `Last-Event-ID`: nothing may be sent again, and new events must come."""
    async with sse_session(probe, implicates={"replayed"}) as sse:
        if sse.target.replay is not None:
            raise NotOffered("the target claims `replay`: RPL-16 says what Last-Event-ID does")
        it = await subject(sse, kind)
        first = await sse.stream(kind, it)
        old = [*both_sides(sse, kind, it), *both_sides(sse, kind, it)]
        await sse.publish(*old)
        await first.receive(*old)
        seen = [one.event.last_event_id for one in first.reading.received]
        await first.leave()
        for last in (seen[0], seen[-1], "0", "nonsense", ""):
            again = await sse.stream(kind, it, headers={"Last-Event-ID": last})
            new = both_sides(sse, kind, it)
            await sse.publish(*new)
            await again.receive(*new)
            await sse.fence(again)


@pytest.mark.parametrize("kind", ["workflow", "consolidated", "tenant"])
@case("SSE-17", since="1.1")
async def last_event_id_of_any_form_is_ignored(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream with a `Last-Event-ID` of any form: it must open, and carry all events."""
    async with sse_session(probe, implicates={"lost", "replayed"}) as sse:
        if sse.target.replay is not None:
            raise NotOffered("the target claims `replay`: RPL-16 says what Last-Event-ID does")
        it = await subject(sse, kind)
        streams = [
            await sse.stream(kind, it, headers={"Last-Event-ID": last})
            for last in (str(2**53 - 1), "-1", f"{it}:{2**53 - 1}", "1-c.39b1b4/=+~", "7" * 1000)
        ]
        events = [*both_sides(sse, kind, it), *both_sides(sse, kind, it)]
        await sse.publish(*events)
        for stream in streams:
            await stream.receive(*events)
        await sse.fence(*streams)


@case("SSE-17")
async def retry_is_in_milliseconds(probe: Probe) -> None:
    """Reads `retry`: it must be digits, and at least some hundred milliseconds."""
    async with sse_session(probe) as sse:
        workflow = await sse.workflow()
        stream = await sse.stream("workflow", workflow)
        events = both_sides(sse, "workflow", workflow)
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)
        parser = stream.reading.parser
        blocks = [*parser.strays, *(one.event.fields for one in stream.reading.received)]
        for text in [value for block in blocks for name, value in block if name == "retry"]:
            right = text.isascii() and text.isdigit() and int(text) >= _LEAST_RETRY_MS
            probe.expect(right, "retry: as digits, in milliseconds", f"retry: {text}")
