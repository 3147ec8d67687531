"""SSE: compares the suite's reading of a stream with that of other libraries."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import pytest

from eventhook_conformance.cases._sse import named, subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.browser import browser_reading
from eventhook_conformance.sse.independent_readers import LIBRARIES, Seen
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, need, sse_session
from eventhook_conformance.sse.stream import Stream

_BROWSER_START_S: Final = 30.0

TEXTS: Final = (
    "token",
    " leading blank",
    "",
    "two\nlines",
    "carriage\rreturn",
    "both\r\n",
    "\u2028\U0001f600\u00e9",
    ": no comment",
    "data: x\n\nevent: y",
)


def mixture(sse: Sse, kind: StreamKind, it: object) -> list[Event]:
    """Makes events of both sides and all types, with texts that readers treat differently."""
    workflow, task = (None, it) if kind == "task" else (it, None)
    events: list[Event] = []
    for number, text in enumerate(TEXTS):
        stream_type = list(StreamEventType)[number % 4]
        events.append(sse.token(it, text, stream_type, task=it))  # type: ignore[arg-type]
        events.append(sse.event(workflow, "task.created", task=task, data={"text": text}))  # type: ignore[arg-type]
    return events


@pytest.mark.parametrize("library", list(LIBRARIES))
@named
@case("SSE-15")
async def other_library_reads_it_alike(probe: Probe, kind: StreamKind, library: str) -> None:
    """Reads a stream by another library: it must get the same names, data and ids, in the same order."""
    need(library)
    async with sse_session(probe, implicates={"altered", "form", "lost"}) as sse:
        it = await subject(sse, kind)
        url, headers = sse.target.base_url + sse.path(kind, it), dict(sse.tenants[0].headers)
        seen: list[Seen] = []
        news, opened = asyncio.Event(), asyncio.Event()

        def see(one: Seen) -> None:
            seen.append(one)
            news.set()

        reading = probe.spawn(LIBRARIES[library](url, headers, see, opened))
        await _first(probe, reading, opened.wait(), f"{library} to open the stream")
        stream = await sse.stream(kind, it)
        events = mixture(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)

        async def enough() -> None:
            while len(seen) < len(stream.reading.received):
                news.clear()
                await news.wait()

        await _first(probe, reading, enough(), f"{library} to read {len(events)} events")
        compare(probe, stream, seen, library)


@named
@case("SSE-15")
async def browser_reads_it_alike(probe: Probe, kind: StreamKind) -> None:
    """Reads a stream by Chromium's `EventSource`, through a proxy that adds the token: all must come."""
    if not probe.settings.browser:
        raise NotOffered("a browser reads it too with --browser")
    async with sse_session(probe, implicates={"altered", "form", "lost"}) as sse:
        it = await subject(sse, kind)
        url, headers = sse.target.base_url + sse.path(kind, it), sse.tenants[0].headers
        names = [*(one.lower() for one in StreamEventType), "task.created"]
        async with browser_reading(url, headers, names) as browser:
            opened = probe.spawn(browser.until_opened())
            if not await probe.deadline.wait(opened, timeout_s=_BROWSER_START_S):
                raise probe.aborted(
                    "EventSource to open the stream",
                    f"it did not within {_BROWSER_START_S:g} s, after {browser.failures} failures",
                )
            stream = await sse.stream(kind, it)
            events = mixture(sse, kind, it)
            await sse.publish(*events)
            await stream.receive(*events)
            came = probe.spawn(browser.until_seen(len(stream.reading.received)))
            await probe.deadline.wait(came, progress=lambda: len(browser.seen))
            compare(probe, stream, browser.seen, "EventSource")


def compare(probe: Probe, stream: Stream, seen: list[Seen], who: str) -> None:
    """Expects that an independent reader gets the same events as the suite's own."""
    mine = [(e.type, e.data, e.last_event_id) for e in (r.event for r in stream.reading.received)]
    if stream.wanted.replay is not None:
        # Each reader has an `id` of its own for one event: it says how far it has read on every side.
        mine, seen = [(*one[:2], "") for one in mine], [(*one[:2], "") for one in seen]
    for side in (True, False):
        ours = [one for one in mine if ("." in one[0]) is side]
        theirs = [one for one in seen if ("." in one[0]) is side]
        for one, other in zip(ours, theirs, strict=False):
            if one != other:
                probe.found(f"{who} to read {one!r:.200}", f"it read {other!r:.200}")
                return
        probe.expect(
            len(ours) == len(theirs),
            f"{who} to read {len(ours)} events",
            f"it read {len(theirs)}",
        )


async def _first(
    probe: Probe, reading: asyncio.Task[None], awaited: Coroutine[Any, Any, object], expected: str
) -> None:
    """Waits for the other reader, unless it fails first."""
    waiting = probe.spawn(awaited)
    either = probe.spawn(asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED))
    if await probe.deadline.wait(either) and waiting.done():
        return
    error = reading.exception() if reading.done() and not reading.cancelled() else None
    raise probe.aborted(expected, describe(error) if error else "it did not in time")
