"""The reference server, where the suite's cases cannot look."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.history import Clock
from eventhook_conformance.sse.client import HttpClient
from eventhook_conformance.sse.socket_reader import socket_reader
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.endpoints import BASE, ENDPOINTS
from eventhook_reference.sse.openapi import document
from sse.serving import Running, running, token

pytestmark = pytest.mark.asyncio

HANG_S = 10.0
"""No claim of speed: by then it waits for what will never come."""


class Failing:
    """An authenticator whose database is gone."""

    async def authenticate(self, authorization: str | None) -> UUID | None:
        raise ConnectionError("no authenticator could be set up")


def without_authenticator(*args: Any, **named: Any) -> SseApp:
    return SseApp(*args, **named, authenticator=Failing())  # type: ignore[arg-type]


async def test_an_authenticator_that_fails_lets_nobody_in() -> None:
    async with running(without_authenticator) as server:
        workflow = await server.workflow()
        for path in (server.path(workflow), f"{server.tenant.base_path}/events/stream"):
            for headers in (server.tenant.headers, {}, {"Authorization": "Bearer x"}):
                for method in ("GET", "HEAD"):
                    answer = await server.client.ask(method, path, headers)
                    assert answer.status == 401, (method, path, headers)


async def test_the_server_ends_with_streams_open() -> None:
    async with asyncio.timeout(HANG_S), AsyncExitStack() as readers:
        async with running() as server:
            workflow = await server.workflow()
            stalled = await readers.enter_async_context(
                socket_reader(
                    server.target.base_url,
                    server.path(workflow),
                    server.tenant.headers,
                    small=True,
                )
            )
            assert await stalled.read_head() == 200
            # The server's own client leaves its streams when the server ends.
            client = HttpClient(server.target.base_url, Clock())
            readers.push_async_callback(client.aclose)
            reading = await readers.enter_async_context(
                client.stream(server.path(workflow), server.tenant.headers)
            )
            for _ in range(200):
                await server.backend.streams.publish(token(workflow, "x" * 65536))
        await reading.until(lambda: False)
        assert reading.over


async def test_two_hundred_readers_fifty_of_them_stalled_leave_nothing() -> None:
    async with running() as server:
        before = await server.held()
        workflows = [await server.workflow() for _ in range(10)]
        async with AsyncExitStack() as leaving:
            readers = [
                await leaving.enter_async_context(
                    socket_reader(
                        server.target.base_url,
                        server.path(workflows[number % 10]),
                        server.tenant.headers,
                        small=number % 4 == 0,
                    )
                )
                for number in range(200)
            ]
            for reader in readers:
                assert await reader.read_head() == 200
            assert await server.held() > before
            for _ in range(20):
                for workflow in workflows:
                    await server.backend.streams.publish(token(workflow, "x" * 16384))
            for number, reader in enumerate(readers):
                if number % 4:
                    assert await reader.read_body()
        await gone(server, before)


async def gone(server: Running, before: int) -> None:
    until = time.perf_counter() + HANG_S
    while await server.held() > before:
        assert time.perf_counter() < until, "subscriptions are left"
        await asyncio.sleep(0.01)


async def test_a_forged_child_opens_no_other_tenants_stream() -> None:
    async with running() as server:
        root, foreign = await server.workflow(), await server.workflow(tenant=1)
        path = server.path(root, "/stream/consolidated")
        async with server.client.stream(path, server.tenant.headers) as reading:
            forged = FlovynEvent.new(
                server.tenant.id,
                "child_workflow.initiated",
                "system",
                {"childWorkflowId": str(foreign)},
            ).with_workflow(root)
            await server.backend.events.publish(forged)
            await asyncio.wait_for(reading.until(lambda: bool(reading.received)), 2.0)
            await server.backend.streams.publish(token(foreign, "not yours"))
            await server.backend.streams.publish(token(root, "yours"))
            await asyncio.wait_for(reading.until(lambda: len(reading.received) > 1), 2.0)
            assert "yours" in reading.received[1].event.data
            assert "not yours" not in reading.received[1].event.data


async def test_a_bus_that_is_gone_is_a_503() -> None:
    async with running() as server:
        workflow = await server.workflow()
        await server.backend.aclose()
        answer = await server.client.ask("GET", server.path(workflow), server.tenant.headers)
        assert (answer.status, answer.media_type) == (503, "application/problem+json")


async def test_a_bus_that_closes_ends_its_streams() -> None:
    async with running() as server:
        workflow = await server.workflow()
        path, headers = server.path(workflow), server.tenant.headers
        async with server.client.stream(path, headers) as reading:
            await server.backend.aclose()
            await asyncio.wait_for(reading.until(lambda: False), 2.0)
            assert reading.ended is not None


async def test_the_document_and_the_routes_are_the_same() -> None:
    async with running() as server:
        app = SseApp(server.backend, server.registry, server.target.tenants)
        routed = {route.path.replace(":anytext", "") for route in app.routed.routes}  # type: ignore[attr-defined]
        assert routed == set(document()["paths"])
        assert {BASE + endpoint.path for endpoint in ENDPOINTS} < routed
