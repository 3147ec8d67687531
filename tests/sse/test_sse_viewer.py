"""The page that shows streams: what its proxy passes on, and to whom."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from eventhook_conformance.sse.parser import Parser
from eventhook_conformance.sse.viewer import viewing
from sse.serving import running, token

pytestmark = pytest.mark.asyncio


async def test_the_page_knows_the_tenants_and_no_token() -> None:
    async with running() as server, viewing(server.target) as url, httpx.AsyncClient() as client:
        answer = await client.get(url)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        for tenant in server.target.tenants:
            assert str(tenant.id) in answer.text
            assert tenant.headers["Authorization"].split()[1] not in answer.text
        config = answer.text.partition("const config = ")[2].partition(";\n")[0]
        assert len(json.loads(config)["tenants"]) == 2


async def test_a_stream_is_passed_on_with_the_credentials_added() -> None:
    async with running() as server, viewing(server.target) as url, httpx.AsyncClient() as client:
        workflow = await server.workflow()
        path = f"{url}streams/0/workflow/{str(workflow).upper()}?types=token"
        async with asyncio.timeout(10), client.stream("GET", path) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream"
            await server.backend.streams.publish(token(workflow, "hello"))
            parser = Parser()
            async for chunk in response.aiter_raw():
                if events := parser.feed(chunk):
                    assert [event.data for event in events] == ["hello"]
                    break


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("streams/2/tenant", 404),
        ("streams/x/tenant", 404),
        ("streams/0/nothing", 404),
        ("streams/0/workflow/no-uuid", 404),
        ("streams/0/workflow/../../../openapi.json", 404),
        ("openapi.json", 404),
        ("streams/0/workflow/0192c7b8-5a6e-7d3f-8a1b-2c3d4e5f6071", 404),
        ("streams/0/tenant?types=a..b", 400),
    ],
)
async def test_nothing_else_is_passed_on(path: str, status: int) -> None:
    async with running() as server, viewing(server.target) as url, httpx.AsyncClient() as client:
        assert (await client.get(url + path)).status_code == status


async def test_a_page_of_another_site_gets_nothing() -> None:
    """As by a name that a foreign server gives to this machine's address."""
    async with running() as server, viewing(server.target) as url, httpx.AsyncClient() as client:
        for path in ("", "streams/0/tenant"):
            answer = await client.get(url + path, headers={"Host": "evil.example:80"})
            assert answer.status_code == 403
        assert (await client.post(url)).status_code == 405
