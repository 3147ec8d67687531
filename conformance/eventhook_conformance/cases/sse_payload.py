"""SSE: compares the payloads and fields of streams with the published events."""

from __future__ import annotations

from typing import Any, Final

import pytest

from eventhook_conformance.cases._sse import every_endpoint, named, subject
from eventhook_conformance.contract import MAX_INTEGER, StreamEvent, StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_SIZE: Final = 65536

_PAYLOADS: Final[dict[str, list[str]]] = {
    "blanks": [
        " world",
        "  two",
        "\ttab",
        " ",
        "   ",
        "trailing ",
        "a  b",
        "\u00a0no-break",
        "\u3000",
    ],
    "empty": [""],
    "lines": ["a\nb", "\n", "\n\n", "a\n", "\na", "a\n\nb", " a\n b\n", "\n\n\n"],
    "carriage-returns": [
        "a\rb",
        "a\r\nb",
        "\r",
        "\r\n",
        "\r\r",
        "\n\r",
        "a\r",
        "\rb",
        "a\r\n\r\nb",
    ],
    "like-fields": [
        "data: x",
        ": comment",
        ":",
        "a\ndata: b",
        "a\nevent: task.created",
        "a\rid: 5",
        "a\n\nevent: x\ndata: injected",
        "a\r\rid: 1\rdata: injected",
        "retry: 1",
        "event",
    ],
    "separators": [
        "a\u2028b",
        "a\u2029b",
        "a\u0085b",
        "a\u000bb\u000cc",
        "\u001c\u001d\u001e\u001f",
        "\u2028",
    ],
    "unicode": [
        "\u00e9\u0301",
        "\U0001f600\U0001d11e",
        "\u05d0\u202e\u05d1",
        "\ufeffa",
        "a\ufeff",
        "\u0000",
        "a\u0000b",
        "\ufffd",
        "\uffff",
        "\u200b",
    ],
    "json": ['{"a": [1, null]}', "[DONE]", '"', "\\n", "\\u0000", "null"],
}


@pytest.mark.parametrize("what", list(_PAYLOADS))
@named
@case("SSE-02")
async def payload_comes_out_as_it_went_in(probe: Probe, kind: StreamKind, what: str) -> None:
    """Publishes all kinds of payloads: each must come unchanged, but for CR and CRLF, which become LF."""
    async with sse_session(probe, implicates={"altered", "lost", "phantom"}) as sse:
        it = await subject(sse, kind) or probe.make.tenant()
        stream = await sse.stream(kind, it)
        for event_type in StreamEventType:
            events = [sse.token(it, text, event_type, task=it) for text in _PAYLOADS[what]]
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param("a", id="one-byte"),
        pytest.param("\u00e9", id="two-bytes"),
        pytest.param("\u3042", id="three-bytes"),
        pytest.param("\U0001f600", id="four-bytes"),
        pytest.param("word \u20ac\n", id="lines"),
    ],
)
@case("SSE-02")
async def long_payload_comes_out_whole(probe: Probe, unit: str) -> None:
    """Publishes 64 KiB of multi-byte characters at every offset: each payload must come whole."""
    async with sse_session(probe, implicates={"altered", "lost", "phantom"}) as sse:
        workflow = await sse.workflow()
        stream = await sse.stream("workflow", workflow)
        long = unit * (_SIZE // len(unit.encode()))
        for shift in range(4):
            event = sse.token(workflow, "x" * shift + long[: len(long) - shift])
            await sse.publish(event)
            await stream.receive(event)


@every_endpoint
@case("SSE-02", since="1.1")
async def long_events_come_out_whole_on_each_endpoint(probe: Probe, kind: StreamKind) -> None:
    """Publishes 64 KiB on each endpoint, in one line and in many: each event must come whole."""
    async with sse_session(probe, implicates={"altered", "lost", "phantom"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        workflow, task = (None, it) if kind == "task" else (it, None)
        for text in ("\u3042" * (_SIZE // 3), "sixteen letters\n" * (_SIZE // 16)):
            events: list[Event] = [sse.event(workflow, task=task, data={"text": text}, tenant=0)]
            if it is not None:
                events += [sse.token(it, text, one, task=task) for one in StreamEventType]
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@every_endpoint
@case("SSE-02")
async def lifecycle_data_comes_out_as_it_went_in(probe: Probe, kind: StreamKind) -> None:
    """Publishes all kinds of JSON values as data: each must come unchanged."""
    async with sse_session(probe, implicates={"altered", "lost", "phantom"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        values: list[Any] = [None, False, 0, "", {}, [], 1.5, MAX_INTEGER, {"": [{}]}]
        values += [{"text": text} for texts in _PAYLOADS.values() for text in texts]
        workflow = None if kind == "task" else it
        task = it if kind == "task" else None
        events: list[Event] = [
            sse.event(workflow, task=task, data=value, tenant=0) for value in values
        ]
        for start in range(0, len(events), 8):
            await sse.publish(*events[start : start + 8])
            await stream.receive(*events[start : start + 8])
        await sse.fence(stream)


@named
@case("SSE-03")
async def stream_event_has_its_form(probe: Probe, kind: StreamKind) -> None:
    """Publishes stream events of all types: each must have its type, payload and sequence as fields."""
    async with sse_session(probe, implicates={"form", "repeated", "phantom"}) as sse:
        it = await subject(sse, kind) or probe.make.tenant()
        stream = await sse.stream(kind, it)
        sequences = iter([0, 1, -1, 7, MAX_INTEGER, -MAX_INTEGER, 2**31, 2**32 + 1])
        events: list[Event] = []
        for event_type in [*StreamEventType, *StreamEventType]:
            base = sse.token(it, f"of type {event_type}", event_type, task=it)
            events.append(_with_sequence(base, next(sequences)))
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@every_endpoint
@case("SSE-03")
async def lifecycle_event_has_its_form(probe: Probe, kind: StreamKind) -> None:
    """Publishes lifecycle events: each must have its type, wire form and id as fields."""
    async with sse_session(probe, implicates={"form", "repeated", "phantom"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        tenant = sse.tenants[0].id
        events: list[Event] = [
            probe.make.event(
                tenant,
                event_type,
                source="worker:7",
                workflow=None if kind == "task" else it,
                task=it if kind == "task" else task,
                correlation_id=correlation_id,
                timestamp_ms=1_700_000_000_123,
                data={"id": str(probe.make.tenant()), "status": "RUNNING"},
            )
            for event_type in ("task.created", "state.set", "child_workflow.started", "a.b.c-d_E9")
            for correlation_id in (None, "request 1")
            for task in (None, probe.make.tenant())
        ]
        for start in range(0, len(events), 8):
            await sse.publish(*events[start : start + 8])
            await stream.receive(*events[start : start + 8])
        await sse.fence(stream)


@named
@case("SSE-03")
async def event_asked_for_in_several_ways_comes_once(probe: Probe, kind: StreamKind) -> None:
    """Opens a stream with overlapping `types`: each event must come once."""
    async with sse_session(probe, implicates={"repeated", "form", "lost"}) as sse:
        it = await subject(sse, kind) or probe.make.tenant()
        everything = await sse.stream(kind, it)
        overlapping = await sse.stream(
            kind,
            it,
            types=["data,data,task,task.*", "task.created,DATA", "task"],
            selects=lambda event: (
                event.event_type == "DATA" or event.event_type.startswith("task.")
            ),
            fence_type="task.fence",
        )
        workflow, task = (None, it) if kind == "task" else (it, None)
        snapshot = {"id": str(probe.make.tenant()), "kind": "suite", "status": "PENDING"}
        for _ in range(3):
            event = sse.event(workflow, "task.created", task=task, data=snapshot)
            older = '{"type":"Event","event":"TASK_CREATED","data":{"status":"PENDING"},"timestampMs":1}'
            twin = sse.token(it, older, StreamEventType.DATA, task=it)
            await sse.publish(event, twin)
            await everything.receive(event, twin)
            await overlapping.receive(event, twin)
        await sse.fence(everything, overlapping)


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-03", since="1.1")
async def equal_sequences_are_different_events(probe: Probe, kind: StreamKind) -> None:
    """Publishes stream events with equal sequences: each must come."""
    async with sse_session(probe, implicates={"repeated", "form", "lost"}) as sse:
        workflow = await sse.workflow()
        tasks = [await sse.task(workflow=workflow) for _ in range(2)]
        stream = await sse.stream(kind, workflow)
        for number in range(1, 5):
            events: list[Event] = [
                _with_sequence(sse.token(workflow, f"task {which}: {number}", task=task), number)
                for which, task in enumerate(tasks)
            ]
            older = (
                f'{{"type":"Event","event":"TASK_CREATED","data":{{"id":"{one}"}},"timestampMs":{number}}}'
                for one in tasks
            )
            events += [
                _with_sequence(sse.token(workflow, text, StreamEventType.DATA), 0) for text in older
            ]
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


def _with_sequence(event: StreamEvent, sequence: int) -> StreamEvent:
    return StreamEvent(
        task_execution_id=event.task_execution_id,
        workflow_execution_id=event.workflow_execution_id,
        sequence=sequence,
        event_type=event.event_type,
        payload=event.payload,
        timestamp_ms=event.timestamp_ms,
    )
