"""SSE: asks for streams with the headers of browsers, proxies and client libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eventhook_conformance.cases._sse import both_sides, every_endpoint, subject
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.client import EVENT_STREAM
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session
from eventhook_conformance.sse.socket_reader import socket_reader

_ADDED: Final[Mapping[str, str]] = {
    "If-None-Match": '"of-another-answer"',
    "If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT",
    "Range": "bytes=0-",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Cookie": "theme=dark; session=of-another-site",
    "Via": "1.1 proxy.example",
    "Forwarded": "for=192.0.2.1;proto=https",
    "X-Forwarded-For": "192.0.2.1, 198.51.100.2",
    "X-Forwarded-Proto": "https",
    "TE": "trailers",
    "Accept-Language": "de, en;q=0.5, *;q=0.1",
    "User-Agent": "suite (a client; like others)",
    "Referer": "https://app.example/run?id=1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Content-Type": "application/json",
}
"""Headers that do not change the request, without `Origin` and `Host`, which a server may check."""

_RANGES: Final = ("text/event-stream", "text/*", "*/*", "Text/Event-Stream")
_WEIGHTS: Final = (";q=0.9", ";q=1", "; q=1.0", " ; q=0.001", ";\tq=1.000", ";Q=0.5")
_BESIDE: Final = (
    "{}",
    "{}, application/json;q=0.9",
    "text/html;level=1;q=0.8, {}",
    "application/json;charset=utf-8,{}",
    "text/html;q=0, {}, image/*;q=0",
    ", {} ,",
)
"""Templates of `Accept` around a range that admits event streams."""

_ACCEPTS: Final = 24

_ENCODINGS: Final[Mapping[str, frozenset[str]]] = {
    "identity": frozenset(),
    "gzip;q=0": frozenset(),
    "gzip;q=0, deflate;q=0, br;q=0, zstd;q=0": frozenset(),
    "identity, *;q=0": frozenset(),
    "br;q=0, gzip;q=0.5": frozenset({"gzip", "x-gzip"}),
    "gzip ; q=0.000": frozenset(),
    "ungzip": frozenset({"ungzip"}),
}
"""The encodings that each `Accept-Encoding` admits, beside none."""


@every_endpoint
@case("SSE-01", since="1.1")
async def added_headers_change_nothing(probe: Probe, kind: StreamKind) -> None:
    """Asks with usual headers, one by one and together: the stream must open, and carry its events."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        path, mine = sse.path(kind, it or ""), sse.tenants[0].headers
        added = {name: value for name, value in _ADDED.items() if name not in mine}
        for name, value in added.items():
            answer = await sse.ask("GET", path, {**mine, name: value})
            probe.expect(
                answer.status == 200 and answer.media_type == EVENT_STREAM,
                f"200 and {EVENT_STREAM} for GET {path} with {name}: {value}",
                f"{answer.status}, {answer.media_type or 'no content type'}",
            )
        stream = await sse.stream(kind, it, headers=added)
        events = both_sides(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)


@every_endpoint
@case("SSE-01", since="1.1")
async def encoding_is_one_that_was_accepted(probe: Probe, kind: StreamKind) -> None:
    """Asks with `Accept-Encoding`: the answer's encoding must be an accepted one."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for accepted, allowed in _ENCODINGS.items():
            headers = {**sse.tenants[0].headers, "Accept-Encoding": accepted}
            answer = await sse.ask("GET", path, headers)
            encoding = answer.headers.get("content-encoding", "identity").strip().lower()
            probe.expect(
                encoding in {"identity", *allowed},
                f"no encoding but {' or '.join(sorted({'identity', *allowed}))} "
                f"where Accept-Encoding is {accepted!r}",
                encoding,
            )


@every_endpoint
@case("SSE-17", since="1.1")
async def accept_may_weigh_what_it_admits(probe: Probe, kind: StreamKind) -> None:
    """Asks with admitting ranges of any form and weight but 0: the stream must open."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        ranges = [
            beside.format(one + weight)
            for one in _RANGES
            for weight in _WEIGHTS
            for beside in _BESIDE
        ]
        # Each range, weight and neighbourhood comes a few times among so many.
        for accept in probe.random.sample(ranges, _ACCEPTS):
            answer = await sse.ask("GET", path, {**sse.tenants[0].headers, "Accept": accept})
            probe.expect(answer.status == 200, f"200 for Accept: {accept}", f"{answer.status}")


@every_endpoint
@case("SSE-20")
async def answer_states_no_length(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream: the answer must state no length."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        answer = await sse.ask("GET", path, sse.tenants[0].headers)
        probe.expect(answer.status == 200, f"200 for GET {path}", f"{answer.status}")
        length = answer.headers.get("content-length")
        probe.expect(length is None, "a stream without Content-Length", f"Content-Length: {length}")


@every_endpoint
@case("SSE-20", since="1.1")
async def connection_that_is_to_close_lasts(probe: Probe, kind: StreamKind) -> None:
    """Sends `Connection: close`, as proxies do: it says what follows the answer, not when it ends."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind)
        path = sse.path(kind, it or "")
        headers = {**sse.tenants[0].headers, "Connection": "close"}
        async with socket_reader(sse.target.base_url, path, headers) as reader:
            status = await probe.returns(reader.read_head(), f"the answer to GET {path}")
            probe.expect(status == 200, "200 with Connection: close", f"{status}")
            for number in range(3):
                await sse.publish(both_sides(sse, kind, it)[0])
                came = await probe.returns(reader.read_events(), f"event {number} of GET {path}")
                if not came:
                    probe.found(
                        "a stream that goes on with Connection: close",
                        f"it ended after {len(reader.events)} events",
                    )
                    return
