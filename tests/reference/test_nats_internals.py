"""Names the private part of nats-py that a new version of it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from eventhook_conformance.kit import NatsServer
from eventhook_reference.nats_internals import (
    Feed,
    InternalsClient,
    Message,
    NatsPyChanged,
    verify,
)
from eventhook_reference.nats_options import OPTIONS

LIMIT_S = 20.0


def test_the_installed_nats_py_has_every_part() -> None:
    verify()


def another_way(self: object) -> None:
    """Hands messages on in a way that the reference does not know."""


@pytest.mark.parametrize(
    ("owner", "name", "replacement", "part"),
    [
        (Client, "_process_msg", another_way, "set_result(msg)"),
        (Client, "subscribe", lambda self, subject: None, "Client.subscribe(future=…)"),
        (Client, "msg_class", None, "Client.msg_class"),
        (Client, "_build_message", another_way, "the keywords of a message"),
        (TcpTransport, "__init__", None, "TcpTransport._io_writer"),
    ],
)
def test_a_part_that_is_gone_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, replacement: object, part: str
) -> None:
    if owner is TcpTransport:
        monkeypatch.setattr("eventhook_reference.nats_internals.TcpTransport", Feed)
    elif replacement is None:
        monkeypatch.delattr(owner, name)
    else:
        monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(NatsPyChanged, match=r"expected nats-py .* to have ") as raised:
        verify()
    assert part in str(raised.value)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[InternalsClient]:
    async with asyncio.timeout(LIMIT_S), NatsServer() as server:
        client = InternalsClient()
        assert not client.has_socket
        await client.connect(server.address, **OPTIONS)
        try:
            yield client
        finally:
            await client.close()


@pytest.mark.nats
@pytest.mark.asyncio
async def test_a_feed_gets_every_message_as_one_of_ours(client: InternalsClient) -> None:
    came: list[Message] = []
    done = asyncio.Event()

    def deliver(message: Message) -> None:
        came.append(message)
        if len(came) == 2:
            done.set()

    await client.subscribe_feed("a.>", deliver)
    await client.publish("a.b", b"1")
    await client.publish("a.c", b"2", headers={"k": "v"})
    await asyncio.wait_for(done.wait(), LIMIT_S)
    assert [(type(one), one.subject, one.data) for one in came] == [
        (Message, "a.b", b"1"),
        (Message, "a.c", b"2"),
    ]


@pytest.mark.nats
@pytest.mark.asyncio
async def test_written_commands_reach_the_server(client: InternalsClient) -> None:
    came: asyncio.Queue[bytes] = asyncio.Queue()
    await client.subscribe_feed("a", lambda message: came.put_nowait(message.data))
    await client.flush()
    assert client.has_socket
    assert not client.is_stuck
    client.write(b"PUB a 2\r\nhi\r\n")
    assert await asyncio.wait_for(came.get(), LIMIT_S) == b"hi"


@pytest.mark.nats
@pytest.mark.asyncio
async def test_an_aborted_socket_is_gone_at_once(client: InternalsClient) -> None:
    lost = asyncio.Event()

    async def on_disconnected() -> None:
        lost.set()

    client._disconnected_cb = on_disconnected
    client.abort()
    await asyncio.wait_for(lost.wait(), LIMIT_S)
