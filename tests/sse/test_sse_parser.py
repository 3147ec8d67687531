"""Checks the parser by the vectors, cut into chunks at every place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventhook_conformance.sse.parser import Parser, ServerSentEvent, unknown_fields
from eventhook_fixtures import load

VECTORS: list[dict[str, Any]] = load("sse_parsing")["vectors"]


def stream_of(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"]) if "hex" in vector else vector["text"].encode()


def cuts(stream: bytes) -> Iterator[list[bytes]]:
    """Yields the stream whole, in two at every place, and in pieces of one, two and three bytes."""
    yield [stream]
    for place in range(len(stream) + 1):
        yield [stream[:place], stream[place:]]
    for size in (1, 2, 3):
        yield [stream[start : start + size] for start in range(0, len(stream), size)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector_at_every_chunk_border(vector: dict[str, Any]) -> None:
    for chunks in cuts(stream_of(vector)):
        parser = Parser()
        events = [event for chunk in chunks for event in parser.feed(chunk)]
        seen = [
            {"type": one.type, "data": one.data, "last_event_id": one.last_event_id}
            for one in events
        ]
        assert seen == vector["events"], chunks
        assert parser.retry_ms == vector["retry"], chunks
        assert parser.comments == vector["comments"], chunks


def test_an_event_is_dispatched_with_its_last_byte() -> None:
    parser = Parser()
    stream = b"event: token\ndata: a\nid: 1\n\n"
    assert [event for byte in stream[:-1] for event in parser.feed(bytes([byte]))] == []
    assert parser.unfinished
    (event,) = parser.feed(stream[-1:])
    assert (event.type, event.data, event.last_event_id) == ("token", "a", "1")
    assert not parser.unfinished


def test_fields_are_kept_as_they_stood() -> None:
    (event,) = Parser().feed(b"id: 1\nfoo: x\ndata: a\nid: 2\ndata:  b\n\n")
    assert event.fields == (("id", "1"), ("foo", "x"), ("data", "a"), ("id", "2"), ("data", " b"))
    assert event.values("id") == ["1", "2"]
    assert unknown_fields(event) == ["foo"]


def test_blocks_that_dispatch_nothing_are_kept() -> None:
    parser = Parser()
    assert parser.feed(b"retry: 5\n\n: only a comment\n\nid: 3\n\n") == []
    assert parser.strays == [(("retry", "5"),), (("id", "3"),)]


def test_a_long_event_in_one_chunk_and_in_many() -> None:
    text = "\U0001f600 word\n" * 200_000
    stream = ("".join(f"data: {line}\n" for line in text.split("\n")) + "\n").encode()
    whole = Parser().feed(stream)
    parser = Parser()
    pieces = [
        event for n in range(0, len(stream), 4093) for event in parser.feed(stream[n : n + 4093])
    ]
    assert whole == pieces
    assert [one.data for one in whole] == [text]
    assert isinstance(whole[0], ServerSentEvent)
