"""SSE: keep-alive comments beside traffic that is left out, and for as long as a stream is idle."""

from __future__ import annotations

import asyncio
from uuid import UUID

from eventhook_conformance.cases._comments import Pace, expect_comment, intervals
from eventhook_conformance.cases._sse import both_sides, every_endpoint, named, subject
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session


@case("SSE-12", since="1.1")
async def comments_come_beside_filtered_traffic(probe: Probe) -> None:
    """Events that `types` leaves out are not sent, so the stream is idle and owes comments."""
    async with sse_session(probe, implicates={"unselected"}) as sse:
        workflow = await sse.workflow()
        kinds: tuple[StreamKind, ...] = ("workflow", "consolidated")
        streams = [
            await sse.stream(
                kind, workflow, types="suite", selects=lambda e: e.event_type.startswith("suite.")
            )
            for kind in kinds
        ]
        flowing = probe.spawn(_flow(sse, workflow))
        try:
            for _ in range(intervals(sse, 2)):
                await asyncio.gather(*(expect_comment(sse, stream) for stream in streams))
        finally:
            flowing.cancel()
            await asyncio.gather(flowing, return_exceptions=True)
        await sse.fence(*streams)


@every_endpoint
@case("SSE-12", since="1.1")
async def idle_stream_stays_open(probe: Probe, kind: StreamKind) -> None:
    """For many intervals (on a target whose interval is long, for one); then events come as ever."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        pace = Pace(sse)
        silent = [await expect_comment(sse, stream) for _ in range(intervals(sse, 8))]
        if all(silent):
            pace.judge(len(silent), stream)
        events = both_sides(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@named
@case("SSE-12", since="1.1")
async def comments_come_to_every_reader(probe: Probe, kind: StreamKind) -> None:
    """Not to the first alone of those who read the same."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind)
        streams = [await sse.stream(kind, it) for _ in range(3)]
        await asyncio.gather(*(expect_comment(sse, stream) for stream in streams))


async def _flow(sse: Sse, workflow: UUID) -> None:
    """Publishes events that `types` leaves out, several per interval, until cancelled."""
    while True:
        await sse.publish(*both_sides(sse, "workflow", workflow))
        # Traffic needs a pace: without one it would keep the processor from everybody else.
        await asyncio.sleep(min(sse.target.keep_alive_s / 8, 0.1))
