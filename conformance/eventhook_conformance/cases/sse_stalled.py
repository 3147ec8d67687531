"""SSE: lets a reader stall, and read on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Final
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.cases._sse import subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.checks import remains
from eventhook_conformance.sse.parser import ServerSentEvent
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session
from eventhook_conformance.sse.socket_reader import SocketReader, socket_reader

_LONG: Final = "~" * 65536
_TYPES: Final = (StreamEventType.TOKEN, StreamEventType.PROGRESS, StreamEventType.DATA)
_NAMES: Final = tuple(kind.lower() for kind in _TYPES)
_MANY: Final = 80
"""Long events: more than the buffers of two sockets hold, and fewer than a server must keep."""
_SHORT: Final = 36
"""Short events after them, some written at once."""
_FEWER: Final = 64
"""Long events that surely fill the sockets, whatever is kept behind them."""
_TURNS: Final = 2
_LATE_MS: Final = 1_700_000_000_000
_MIXED: Final = (StreamEventType.PROGRESS, StreamEventType.DATA, StreamEventType.TOKEN)


@pytest.mark.parametrize("kind", ["workflow", "consolidated", "task"])
@case("SSE-21")
async def stalled_reader_reads_on(probe: Probe, kind: StreamKind) -> None:
    """Stalls a reader, and reads on: whole events must come in order, up to the newest, or it ends."""
    async with sse_session(probe) as sse, AsyncExitStack() as stack:
        it = await subject(sse, kind)
        if it is None:
            return
        path, headers = sse.path(kind, it), sse.tenants[0].headers
        stalled = await probe.returns(
            stack.enter_async_context(
                socket_reader(sse.target.base_url, path, headers, small=True)
            ),
            "connecting",
        )
        await probe.returns(stalled.read_head(), f"the answer to GET {path}")
        task = it if kind == "task" else None
        for number in range(_MANY):
            # Types in turn: a writer that sorts what waits by them changes the order.
            kind_of = _TYPES[number % len(_TYPES)]
            await sse.publish(sse.token(it, f"{number} {_LONG}", kind_of, task=task))
            if number % 4 == 3:
                await sse.publish(sse.event(None if task else it, f"task.step-{number}", task=task))
        # Short ones wait together: a writer that sorts what goes out at once changes their order,
        # by whichever of their members it goes.
        for number in range(_MANY, _MANY + _SHORT):
            earlier = {"timestamp_ms": _LATE_MS - number}
            token = sse.token(it, f"{number}", _MIXED[number % 3], task=task)
            events: list[Event] = [
                msgspec.structs.replace(token, sequence=_MANY + _SHORT - number, **earlier)
            ]
            if number % 2:
                step = sse.event(None if task else it, f"task.step-{number}", task=task)
                events.append(msgspec.structs.replace(step, **earlier))
            await sse.publish(*events)
        # Once it reads again there is room, so that the newest is lost to no overflow.
        await _read(probe, stalled, 1)
        newest = sse.token(it, "the newest", StreamEventType.DATA, task=task)
        await sse.publish(newest)
        await _read(probe, stalled, None)
        _judge(probe, stalled, replay=sse.target.replay is not None)


@case("SSE-13", since="1.1")
async def stalled_reader_of_any_stream_delays_nobody(probe: Probe) -> None:
    """Stalls readers of a family, a task and a tenant: those who join beside them must get all."""
    async with (
        sse_session(probe, implicates={"lost", "repeated"}) as sse,
        AsyncExitStack() as stack,
    ):
        workflow = await sse.workflow()
        task = await sse.task(workflow=workflow)
        read: list[tuple[StreamKind, UUID | None]] = [
            ("consolidated", workflow),
            ("task", task),
            ("tenant", None),
        ]
        for kind, it in read:
            path, headers = sse.path(kind, it or ""), sse.tenants[0].headers
            stalled = await probe.returns(
                stack.enter_async_context(
                    socket_reader(sse.target.base_url, path, headers, small=True)
                ),
                "connecting",
            )
            await probe.returns(stalled.read_head(), f"the answer to GET {path}")
        for _ in range(_FEWER):
            await sse.publish(sse.event(workflow, task=task, data=_LONG))
        beside = [await sse.stream(kind, it) for kind, it in read]
        for _ in range(_TURNS):
            events: list[Event] = [sse.event(workflow, task=task) for _ in range(_SHORT)]
            await sse.publish(*events)
            for stream in beside:
                await stream.receive(*events)
        await sse.fence(*beside)


async def _read(probe: Probe, reader: SocketReader, least: int | None) -> None:
    """Reads so many events (None: up to the newest), or to the end of the stream.

    Raises:
        CaseAborted: nothing more came, and it did not end.
    """
    looked = 0

    def enough() -> bool:
        nonlocal looked
        if least is not None:
            return len(reader.events) >= least
        fresh, looked = reader.events[looked:], len(reader.events)
        return any("the newest" in event.data for event in fresh)

    while not enough():
        reading = probe.spawn(reader.read_events())
        if not await probe.deadline.wait(reading):
            raise probe.aborted(
                "a reader that stalled to get the newest event, or its stream to end",
                f"after {len(reader.events)} events nothing came for {probe.deadline.current_s:g} s",
            )
        try:
            if not reading.result():
                return
        except Exception:  # because: however it is cut off, that is an end
            return


def _judge(probe: Probe, reader: SocketReader, *, replay: bool) -> None:
    names: dict[str, list[int]] = {"token": [], "task": []}
    for event in reader.events:
        number = _number(event)
        if number is None:
            continue
        side = "token" if event.type in _NAMES else "task"
        names[side].append(number)
        whole = len(_LONG) if number < _MANY else 0
        if side == "token" and event.data.count("~") != whole:
            probe.found(
                "whole events for a reader that stalled",
                f"token {number} has {event.data.count('~')} of {whole} letters",
            )
    for side, numbers in names.items():
        again = sorted({one for one in numbers if numbers.count(one) > 1})
        probe.expect(
            not again, f"each {side} once for a reader that stalled", f"again: {again[:5]}"
        )
        for one, next_one in pairwise(numbers):
            if next_one < one:
                probe.found(
                    f"every {side} in order for a reader that stalled", f"{next_one} after {one}"
                )
                break
    if torn := remains(reader.parser.strays, replay=replay):
        probe.found("whole events for a reader that stalled", f"{torn[0]!r:.120}")


def _number(event: ServerSentEvent) -> int | None:
    """Returns the number in an event of this case; None for others."""
    if event.type.startswith("task.step-"):
        return int(event.type.rpartition("-")[2])
    if event.type not in _NAMES:
        return None
    text = event.data.partition('"data":')[2].lstrip(' "') or event.data
    number = text.split(" ", 1)[0]
    return int(number) if number.isdigit() else None
