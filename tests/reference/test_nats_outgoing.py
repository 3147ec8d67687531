"""Commands on their way to the socket, over one that only records the bytes written."""

import asyncio

import pytest

from eventhook_reference.nats_outgoing import Outgoing

pytestmark = pytest.mark.asyncio


class Socket:
    """Notes each write with its epoch."""

    def __init__(self) -> None:
        self.writes: list[tuple[bytes, int]] = []
        self.outgoing = Outgoing(lambda commands, epoch: self.writes.append((commands, epoch)))


async def test_what_is_published_in_one_turn_is_one_write_in_order() -> None:
    socket = Socket()
    socket.outgoing.publish("a.b", b"1", 0)
    socket.outgoing.publish("a.c", b"", 0)
    assert socket.writes == []
    await asyncio.sleep(0)
    socket.outgoing.publish("a.b", b"22", 0)
    await asyncio.sleep(0)
    assert socket.writes == [
        (b"PUB a.b 1\r\n1\r\nPUB a.c 0\r\n\r\n", 0),
        (b"PUB a.b 2\r\n22\r\n", 0),
    ]


async def test_whoever_must_come_after_can_have_it_written_at_once() -> None:
    socket = Socket()
    socket.outgoing.publish("a.b", b"1", 0)
    socket.outgoing.flush()
    socket.outgoing.flush()
    assert socket.writes == [(b"PUB a.b 1\r\n1\r\n", 0)]
    await asyncio.sleep(0)
    assert len(socket.writes) == 1


async def test_a_long_turn_is_written_in_pieces() -> None:
    socket = Socket()
    body = b"x" * 20_000
    for _ in range(10):
        socket.outgoing.publish("a.b", body, 0)
    assert len(socket.writes) == 2
    await asyncio.sleep(0)
    assert len(socket.writes) == 3
    assert (
        b"".join(commands for commands, _ in socket.writes)
        == (b"PUB a.b 20000\r\n" + body + b"\r\n") * 10
    )


async def test_what_belongs_to_a_lost_connection_is_never_mixed_with_the_next_ones() -> None:
    socket = Socket()
    socket.outgoing.publish("a.b", b"old", 0)
    socket.outgoing.publish("a.b", b"new", 1)
    await asyncio.sleep(0)
    assert socket.writes == [(b"PUB a.b 3\r\nold\r\n", 0), (b"PUB a.b 3\r\nnew\r\n", 1)]


@pytest.mark.parametrize("subject", ["", "a b", "a\tb", "a\r\nPUB b 0\r\n", "a.b\n", "a\u2003b"])
async def test_no_subject_can_smuggle_a_command_in(subject: str) -> None:
    socket = Socket()
    with pytest.raises(ValueError, match="is no subject"):
        socket.outgoing.publish(subject, b"", 0)
    await asyncio.sleep(0)
    assert socket.writes == []
