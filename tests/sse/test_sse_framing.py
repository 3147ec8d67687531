"""Frames: the parser returns them unchanged, and each is encoded once."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.sse.parser import Parser
from eventhook_reference.sse.framing import (
    KEEP_ALIVE,
    Remembering,
    consolidated_frame,
    lifecycle_frame,
    stream_frame,
)


def stream_event(payload: str, sequence: int = 7) -> StreamEvent:
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id="w1",
        sequence=sequence,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=1,
    )


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        ("", ""),
        (" world", " world"),
        ("  two", "  two"),
        ("a\nb", "a\nb"),
        ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
        ("\n", "\n"),
        ("a\n", "a\n"),
        ("a\u2028b\u0085c\u000bd", "a\u2028b\u0085c\u000bd"),
        ("\ufeffa", "\ufeffa"),
        ("a\u0000b", "a\u0000b"),
        ("a\n\nevent: x\ndata: y", "a\n\nevent: x\ndata: y"),
    ],
)
def test_payload_survives(payload: str, seen: str) -> None:
    parser = Parser()
    (event,) = parser.feed(stream_frame(stream_event(payload)))
    assert (event.type, event.data, event.last_event_id) == ("token", seen, "7")
    assert [name for name, _ in event.fields if name != "data"] == ["event", "id"]
    (whole,) = parser.feed(consolidated_frame(stream_event(payload, -1)))
    assert json.loads(whole.data) == {"workflowExecutionId": "w1", "data": payload}
    assert whole.last_event_id == "w1:-1"
    assert not parser.unfinished


def test_lifecycle_event_is_its_wire_form() -> None:
    event = FlovynEvent.new(uuid4(), "task.created", "system", {"text": "a\nb\u2028"})
    (seen,) = Parser().feed(lifecycle_frame(event))
    assert (seen.type, seen.last_event_id) == ("task.created", str(event.id))
    assert FlovynEvent.from_json(seen.data) == event


def test_keep_alive_is_a_comment_and_nothing_else() -> None:
    parser = Parser()
    assert parser.feed(KEEP_ALIVE) == []
    assert (parser.comments, parser.strays) == ([" keep-alive"], [])


def test_an_event_is_encoded_once_for_all() -> None:
    calls: list[StreamEvent] = []

    def encode(event: StreamEvent) -> bytes:
        calls.append(event)
        return stream_frame(event)

    encoder = Remembering(encode)
    one, equal = stream_event("a"), stream_event("a")
    assert encoder(one) is encoder(one)
    encoder(equal)
    assert len(calls) == 2
    for number in range(1000):
        encoder(stream_event(str(number)))
    assert encoder(one) == stream_frame(one)
    assert len(calls) == 1003
