"""SSE: checks the `types` parameter by the whole table on every endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import pytest

import eventhook_fixtures
from eventhook_conformance.cases._sse import (
    both_sides,
    every_endpoint,
    expect_problem,
    named,
    subject,
)
from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream

_MANY = 24
_AT_ONCE = 12
"""Concurrent readers; each holds a subscription or two of the target."""
_STREAM_TYPES = [kind.lower() for kind in StreamEventType]


@every_endpoint
@case("SSE-05")
async def types_selects_as_written(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream for each well-formed row: it must carry exactly the events that the row selects."""
    table = eventhook_fixtures.load("types")
    vectors = [vector for vector in _vectors(table, kind) if vector["status"] == 200]
    async with sse_session(probe, implicates={"unselected", "lost", "repeated"}) as sse:
        for start in range(0, len(vectors), _AT_ONCE):
            it = await subject(sse, kind)
            opened = [
                (vector, await _open(sse, kind, it, vector))
                for vector in vectors[start : start + _AT_ONCE]
            ]
            events = {name: _event(sse, kind, it, name) for name in table["events"]}
            if kind == "tenant":
                events = {n: e for n, e in events.items() if not isinstance(e, StreamEvent)}
            await sse.publish(*events.values())
            for vector, stream in opened:
                await stream.receive(*(events[name] for name in vector["selects"]))
            await sse.fence(*(stream for _, stream in opened))
            for _, stream in opened:
                await stream.leave()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@every_endpoint
@case("SSE-05")
async def malformed_types_are_refused(probe: Probe, kind: StreamKind, method: str) -> None:
    """Asks with each malformed row: the answer must be a 400."""
    vectors = _vectors(eventhook_fixtures.load("types"), kind)
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for vector in vectors:
            if vector["status"] == 400:
                answer = await sse.ask(
                    method, path + sse.query(vector["values"]), sse.tenants[0].headers
                )
                expect_problem(probe, answer, 400, vector["name"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("token%2Ctask", id="encoded-comma"),
        pytest.param("token,+task", id="plus-for-a-blank"),
        pytest.param("%20token%2c%20task%20", id="encoded-blanks"),
        pytest.param("t%6Fken,%74ask%2e*", id="encoded-letters"),
        pytest.param("token%09,%09task", id="tabs"),
    ],
)
@named
@case("SSE-05", since="1.1")
async def types_is_decoded_before_it_is_read(probe: Probe, kind: StreamKind, text: str) -> None:
    """Asks with `%2C` for a comma and `+` for a space: the stream must open, and select accordingly."""
    async with sse_session(probe, implicates={"unselected", "lost", "repeated"}) as sse:
        it = await subject(sse, kind) or UUID(int=0)
        stream = await sse.stream(
            kind,
            it,
            query=f"?types={text}",
            selects=lambda e: e.event_type == "TOKEN" or e.event_type.startswith("task."),
            fence_type="task.fence",
        )
        names = ("token", "data", "task.created", "workflow.started")
        events = [_event(sse, kind, it, name) for name in names]
        await sse.publish(*events)
        await stream.receive(events[0], events[2])
        await sse.fence(stream)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("token%252Ctask", id="comma"),
        pytest.param("%2574oken", id="letter"),
        pytest.param("token%2Ctask%252E*", id="dot"),
        pytest.param("%2520token", id="blank"),
    ],
)
@named
@case("SSE-05", since="1.1")
async def types_is_decoded_once(probe: Probe, kind: StreamKind, text: str) -> None:
    """Asks with `types` encoded twice: the answer must be a 400."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        answer = await sse.ask("GET", f"{path}?types={text}", sse.tenants[0].headers)
        expect_problem(probe, answer, 400, f"types={text}")


@pytest.mark.parametrize("form", ["one list", "many parameters", "both"])
@every_endpoint
@case("SSE-05", since="1.1")
async def each_of_many_types_counts(probe: Probe, kind: StreamKind, form: str) -> None:
    """Asks with more than twenty types, in one list or several: each must select its events."""
    wanted = [f"task.of-many-{number}" for number in range(_MANY)]
    values = {
        "one list": [",".join(wanted)],
        "many parameters": wanted,
        "both": [",".join(wanted[: _MANY // 2]), *wanted[_MANY // 2 :]],
    }[form]
    async with sse_session(probe, implicates={"unselected", "lost", "repeated"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(
            kind,
            it,
            types=values,
            selects=lambda event: event.event_type in wanted,
            fence_type=wanted[-1],
        )
        events = [both_sides(sse, kind, it, event_type)[0] for event_type in wanted]
        others = [both_sides(sse, kind, it, f"{wanted[0]}x")[0], *both_sides(sse, kind, it)]
        await sse.publish(*others, *events)
        await stream.receive(*events)
        await sse.fence(stream)


@pytest.mark.parametrize("kind", ["workflow", "tenant"])
@case("SSE-05", since="1.1")
async def capitals_make_no_difference(probe: Probe, kind: StreamKind) -> None:
    """Asks for events whose own types have capitals: as they are written, and in other cases."""
    names = ("Order.Shipped_2", "Order.Shipped_2.At-Last", "order.SHIPPED_2")
    async with sse_session(probe, implicates={"unselected", "lost", "repeated"}) as sse:
        it = await subject(sse, kind)
        streams = [
            await sse.stream(
                kind,
                it,
                types=asked,
                selects=lambda event: event.event_type.lower().startswith("order."),
                fence_type=names[0],
            )
            for asked in (names[0], "ORDER.*")
        ]
        events = [both_sides(sse, kind, it, name)[0] for name in names]
        await sse.publish(both_sides(sse, kind, it, "Orders.Shipped_2")[0], *events)
        for stream in streams:
            await stream.receive(*events)
        await sse.fence(*streams)


def _vectors(table: dict[str, Any], kind: StreamKind) -> list[dict[str, Any]]:
    endpoint = "tenant" if kind == "tenant" else "workflow"
    return [vector for vector in table["vectors"] if vector["endpoint"] == endpoint]


async def _open(sse: Sse, kind: StreamKind, it: UUID | None, vector: dict[str, Any]) -> Stream:
    return await sse.stream(
        kind,
        it,
        types=vector["values"],
        selects=lambda event: _selects(vector, event),
        fence_type=_fence_type(vector) or "none.selected",
    )


def _selects(vector: dict[str, Any], event: Event) -> bool:
    """Returns whether the row selects the event; types beyond the table go by the row's items."""
    name = event.event_type.lower() if isinstance(event, StreamEvent) else event.event_type
    if name in _known():
        return name in vector["selects"]
    items = [item.removesuffix(".*") + "." for item in _items(vector["values"])]
    return not items or any(f"{name}.".startswith(item) for item in items)


@cache
def _known() -> frozenset[str]:
    return frozenset(eventhook_fixtures.load("types")["events"])


def _fence_type(vector: dict[str, Any]) -> str | None:
    """Returns a lifecycle type that the row selects; None if it selects stream types only."""
    lifecycle = [name for name in vector["selects"] if name not in _STREAM_TYPES]
    if lifecycle:
        return str(lifecycle[-1])
    if vector["selects"]:
        return None
    item = _items(vector["values"])[0].removesuffix(".*")
    return item if "." in item else f"{item}.fence"


def _items(values: Sequence[str] | None) -> list[str]:
    items = [item.strip().lower() for value in values or () for item in value.split(",")]
    return [item for item in items if item]


def _event(sse: Sse, kind: StreamKind, it: UUID | None, name: str) -> Event:
    task = it if kind == "task" else None
    if name in _STREAM_TYPES:
        return sse.token(it or UUID(int=0), name, StreamEventType(name.upper()), task=task)
    return sse.event(None if kind == "task" else it, name, task=task, tenant=0)
