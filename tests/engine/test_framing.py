"""Frames: each arrives whole among other bytes of its channel, or is known to be lost."""

from __future__ import annotations

import pytest

from eventhook_conformance.engine.framing import FrameReader, FrameWriter

MARK = b"0a1b2c3d"


def read(*pieces: bytes) -> tuple[list[object], int]:
    """Returns the messages in these pieces, and how many frames were lost."""
    reader = FrameReader(MARK)
    found = [message["n"] for piece in pieces for message in reader.feed(piece)]
    return found, reader.lost


@pytest.fixture
def frames() -> list[bytes]:
    writer = FrameWriter(MARK)
    return [writer.frame({"n": number, "text": "ä\n"}) for number in range(3)]


def test_frames_arrive_in_whatever_pieces(frames: list[bytes]) -> None:
    whole = b"".join(frames)
    assert read(whole) == ([0, 1, 2], 0)
    assert read(*(whole[place : place + 1] for place in range(len(whole)))) == ([0, 1, 2], 0)


@pytest.mark.parametrize(
    "garbage", [b"garbage", b"garbage\n", b"\n\n", b"\xff\x00" * 5000, MARK + b" 7 7 {}\n"]
)
def test_garbage_between_frames_costs_nothing(garbage: bytes, frames: list[bytes]) -> None:
    assert read(garbage.join([b"", *frames, b""])) == ([0, 1, 2], 0)


def test_a_damaged_frame_is_known_to_be_lost(frames: list[bytes]) -> None:
    damaged = frames[1].replace(b"text", b"tent")
    assert read(frames[0], damaged, frames[2]) == ([0, 2], 1)
    assert read(frames[0], frames[1][:20] + b"garbage\n", frames[2]) == ([0, 2], 1)


def test_garbage_without_an_end_takes_no_memory() -> None:
    reader = FrameReader(MARK)
    for _ in range(100):
        reader.feed(b"x" * 65536)
    assert len(reader._rest) < 100
