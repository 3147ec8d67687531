"""The `id` of a stream that replays: one position for all sides."""

from __future__ import annotations

import pytest

from eventhook_conformance.contract import LIVE, START, CursorExpired, InvalidCursor
from eventhook_reference.sse.position import Position, Tokens


def position(stream: str = "workflow a", tokens: Tokens | None = None) -> Position:
    return Position(stream, tokens or Tokens(), LIVE)


def resumed(text: str, tokens: Tokens | None = None) -> Position:
    one = position(tokens=tokens)
    one.resume(text)
    return one


def test_one_id_has_the_cursors_of_all_sides() -> None:
    one = position()
    one.move("events", "17-abc")
    one.move("a-key", "~!x")
    back = resumed(one.text())
    assert (back.since("events"), back.since("a-key")) == ("17-abc", "~!x")
    assert back.since("a later child") is START
    assert back.resumed
    assert not back.ended


def test_a_side_without_a_cursor_begins_as_the_reader_did() -> None:
    one = position()
    assert one.since("events") is LIVE
    one.begun()
    assert one.since("a child that came later") is START


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    one = position()
    one.move("events", "17-abc")
    with pytest.raises(InvalidCursor):
        resumed(one.text()[:-cut])


@pytest.mark.parametrize("text", ["", "0", "nonsense", "1-c.zzzzzz.", "1-c.000000.", "é"])
def test_what_no_server_gave_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        resumed(text)


def test_an_id_of_another_stream_is_refused() -> None:
    other = position("workflow b")
    other.move("events", "17-abc")
    with pytest.raises(InvalidCursor):
        resumed(other.text())


def test_a_large_family_is_kept_under_a_token_on_its_server() -> None:
    tokens = Tokens()
    one = position(tokens=tokens)
    for number in range(40):
        one.move(f"child {number}", f"{number}-{'c' * 24}")
    text = one.text()
    assert len(text) <= 256
    assert resumed(text, tokens).since("child 7") == f"7-{'c' * 24}"
    with pytest.raises(CursorExpired):
        resumed(text)


def test_the_end_is_in_the_id() -> None:
    one = position()
    one.move("events", "17-abc")
    one.ended = True
    assert resumed(one.text()).ended


def test_an_event_gets_the_id_in_place_of_its_own() -> None:
    one = position()
    one.move("events", "17-abc")
    stamped = one.stamp(b"event: token\ndata: id: 7\nid: 7\n\n")
    assert stamped == b"event: token\ndata: id: 7\n" + one.frame()
