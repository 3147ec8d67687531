"""SSE: makes the bus behind the server fail and come back."""

from __future__ import annotations

import asyncio

from eventhook_conformance.contract import Unsupported
from eventhook_conformance.probe import Client, NotOffered, Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream

_BEAT_S = 0.05


@case("SSE-24", last=True, clients=1)
async def stream_recovers_or_ends_when_the_bus_was_lost(probe: Probe) -> None:
    """Kills and restarts the bus: each open stream must deliver again or end, and a new one work."""
    if probe.server is None:
        raise NotOffered("the target gives no `server` that could be lost")
    client = await probe.open_client()
    async with sse_session(probe, via=client) as sse:
        workflow = await sse.workflow()
        streams = [await sse.stream("workflow", workflow), await sse.stream("tenant")]
        for stream in streams:
            stream.judged = False  # losses in a fault are the bus's
        for stream in streams:
            events = sse.due(stream)
            await sse.publish(*events, via=client)
            await stream.receive(*events)
        try:
            await probe.server.kill()
        except Unsupported as reason:
            raise NotOffered(str(reason)) from reason
        await probe.server.restart()
        loop = asyncio.get_running_loop()
        until = loop.time() + probe.capabilities.recovery_s + probe.settings.arrival_timeout_s
        while deaf := [one for one in streams if not await _heard(sse, client, one)]:
            if loop.time() > until:
                for stream in deaf:
                    probe.found(
                        "a stream to deliver again, or to end, once the bus is back",
                        f"{stream.name} is open and silent",
                        stream.requested,
                    )
                break
            await asyncio.sleep(_BEAT_S)
        path, headers = sse.path("workflow", workflow), sse.tenants[0].headers
        while (await sse.ask("GET", path, headers)).status != 200 and loop.time() < until:  # noqa: ASYNC110  # because: no event tells
            await asyncio.sleep(_BEAT_S)
        new = await sse.stream("workflow", workflow)
        new.judged = False
        if not await _heard(sse, client, new, patient=True):
            probe.found("a new stream to deliver once the bus is back", "it is silent")


async def _heard(sse: Sse, client: Client, stream: Stream, *, patient: bool = False) -> bool:
    """Returns whether the stream has ended, or carries the events published now, of each side."""
    if stream.reading.over:
        return True
    events = sse.due(stream)
    for event in events:
        await sse.probe.attempt(event, via=client)
    limit = None if patient else _BEAT_S
    return await stream.until(
        lambda: stream.reading.over or stream.has(*events), timeout_s=limit, glance=not patient
    )
