"""SSE: opens several streams on one HTTP/2 connection, as browsers do."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.session import sse_session

_LONG: Final = "x" * 40_000
"""More bytes than a frame of HTTP/2 holds, and fewer than the window of a stream."""
_ROUNDS: Final = 3


@case("SSE-07", since="1.1")
async def streams_on_one_connection_stay_apart(probe: Probe) -> None:
    """Opens streams of several workflows and tenants on one connection: each carries its own events."""
    async with sse_session(
        probe, implicates={"altered", "lost", "repeated", "crossed", "phantom"}
    ) as sse:
        if not sse.target.http2:
            raise NotOffered("expected a server that speaks HTTP/2")
        first, second, others = await sse.workflow(), await sse.workflow(), await sse.workflow(1)
        streams = [
            await sse.stream("workflow", first, shared=True),
            await sse.stream("consolidated", second, shared=True),
            await sse.stream("workflow", others, tenant=1, shared=True),
            await sse.stream("tenant", shared=True),
        ]
        for number in range(_ROUNDS):
            text = f"{number}{_LONG}"
            events: list[Event] = []
            for one in (first, second, others):
                events += [sse.token(one, text), sse.event(one), sse.token(one)]
            await probe.at_once(*(sse.publish(event) for event in events))
            for stream in streams:
                await stream.receive(*filter(stream.wanted.takes, events))
        for stream in streams:
            await sse.fence(stream)
