"""The socket reader parses every legal answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import pytest

from eventhook_conformance.sse.socket_reader import SocketReader, socket_reader

pytestmark = pytest.mark.asyncio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


@asynccontextmanager
async def reading(
    *answers: bytes, cut: int = 1 << 20, method: str = "GET"
) -> AsyncIterator[SocketReader]:
    """Yields a reader of a server that sends these bytes, in pieces, one answer for each request."""

    handlers: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        for whole in answers:
            await reader.readuntil(b"\r\n\r\n")
            for start in range(0, len(whole), cut):
                writer.write(whole[start : start + cut])
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(10), socket_reader(url, "/", {}, method=method) as opened:
            yield opened
    finally:
        server.close()
        await asyncio.gather(*(one for one in handlers if one), return_exceptions=True)


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces)


async def everything(reader: SocketReader) -> list[tuple[str, str]]:
    assert await reader.read_head() == 200
    while await reader.read_events():
        pass
    return [(event.type, event.data) for event in reader.events]


BODY = b"event:token\ndata:one\n\n: comment\n\nevent: token\ndata: two\n\n"
SEEN = [("token", "one"), ("token", "two")]


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.replace(b"\n", b"\r"),
        BODY.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf: hello\n\n" + BODY,
        b": event: token\n\n" + BODY,
    ],
)
@pytest.mark.parametrize("size", [1, 5, 4096])
async def test_events_come_out_of_chunks_of_any_size(body: bytes, size: int) -> None:
    whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, size) + b"0\r\n\r\n"
    async with reading(whole, cut=7) as reader:
        assert await everything(reader) == SEEN
        assert reader.ended


async def test_trailers_and_chunk_extensions_are_no_events() -> None:
    piece = b"%x;note=1\r\n%s\r\n" % (len(BODY), BODY)
    whole = (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + piece + b"0\r\nX-End: event: token\r\n\r\n"
    )
    async with reading(whole) as reader:
        assert await everything(reader) == SEEN


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    async with reading(HEAD + b"Connection: close\r\n\r\n" + BODY) as reader:
        assert await everything(reader) == SEEN


async def test_a_head_of_64_kib_is_read() -> None:
    long = b"".join(b"X-Long-%d: %s\r\n" % (number, b"x" * 4000) for number in range(16))
    async with reading(HEAD + long + b"Content-Length: 0\r\n\r\n", cut=1000) as reader:
        assert await reader.read_head() == 200
        assert reader.headers["x-long-15"] == "x" * 4000


async def test_an_interim_answer_is_passed_over() -> None:
    async with reading(
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"
    ) as reader:
        assert await reader.read_head() == 200


async def test_a_stream_cut_off_in_a_chunk_did_not_end() -> None:
    async with reading(HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\nevent:") as reader:
        with pytest.raises(h11.RemoteProtocolError):
            await everything(reader)
        assert not reader.ended


async def test_a_server_that_closes_at_once_is_told_of() -> None:
    async with reading(b"") as reader:
        with pytest.raises(ConnectionError):
            await reader.read_head()


async def test_head_ends_where_the_next_request_is_answered_or_all_is_closed() -> None:
    head = HEAD + b"\r\n"
    for answers in ((head, head), (head,)):
        async with reading(*answers, method="HEAD") as reader:
            assert await reader.read_head() == 200
            assert await reader.ends()


async def test_head_that_streams_does_not_end_in_order() -> None:
    async with reading(HEAD + b"\r\n" + BODY, b"", method="HEAD") as reader:
        assert await reader.read_head() == 200
        with pytest.raises(h11.RemoteProtocolError):
            await reader.ends()
