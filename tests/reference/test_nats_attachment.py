"""An attachment hands messages on in order, and gives readers turns of their own."""

import asyncio

import pytest

from eventhook_reference.nats_attachment import Attachment
from eventhook_reference.nats_internals import Message

pytestmark = pytest.mark.asyncio


def message(body: bytes) -> Message:
    return Message(subject="a.b", data=body)


class Reader:
    """Notes the events that it gets; asks for a turn after each of `crowded`."""

    def __init__(self, *crowded: bytes) -> None:
        self.seen: list[bytes] = []
        self._crowded = crowded
        self.attachment = Attachment("a.>", self._receive, lambda error: None)

    def _receive(self, subject: str, body: bytes) -> bool:
        assert subject == "a.b"
        if body == b"bad":
            raise ValueError("a bug of the receiver")
        self.seen.append(body)
        return body in self._crowded

    def feed(self, *bodies: bytes) -> None:
        for body in bodies:
            self.attachment.deliver(message(body))


async def test_messages_are_handed_on_at_once() -> None:
    reader = Reader()
    reader.feed(b"1", b"2")
    assert reader.seen == [b"1", b"2"]


async def test_what_comes_during_a_readers_turn_is_held_and_keeps_its_place() -> None:
    reader = Reader(b"1", b"3")
    reader.feed(b"1", b"2", b"3", b"4")
    assert reader.seen == [b"1"]
    await asyncio.sleep(0)
    reader.feed(b"5")
    assert reader.seen == [b"1", b"2", b"3"]
    assert len(reader.attachment.held) == 2
    await asyncio.sleep(0)
    reader.feed(b"6")
    assert reader.seen == [b"1", b"2", b"3", b"4", b"5", b"6"]


async def test_a_receiver_that_raises_is_reported_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = Reader()
    reader.feed(b"bad", b"1")
    assert reader.seen == [b"1"]
    assert "a message on a.b could not be handed on" in caplog.text
    assert "a bug of the receiver" in caplog.text
