"""The reader of streams that cases use: it leaves nothing behind, and prints nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest

from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.history import Clock
from eventhook_conformance.sse.client import HttpClient
from eventhook_reference.memory import MemoryBus, open_client
from eventhook_reference.sse.server import http


async def _lose_streams(held: list[object], *, closes: bool) -> int:
    """Opens streams and does not leave them; returns how many subscriptions there are then."""
    async with open_client(MemoryBus()) as backend, http(backend) as target:
        tenant = target.tenants[0]
        client = HttpClient(target.base_url, Clock())
        lost = [client.stream(f"{tenant.base_path}/events/stream", tenant.headers) for _ in "ab"]
        held += lost
        for stream in lost:
            assert (await stream.__aenter__()).status == 200
        if closes:
            await client.aclose()
            async with asyncio.timeout(20):
                while (await backend.active_channels()).events:
                    await backend.cleanup_inactive_channels()
                    await asyncio.sleep(0.01)
        return (await backend.active_channels()).events


def test_closing_the_client_leaves_streams_that_were_lost() -> None:
    assert run_in_loop(_lose_streams([], closes=True)) == 0


def test_streams_that_were_lost_are_silent_when_the_loop_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="asyncio"):
        held: list[object] = []  # garbage collected before is left one by one
        assert run_in_loop(_lose_streams(held, closes=False)) == 1
    assert caplog.messages == []
