"""The proxy: what each of its ways does to the bytes, and that it undoes it; nothing is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eventhook_conformance.faults import Proxy
from faults.echo import echo, talk, until

pytestmark = pytest.mark.asyncio

FILES = Path("/dev/fd")


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with echo() as address, Proxy(address) as standing:
        yield standing


def open_files() -> int:
    return len(os.listdir(FILES))  # noqa: PTH208  # because: shorter


@pytest.mark.parametrize(
    ("address", "before", "upstream"),
    [
        ("nats://host:4222", "nats://", ("host", 4222)),
        ("nats://user:pass@127.0.0.1:1", "nats://user:pass@", ("127.0.0.1", 1)),
        ("redis+tls://:s@[::1]:6379", "redis+tls://:s@", ("::1", 6379)),
    ],
)
async def test_stands_in_the_place_of_the_server(
    address: str, before: str, upstream: tuple[str, int]
) -> None:
    async with Proxy(address) as standing:
        assert standing.upstream == upstream
        assert standing.address == f"{before}127.0.0.1:{standing.port}"
    async with Proxy("http://host:80/path?x=1") as standing:
        assert standing.address == f"http://127.0.0.1:{standing.port}/path?x=1"


@pytest.mark.parametrize(
    "address", ["", "host:1", "nats://host", "nats://a:1,nats://b:2", "unix:///x"]
)
async def test_refuses_what_has_no_host_and_port(address: str) -> None:
    with pytest.raises(ValueError, match="scheme://host:port"):
        Proxy(address)


async def test_passes_on_both_ways_and_counts(proxy: Proxy) -> None:
    async with talk(proxy) as one, talk(proxy) as other:
        big = os.urandom(300_000)
        assert await one.say(big) == big
        assert await other.say(b"other") == b"other"
        assert proxy.accepted == proxy.open == 2
        assert proxy.sent == {"server": 300_005, "client": 300_005}
    assert (proxy.cut, proxy.swallowed, proxy.hindered) == (0, 0, 0)


async def test_an_end_is_passed_on(proxy: Proxy) -> None:
    async with talk(proxy) as one:
        await one.say(b"a")
        one.writer.write_eof()
        assert await one.hear() == b""
        await until(lambda: not proxy.open)
        assert (proxy.ended, proxy.cut) == (1, 0)


async def test_reset_cuts_what_is_open_and_lets_new_ones_through(proxy: Proxy) -> None:
    async with talk(proxy) as one, talk(proxy) as other:
        await one.say(b"a")
        await other.say(b"a")
        assert await proxy.reset() == 2
        for cut in (one, other):
            with pytest.raises(ConnectionResetError):
                await cut.hear()
        assert (proxy.cut, proxy.open) == (2, 0)
    async with talk(proxy) as after:
        assert await after.say(b"b") == b"b"


async def test_outage_refuses_until_it_is_over_on_the_same_port(proxy: Proxy) -> None:
    port = proxy.port
    async with talk(proxy) as one:
        await one.say(b"a")
        assert await proxy.refuse() == 1
        with pytest.raises(ConnectionResetError):
            await one.hear()
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                async with talk(proxy):
                    pass
    proxy.pass_on()
    assert proxy.port == port
    async with talk(proxy) as after:
        assert await after.say(b"b") == b"b"


async def test_half_open_swallows_and_says_nothing(proxy: Proxy) -> None:
    async with talk(proxy) as one:
        await one.say(b"a")
        proxy.fall_silent()
        one.writer.write(b"lost")
        async with talk(proxy) as during:
            during.writer.write(b"too")
            await until(lambda: proxy.swallowed == 7)
            proxy.pass_on()
            for silent in (one, during):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(silent.reader.read(1), 0.05)
            async with talk(proxy) as after:
                assert await after.say(b"b") == b"b"
            assert proxy.open == 3
    assert proxy.cut == 0


async def test_delay_holds_both_ways_back_and_keeps_order(proxy: Proxy) -> None:
    async with talk(proxy) as one:
        await one.say(b"a")
        proxy.hinder(delay_s=0.05)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await one.say(b"later") == b"later"
        assert 0.1 <= loop.time() - began < 1
        assert proxy.hindered == 10
        proxy.hinder(delay_s=60)
        one.writer.write(b"freed")
        await until(lambda: proxy.hindered == 15)
        proxy.pass_on()
        assert await one.reader.readexactly(5) == b"freed"
        assert await one.say(b"quick") == b"quick"


async def test_bandwidth_is_what_it_says(proxy: Proxy) -> None:
    async with talk(proxy) as one:
        await one.say(b"a")
        proxy.hinder(bytes_per_s=10_000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        sent = b"x" * 2000
        assert await one.say(sent) == sent
        assert 0.2 <= loop.time() - began < 1.5
        proxy.pass_on()
        big = b"y" * 200_000
        assert await one.say(big) == big


async def test_a_server_that_is_not_there_resets_the_client() -> None:
    async with echo() as address:
        standing = Proxy(address)
    async with standing, talk(standing) as one:
        with pytest.raises(ConnectionResetError):
            await one.hear()
        assert (standing.accepted, standing.ended, standing.open) == (1, 1, 0)


@pytest.mark.parametrize("mode", ["pass", "silent", "delayed", "refused", "unread"])
async def test_closing_is_complete(mode: str) -> None:
    async with echo() as address:
        files, tasks = open_files(), asyncio.all_tasks()
        async with Proxy(address) as standing, talk(standing) as one:
            await one.say(b"a")
            if mode == "silent":
                standing.fall_silent()
            elif mode == "delayed":
                standing.hinder(delay_s=60)
            elif mode == "refused":
                await standing.refuse()
            one.writer.write(b"x" * (5_000_000 if mode == "unread" else 5))
            await asyncio.sleep(0.01)
        await until(lambda: len(asyncio.all_tasks()) <= len(tasks) and open_files() <= files)
