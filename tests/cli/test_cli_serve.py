"""`serve`: started as a user starts it, read as a user reads it, ended by Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventhook_conformance.history import Clock
from eventhook_conformance.sse.client import HttpClient

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from eventhook_conformance.cli import main; main()",
        "serve",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def end(process: asyncio.subprocess.Process) -> str:
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    return errors.decode()


@pytest.mark.parametrize("backend", ["memory", pytest.param("nats", marks=pytest.mark.nats)])
async def test_a_reader_sees_a_workflow_happen(backend: str) -> None:
    async with serving("--backend", backend, "--port", "0", "--play", "--json") as process:
        assert process.stdout is not None
        told = json.loads(await process.stdout.readline())
        assert set(told) == {"base_url", "nats_url", "nats_monitor_url", "tenants"}
        assert (told["nats_url"] is None) is (backend == "memory")
        assert [set(one) for one in told["tenants"]] == [{"id", "base_path", "headers"}] * 2
        tenant = told["tenants"][0]
        client = HttpClient(told["base_url"], Clock())
        path = f"{tenant['base_path']}/events/stream"
        async with client.stream(path, tenant["headers"]) as reading:
            await asyncio.wait_for(reading.until(lambda: len(reading.received) > 2), 20)
            assert all("." in one.event.type for one in reading.received)
            errors = await end(process)
        await client.aclose()
    assert "Traceback" not in errors


async def test_it_prints_what_to_try() -> None:
    async with serving("--port", "0") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Ctrl-C")):
            lines.append((await process.stdout.readline()).decode().strip())
        text = "\n".join(lines)
        assert "/openapi.json" in text
        assert "curl -N -H 'Authorization: Bearer " in text
        await end(process)


async def test_it_shows_the_streams_in_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true")
    async with serving("--port", "0", "--play", "--open") as process:
        assert process.stdout is not None
        page = ""
        while not page:
            words = (await process.stdout.readline()).decode().split()
            page = words[1] if words[:1] == ["page"] else ""
        client = HttpClient(page, Clock())
        answer = await client.ask("GET", "/", {})
        assert b"<title>Event streams</title>" in answer.body
        async with client.stream("/streams/0/tenant", {}) as reading:
            await asyncio.wait_for(reading.until(lambda: len(reading.received) > 2), 20)
        await client.aclose()
        assert "Traceback" not in await end(process)


async def test_a_port_that_is_taken_is_one_line() -> None:
    async with serving("--port", "0", "--json") as first:
        assert first.stdout is not None
        taken = json.loads(await first.stdout.readline())["base_url"].rpartition(":")[2]
        async with serving("--port", taken) as second:
            _, errors = await asyncio.wait_for(second.communicate(), 20)
            assert second.returncode == 2
            assert errors.decode().startswith("Error: cannot listen on 127.0.0.1:")
            assert len(errors.decode().splitlines()) == 1
        await end(first)
