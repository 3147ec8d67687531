"""SSE: lets readers leave in every way, and stall. These cases run alone, since they count."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID, uuid4

import pytest

from eventhook_conformance.cases._sse import both_sides
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.resource_meter import Holdings
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.socket_reader import SocketReader, socket_reader

_LIMIT_S: Final = 2.0
_AT_ONCE: Final = 20
_LONG: Final = "x" * 16384
_KERNEL_EVENTS: Final = 512
"""Long events that may lie in the buffers of the two sockets: 8 MiB."""
_BEYOND: Final = 128
"""Events beyond the bound, which a server without a bound keeps too."""
_MOST: Final = 1600
"""Events that are published at all: with a capacity beyond, memory is not judged."""


@pytest.mark.parametrize("way", ["closed", "reset", "mid-event", "stalled", "unanswered"])
@case("SSE-08", exclusive="counts")
async def reader_that_leaves_frees_its_subscriptions(probe: Probe, way: str) -> None:
    """Leaves an idle stream, within an event, unread, and before the answer: all must be freed."""
    async with sse_session(probe) as sse:
        workflows = [await sse.workflow() for _ in range(6)]
        holdings = await _holdings(sse, *workflows)
        async with AsyncExitStack() as leaving:
            readers = [await _reader(sse, leaving, one, small=True) for one in workflows]
            for reader in readers:
                await probe.returns(reader.read_head(), "the answer")
            await holdings.check_visible()
            if way == "unanswered":
                for one in workflows:
                    (await _reader(sse, leaving, one)).reset()
            elif way == "mid-event":
                await sse.publish(*(sse.token(one, _LONG * 8) for one in workflows))
                for reader in readers:
                    await probe.returns(reader.read_body(), "the beginning of an event")
            elif way == "stalled":
                for _ in range(40):
                    await sse.publish(*(sse.token(one, _LONG * 4) for one in workflows))
            for reader in readers:
                if way == "closed":
                    reader.close()
                else:
                    reader.reset()
        left = await holdings.back_within(_LIMIT_S)
        probe.expect(
            left is None,
            f"everything of readers that left ({way}) to be freed within {_LIMIT_S:g} s",
            f"{left}",
        )


@case("SSE-08", exclusive="counts")
async def two_hundred_come_and_go(probe: Probe) -> None:
    """Lets 200 readers come and go: nothing of them may be left."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        workflows = [await sse.workflow() for _ in range(4)]
        holdings = await _holdings(sse, *workflows)
        for turn in range(200 // _AT_ONCE):
            async with AsyncExitStack() as leaving:
                readers = [
                    await _reader(sse, leaving, workflows[number % 4], small=number % 4 == 0)
                    for number in range(_AT_ONCE)
                ]
                for reader in readers:
                    await probe.returns(reader.read_head(), "the answer")
                if not turn:
                    await holdings.check_visible()
                await sse.publish(*(sse.token(one, "hello") for one in workflows))
                for number, reader in enumerate(readers):
                    if number % 4:
                        await probe.returns(reader.read_body(), "an event")
                    if number % 2:
                        reader.reset()
        left = await holdings.back_within(_LIMIT_S)
        probe.expect(left is None, "nothing to be left of 200 readers", f"{left}")
        staying = await sse.stream("workflow", workflows[0])
        events = both_sides(sse, "workflow", workflows[0])
        await sse.publish(*events)
        await staying.receive(*events)


@case("SSE-23", exclusive="counts")
async def heads_and_refusals_leave_nothing(probe: Probe) -> None:
    """Sends HEADs and refused requests: no subscription may be left."""
    async with sse_session(probe) as sse:
        workflow, foreign = await sse.workflow(), await sse.workflow(1)
        holdings = await _holdings(sse, workflow, foreign)
        async with AsyncExitStack() as leaving:
            readers = [await _reader(sse, leaving, workflow) for _ in range(3)]
            for reader in readers:
                await probe.returns(reader.read_head(), "the answer")
            await holdings.check_visible()
        path, mine = sse.path("workflow", workflow), sse.tenants[0].headers
        asked: list[tuple[str, str, dict[str, str]]] = [
            ("HEAD", path, {**mine}),
            ("GET", path, {}),
            ("GET", path + sse.query("a..b"), {**mine}),
            ("GET", path, {**mine, "Accept": "text/html"}),
            ("GET", sse.path("workflow", foreign), {**mine}),
            ("GET", sse.path("workflow", uuid4()), {**mine}),
            ("GET", sse.path("consolidated", foreign), {**mine}),
            ("POST", path, {**mine}),
        ]
        if sse.target.replay is not None:
            asked.append(("GET", path, {**mine, "Last-Event-ID": "no-server-gives-this-id"}))
        for _ in range(5):
            for method, where, headers in asked:
                await sse.ask(method, where, headers)
        left = await holdings.back_within(_LIMIT_S)
        probe.expect(
            left is None, "nothing to be left of HEADs and refusals", f"{left} {_LIMIT_S:g} s later"
        )


@case("SSE-13", exclusive="counts")
async def reader_that_stalls_costs_others_nothing(probe: Probe) -> None:
    """Stalls a reader: others must go on, and what is kept for it must be bounded."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        workflow = await sse.workflow()
        capacity = probe.capabilities.stream_capacity
        bound = 2 * capacity + 64 + _KERNEL_EVENTS
        number = min(10 * capacity, bound + _BEYOND, _MOST)
        window = max(1, min(capacity // 2, 16))
        async with AsyncExitStack() as leaving:
            stalled = await _reader(sse, leaving, workflow, small=True)
            await probe.returns(stalled.read_head(), "the answer")
            beside = [await sse.stream("workflow", workflow), await sse.stream("tenant")]
            for start in range(0, number, window):
                tokens: list[Event] = [sse.token(workflow, _LONG) for _ in range(window)]
                known = sse.event(workflow, f"task.step-{start}")
                await sse.publish(*tokens, known)
                await beside[0].receive(*tokens, known)
                await beside[1].receive(known)
            kept = await _read_rest(probe, sse, stalled, workflow)
        if bound < number:
            probe.expect(
                kept <= bound,
                f"at most {bound} of {number} long events to be kept for a reader that stalled",
                f"{kept} were",
            )
        await sse.fence(*beside)


async def _holdings(sse: Sse, *workflows: UUID) -> Holdings:
    """Counts the server's subscriptions and channels, after an event for each workflow.

    Where the bus keeps a history, the place of it is made at its first event, and holds a subscription of
    its own from then on: that is no reader's.
    """
    for workflow in workflows:
        await sse.publish(*both_sides(sse, "workflow", workflow))
    holdings = Holdings(sse)
    await holdings.begin()
    return holdings


async def _read_rest(probe: Probe, sse: Sse, reader: SocketReader, workflow: UUID) -> int:
    """Returns how many long events a stalled reader still gets, up to one that is published now.

    Only events count as progress: comments may come for ever.
    """
    last = sse.token(workflow, "the last one")
    published = False
    while not reader.events or reader.events[-1].data != last.payload:
        reading = probe.spawn(reader.read_events())
        # Once it reads again there is room, so that the last event is lost to no overflow.
        if reader.events and not published:
            published = True
            await sse.publish(last)
        if not await probe.deadline.wait(reading, timeout_s=probe.deadline.current_s):
            break
        try:
            if not reading.result():
                break
        except Exception:  # because: however it was cut off, that bounds memory too
            break
    return sum(event.data == _LONG for event in reader.events)


async def _reader(
    sse: Sse, leaving: AsyncExitStack, workflow: UUID, *, small: bool = False
) -> SocketReader:
    path, headers = sse.path("workflow", workflow), sse.tenants[0].headers
    return await sse.probe.returns(
        leaving.enter_async_context(socket_reader(sse.target.base_url, path, headers, small=small)),
        "connecting",
    )
