"""The judge of a stream, on hand-made streams: each breach by its kind, and none where none is."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.history import Event, History
from eventhook_conformance.sse.checks import CHARGES, Wanted, judge, remains
from eventhook_conformance.sse.client import Received
from eventhook_conformance.sse.parser import Parser
from eventhook_conformance.sse.published import Published
from eventhook_reference.sse.framing import lifecycle_frame, stream_frame

TENANT, WORKFLOW, OTHER = uuid4(), uuid4(), uuid4()


def token(sequence: int, payload: str = "a b", workflow: UUID = WORKFLOW) -> StreamEvent:
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=str(workflow),
        sequence=sequence,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=sequence,
    )


def happened(event_type: str = "task.created", tenant: UUID = TENANT) -> FlovynEvent:
    return FlovynEvent.new(tenant, event_type, "system", {}).with_workflow(WORKFLOW)


def carries(event: Event) -> bool:
    mine = event.workflow_execution_id in (WORKFLOW, str(WORKFLOW))
    return mine and getattr(event, "tenant_id", TENANT) == TENANT


def kinds(stream: bytes, *published: Event, before: tuple[Event, ...] = ()) -> list[str]:
    """Returns the breaches of a stream on which events of one publisher arrive."""
    history = History()
    for event in before:
        settle(history, event)
    requested = opened = history.clock.now()
    for event in published:
        settle(history, event)
    parser = Parser()
    received = [Received(event, history.clock.now()) for event in parser.feed(stream)]
    wanted = Wanted(carries, lambda event: event.event_type != "task.unasked", TENANT)
    found = judge(received, parser.strays, wanted, Published(history.publishes), requested, opened)
    assert all(one.kind in CHARGES for one in found)
    return sorted({one.kind for one in found})


def settle(history: History, event: Event) -> None:
    entry = history.publish("c1", event)
    entry.outcome, entry.returned = "ok", history.clock.now()


A, B, C = token(1), token(2, "\n x"), happened()
GOOD = stream_frame(A) + b": comment\n\nretry: 500\n\n" + lifecycle_frame(C) + stream_frame(B)


def test_a_good_stream_has_no_breach() -> None:
    assert kinds(GOOD, A, C, B) == []


def test_a_retry_of_its_own_is_no_remains_of_an_event() -> None:
    parser = Parser()
    parser.feed(b"retry: 3000\n\nretry: 1\nretry: 2\n\n: hello\n\nretry: 3\ndata: whole\n\n")
    assert remains(parser.strays) == []
    parser.feed(b"~~~\nid: 3\n\nretry: 3\nevent: token\n\n")
    torn = [(("~~~", ""), ("id", "3")), (("retry", "3"), ("event", "token"))]
    assert remains(parser.strays) == torn


def test_a_lifecycle_event_of_the_servers_own_is_no_breach() -> None:
    assert kinds(lifecycle_frame(happened("workflow.started")), A) == []


@pytest.mark.parametrize(
    ("stream", "published", "expected"),
    [
        (stream_frame(A).replace(b"id: 1\n", b""), (A,), ["form"]),
        (stream_frame(A).replace(b"id: 1", b"id: 1\nid: 1"), (A,), ["form"]),
        (stream_frame(A).replace(b"event: token", b"event: TOKEN"), (A,), ["form"]),
        (b"time: 1\n" + stream_frame(A), (A,), ["form"]),
        (b"id: 1\n\n" + stream_frame(A), (A,), ["form"]),
        (lifecycle_frame(C).replace(b'"event_type"', b'"type"'), (C,), ["form"]),
        (stream_frame(token(1, "ab")), (A,), ["altered"]),
        (lifecycle_frame(C).replace(b'"system"', b'"worker"'), (C,), ["altered"]),
        (stream_frame(A) * 2, (A,), ["repeated"]),
        (stream_frame(token(9, "nobody's")), (A,), ["phantom"]),
        (b"event: ping\ndata: {}\n\n", (A,), ["phantom"]),
        (stream_frame(B) + stream_frame(A), (A, B), ["reordered"]),
        (stream_frame(B), (A, B), ["lost"]),
    ],
    ids=[
        "no id",
        "two ids",
        "type in capitals",
        "unknown field",
        "id without data",
        "member of another name",
        "other text",
        "other source",
        "twice",
        "never published",
        "event of no known type",
        "other order",
        "lost",
    ],
)
def test_each_breach_is_found(
    stream: bytes, published: tuple[Event, ...], expected: list[str]
) -> None:
    assert kinds(stream, *published) == expected


def test_what_belongs_elsewhere_is_found() -> None:
    other = token(3, "elsewhere", OTHER)
    assert kinds(stream_frame(other), other) == ["strayed"]
    foreign = happened(tenant=uuid4())
    assert kinds(lifecycle_frame(foreign), foreign) == ["crossed"]
    unasked = happened("task.unasked")
    assert kinds(lifecycle_frame(unasked), unasked) == ["unselected"]
    assert kinds(stream_frame(A), before=(A,)) == ["replayed"]
