"""SSE: checks keep-alive comments beside filtered traffic, and on idle streams."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from eventhook_conformance.cases._comments import Pace, expect_comment, intervals
from eventhook_conformance.cases._sse import both_sides, every_endpoint, named, subject
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream


@case("SSE-12", idles=True, since="1.1")
async def comments_come_beside_filtered_traffic(probe: Probe) -> None:
    """Publishes only events that `types` leaves out: comments must come."""
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
@case("SSE-12", idles=True, since="1.1")
async def idle_stream_stays_open(probe: Probe, kind: StreamKind) -> None:
    """Leaves a stream idle for several intervals: comments must come, and then events as before."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        pace = Pace(sse)
        came: list[bool | None] = []
        for _ in range(intervals(sse, 8)):
            came.append(await expect_comment(sse, stream))
            if came[-1] is False:
                break
        if all(came):
            pace.judge(len(came), stream)
        events = both_sides(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@named
@case("SSE-12", idles=True, since="1.1")
async def comments_come_to_every_reader(probe: Probe, kind: StreamKind) -> None:
    """Leaves several readers of a stream idle: each must get comments."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind)
        streams = [await sse.stream(kind, it) for _ in range(3)]
        await asyncio.gather(*(expect_comment(sse, stream) for stream in streams))


@every_endpoint
@case("SSE-12", idles=True, since="1.1")
async def comments_go_on(probe: Probe, kind: StreamKind) -> None:
    """Publishes on each side, ends tasks and children, and leaves a reader: comments must go on."""
    async with sse_session(probe) as sse:

        async def go_on(part: int) -> None:
            it = await subject(sse, kind)
            guest = await sse.stream(kind, it) if part == 0 else None
            stream = await sse.stream(kind, it)
            events = _told(sse, kind, it)[part]
            await sse.publish(*events)
            await stream.receive(*events)
            if guest is not None:
                await guest.leave()
            for _ in range(intervals(sse, 2)):
                if await expect_comment(sse, stream) is False:
                    break

        parts = range(len(_told(sse, kind, await subject(sse, kind))))
        await probe.at_once(*(go_on(part) for part in parts))


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-12", idles=True, since="1.1")
async def comments_go_on_after_the_end(probe: Probe, kind: StreamKind) -> None:
    """Ends a workflow whose stream stays open: comments must go on."""
    async with sse_session(probe) as sse:
        workflow = await sse.workflow()
        stream = await sse.stream(kind, workflow)
        snapshot = {"id": str(workflow), "kind": "suite", "status": "COMPLETED"}
        end = sse.event(workflow, "workflow.completed", data=snapshot)
        await sse.publish(end)
        await stream.receive(end)
        for _ in range(intervals(sse, 2)):
            if not await _closes_or_comments(sse, stream):
                return


async def _closes_or_comments(sse: Sse, stream: Stream) -> bool:
    """Waits for one more comment, or the stream's end; reports a breach if neither comes.

    Returns:
        True if a comment came.
    """
    comments, interval = stream.reading.parser.comments, sse.target.keep_alive_s
    before = len(comments)
    limit = interval * 1.5 + sse.probe.settings.arrival_timeout_s / 2
    came = await stream.until(lambda: len(comments) > before, timeout_s=limit)
    sse.probe.expect(
        came or stream.reading.over,
        f"a stream of what has ended to close, or a comment within {interval:g} s",
        f"neither within {limit:g} s",
        stream.requested,
    )
    return came


def _told(sse: Sse, kind: StreamKind, it: UUID | None) -> list[list[Event]]:
    """Returns, in parts, the events that may come on a stream of that kind without ending it."""
    parts: list[list[Event]] = [[event] for event in both_sides(sse, kind, it)]
    parts.append([event for _ in range(8) for event in both_sides(sse, kind, it)])
    if kind != "task":
        snapshot = {"id": str(it), "kind": "suite", "status": "COMPLETED"}
        names = ("task.completed", "child_workflow.completed", "workflow.suspended")
        parts += [[sse.event(it, name, data=snapshot, tenant=0)] for name in names]
    return parts


async def _flow(sse: Sse, workflow: UUID) -> None:
    """Publishes events that `types` leaves out, several per interval, until cancelled."""
    while True:
        await sse.publish(*both_sides(sse, "workflow", workflow))
        # Traffic needs a pace: without one it would keep the processor from everybody else.
        await asyncio.sleep(min(sse.target.keep_alive_s / 8, 0.1))
