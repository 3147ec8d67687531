"""SSE: puts odd text into ids, tenants, `types`, names and headers of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import pytest

from eventhook_conformance.cases._sse import every_endpoint, subject
from eventhook_conformance.cases._sse_document import expect_described, fetch_document
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.document import locate
from eventhook_conformance.sse.paths import PATHS, StreamKind
from eventhook_conformance.sse.session import sse_session

ODD: Final[Mapping[str, bytes]] = {
    "composed and decomposed": "\u00e9e\u0301".encode(),
    "beyond the basic plane": "\U0001f600".encode(),
    "in part not to be seen": "\ufeff\u202eta\u200bsk\u202c".encode(),
    "of other digits": "\uff10\u0661\u096b".encode(),
    "of letters without one lower case": "\u0131\u0130\u1e9e\ufb01".encode(),
    "ended by NUL": b"task\0",
    "of two lines": b"task\r\nX-Injected: 1",
    "of two lines to some": "task\u2028\u0085x".encode(),
    "no UTF-8": b"\xff\xfe",
    "an overlong slash and a lone surrogate": b"\xc0\xaf\xed\xa0\x80",
    "with a percent sign": b"100%",
    "with dots and slashes": b"../../task",
    "long": b"\xc3\xa4" * 600,
}
"""Odd texts, by their oddity."""


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        pytest.param(kind, place)
        for kind in PATHS
        for place in ("id", "tenant", "types", "name")
        if "{id}" in PATHS[kind] or place != "id"
    ],
)
@case("SSE-14")
async def odd_text_in_the_url_is_answered_as_described(
    probe: Probe, kind: StreamKind, place: str
) -> None:
    """Puts odd text into each place of the URL: each answer must be described, and no 5xx."""
    async with sse_session(probe) as sse:
        document = await fetch_document(sse)
        real = sse.path(kind, await subject(sse, kind) or "")
        found = locate(document, real)
        if found is None:
            return  # that the document names it is another case
        operation = document["paths"][found[0]]["get"]
        mine = sse.tenants[0].headers

        async def ask(why: str, text: bytes) -> None:
            odd = quote(text, safe="")
            path = {
                "id": sse.path(kind, "ID").replace("ID", odd),
                "tenant": sse.tenants[0].base_path.rpartition("/")[0]
                + f"/{odd}"
                + real.removeprefix(sse.tenants[0].base_path),
                "types": f"{real}?types={odd}",
                "name": f"{real}?{odd}={odd}",
            }[place]
            answer = await sse.ask("GET", path, mine)
            if answer.status == 200 and place != "name":
                probe.found(f"a refusal of {place} with text that is {why}", "200")
            if answer.status >= 500:
                probe.found(f"no 5xx for {place} with text that is {why}", f"{answer.status}")
            else:
                expect_described(probe, document, operation, answer)

        for why, text in ODD.items():
            await ask(why, text)


@every_endpoint
@case("SSE-14")
async def odd_text_in_headers_breaks_nothing(probe: Probe, kind: StreamKind) -> None:
    """Puts odd text into headers: no answer may be a 5xx, and odd credentials must be refused."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        mine = {name: value.encode() for name, value in sse.tenants[0].headers.items()}

        async def ask(name: str, why: str, value: bytes) -> None:
            answer = await sse.ask("GET", path, {**mine, name: value})
            about = f"the header {name} with text that is {why}"
            probe.expect(answer.status < 500, f"no 5xx for {about}", f"{answer.status}")
            if name in mine:
                probe.expect(answer.status != 200, f"a refusal of {about}", f"{answer.status}")

        for why, text in ODD.items():
            # No HTTP client can send these bytes in a header.
            if set(text) & set(b"\0\r\n"):
                continue
            for name, value in mine.items():
                await ask(name, why, value.partition(b" ")[0] + b" " + text)
                await ask(name, why, value + text)
            await ask("Accept", why, b"text/event-stream, " + text)
            for name in ("Last-Event-ID", "X-Odd"):
                await ask(name, why, text)
