"""Each fault is seen where it happens, and not seen where it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventhook_conformance.contract import Unsupported
from eventhook_conformance.faults import FAULTS, NotSeen, Proxy, kinds
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Server
from faults.echo import Talk, echo, talk

pytestmark = pytest.mark.asyncio


class Idle(Server):
    """A server on which no fault has an effect."""

    address = ""

    async def kill(self) -> None: ...
    async def restart(self) -> None: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...


@asynccontextmanager
async def standing() -> AsyncIterator[tuple[Proxy, Talk]]:
    async with echo() as address, Proxy(address) as proxy, talk(proxy) as one:
        await one.say(b"a")
        yield proxy, one


ACROSS = ["reset", "half-open", "delayed", "narrow", "outage", "short-outage"]


@pytest.mark.parametrize("name", ACROSS)
async def test_what_happens_on_the_way_is_seen_and_undone(name: str) -> None:
    async with standing() as (proxy, one):
        fault = FAULTS[name](Idle(), [proxy])
        await fault.apply()
        if one.writer.transport.is_closing() is False:
            one.writer.write(b"x" * 100)
        await fault.seen()
        await fault.lift()
        async with talk(proxy) as after:
            assert await after.say(b"b") == b"b"


@pytest.mark.parametrize("name", FAULTS)
async def test_what_nobody_saw_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_SEEN_WITHIN_S", 0.02)
    async with echo() as address, Proxy(address) as proxy:
        fault = FAULTS[name](Idle(), [proxy])
        await fault.apply()
        with pytest.raises(NotSeen, match="was asked for, but not seen"):
            await fault.seen()
        await fault.lift()


@pytest.mark.nats
@pytest.mark.parametrize("name", ["killed", "paused"])
async def test_what_happens_to_the_server_is_seen_and_undone(name: str) -> None:
    async with NatsServer() as server, Proxy(server.address) as proxy, talk(proxy) as one:
        assert (await one.hear()).startswith(b"INFO ")
        one.writer.write(b"CONNECT {}\r\nPING\r\n")
        fault = FAULTS[name](server, [proxy])
        await fault.apply()
        if name == "paused":
            one.writer.write(b"PING\r\n")
        await fault.seen()
        await fault.lift()
        await fault.lift()
        async with talk(proxy) as after:
            assert (await after.hear()).startswith(b"INFO ")


@pytest.mark.parametrize("name", ["killed", "paused"])
async def test_what_the_server_cannot_do_is_said_and_not_undone(name: str) -> None:
    fault = FAULTS[name](Server(), [])
    with pytest.raises(Unsupported):
        await fault.apply()
    await fault.lift()
