"""SSE: lets several readers come, go and change streams."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_conformance.cases._sse import both_sides, every_endpoint, subject
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.socket_reader import socket_reader
from eventhook_conformance.sse.stream import Stream


@every_endpoint
@case("SSE-07")
async def each_reader_gets_everything(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream by eight readers, some later: each must get everything."""
    async with sse_session(probe, implicates={"lost", "repeated", "altered"}) as sse:
        it = await subject(sse, kind)
        streams = [await sse.stream(kind, it) for _ in range(4)]
        for _ in range(4):
            events = [event for _ in range(3) for event in both_sides(sse, kind, it)]
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
            streams.append(await sse.stream(kind, it))
        await sse.fence(*streams)


@pytest.mark.parametrize("way", ["closed", "reset"])
@every_endpoint
@case("SSE-07")
async def reader_that_leaves_disturbs_none(probe: Probe, kind: StreamKind, way: str) -> None:
    """Leaves a stream between and within events, as first reader and later: the others must go on."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        it = await subject(sse, kind)
        path, headers = sse.path(kind, it or ""), sse.tenants[0].headers
        staying: list[Stream] = []
        for busy in (False, True, True):
            async with socket_reader(sse.target.base_url, path, headers) as guest:
                status = await probe.returns(guest.read_head(), f"the answer to GET {path}")
                probe.expect(status == 200, "200", f"{status}")
                # In the first turn the guest is the first reader.
                staying += [await sse.stream(kind, it) for _ in range(1 if staying else 2)]
                events = [event for _ in range(10) for event in both_sides(sse, kind, it)]
                half = len(events) // 2
                await sse.publish(*events[:half])
                publishing = probe.spawn(sse.publish(*events[half:])) if busy else None
                if busy:
                    await probe.returns(guest.read_body(), "the first event")
                if way == "reset":
                    guest.reset()
                else:
                    guest.close()
                if publishing is None:
                    await sse.publish(*events[half:])
                else:
                    await probe.returns(publishing, "publishing")
                for stream in staying:
                    await stream.receive(*events)
        await sse.fence(*staying)


@pytest.mark.parametrize("kind", ["workflow", "consolidated", "task"])
@case("SSE-09")
async def switching_shows_nothing_of_the_first(probe: Probe, kind: StreamKind) -> None:
    """Switches between two workflows: each stream must carry its own workflow's events only."""
    async with sse_session(probe, implicates={"strayed", "lost", "replayed", "repeated"}) as sse:
        ids = [await subject(sse, kind) for _ in range(2)]
        for turn in range(4):
            here, there = ids[turn % 2], ids[(turn + 1) % 2]
            stream = await sse.stream(kind, here)
            for _ in range(3):
                events = both_sides(sse, kind, here)
                await sse.publish(*both_sides(sse, kind, there), *events)
                await stream.receive(*events)
            await sse.fence(stream)
            unread = both_sides(sse, kind, here)
            await sse.publish(*unread)
            await stream.leave()


@case("SSE-09")
async def streams_of_several_workflows_stay_apart(probe: Probe) -> None:
    """Opens streams of several workflows, a tenant and a task: each must carry its own events only."""
    async with sse_session(probe, implicates={"strayed", "lost", "repeated"}) as sse:
        workflows = [await sse.workflow() for _ in range(3)]
        streams = [await sse.stream("workflow", one) for one in workflows]
        streams += [await sse.stream("consolidated", one) for one in workflows]
        for _ in range(3):
            every: list[list[Event]] = [both_sides(sse, "workflow", one) for one in workflows]
            await sse.publish(*(event for events in every for event in events))
            for number, stream in enumerate(streams):
                await stream.receive(*every[number % 3])
        await sse.fence(*streams)


@case("SSE-07")
async def readers_come_and_go_while_events_flow(probe: Probe) -> None:
    """Lets readers come and go beside traffic: one that stays must get everything."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        workflow = await sse.workflow()
        staying = await sse.stream("workflow", workflow)
        for _ in range(6):
            events = [event for _ in range(8) for event in both_sides(sse, "workflow", workflow)]
            publishing = probe.spawn(sse.publish(*events))
            guests = [probe.spawn(_visit(sse, sse.path("workflow", workflow))) for _ in range(3)]
            await probe.returns(asyncio.gather(publishing, *guests), "readers coming and going")
            await staying.receive(*events)
        await sse.fence(staying)


@every_endpoint
@case("SSE-07", since="1.1")
async def reconnecting_before_the_old_connection_is_lost(probe: Probe, kind: StreamKind) -> None:
    """Reconnects before the old connection is lost: the new one must get everything."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        it = await subject(sse, kind)
        path, headers = sse.path(kind, it or ""), sse.tenants[0].headers
        for way in ("reset", "closed", "reset"):
            async with socket_reader(sse.target.base_url, path, headers) as old:
                await probe.returns(old.read_head(), f"the answer to GET {path}")
                new = await sse.stream(kind, it)
                events = [event for _ in range(3) for event in both_sides(sse, kind, it)]
                await sse.publish(*events)
                await new.receive(*events)
                if way == "reset":
                    old.reset()
                else:
                    old.close()
                for _ in range(4):
                    events = both_sides(sse, kind, it)
                    await sse.publish(*events)
                    await new.receive(*events)
            await sse.fence(new)
            await new.leave()


@case("SSE-07", subscriptions=130, since="1.1")
async def sixty_four_readers_at_once(probe: Probe) -> None:
    """Opens a stream by 64 readers at once: each must get everything."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        workflow = await sse.workflow()
        streams = await probe.at_once(*(sse.stream("workflow", workflow) for _ in range(64)))
        for _ in range(2):
            events = [event for _ in range(2) for event in both_sides(sse, "workflow", workflow)]
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
        await sse.fence(*streams)


async def _visit(sse: Sse, path: str) -> None:
    async with socket_reader(sse.target.base_url, path, sse.tenants[0].headers) as guest:
        await guest.read_head()
