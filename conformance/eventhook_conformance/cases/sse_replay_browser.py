"""SSE: breaks the connection of a browser's `EventSource`, which comes back by itself."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._sse import both_sides, named, subject
from eventhook_conformance.cases._sse_replay import check_replays
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.browser import BrowserReading, browser_reading
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_BROWSER_S: Final = 30.0
"""Seconds for a browser to start, and to come back: Chromium waits 3 s first."""
_CUTS: Final = 2


@named
@case("RPL-16")
async def browser_comes_back_by_itself(probe: Probe, kind: StreamKind) -> None:
    """Cuts the connection twice beside traffic: the browser must show each event once."""
    if not probe.settings.browser:
        raise NotOffered("a browser reads it too with --browser")
    async with sse_session(probe) as sse:
        check_replays(sse)
        it = await subject(sse, kind)
        url, headers = sse.target.base_url + sse.path(kind, it), sse.tenants[0].headers
        names = [*(one.lower() for one in StreamEventType), "task.created"]
        async with browser_reading(url, headers, names) as browser:
            opened = probe.spawn(browser.until_opened())
            if not await probe.deadline.wait(opened, timeout_s=_BROWSER_S):
                raise probe.aborted("EventSource to open the stream", "it did not")
            total = 0
            for cut in range(_CUTS + 1):
                if cut:
                    browser.cut()
                for _ in range(2):
                    events = both_sides(sse, kind, it)
                    await sse.publish(*events)
                    total += len(events)
                await _seen(probe, browser, total)
            await _seen(probe, browser, total)


async def _seen(probe: Probe, browser: BrowserReading, total: int) -> None:
    """Expects that the browser shows so many events, each once."""
    coming = probe.spawn(browser.until_seen(total))
    came = await probe.deadline.wait(
        coming, timeout_s=_BROWSER_S, progress=lambda: len(browser.seen)
    )
    data = [one[1] for one in browser.seen]
    if not came or len(set(data)) != total or len(data) != total:
        raise probe.aborted(
            f"EventSource to show {total} events, each once",
            f"it showed {len(data)}, {len(set(data))} of them different",
        )
