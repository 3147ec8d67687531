"""Slow reads: a case waits for a bus as long as each of its reads returns."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.cases._bulk import leaving_unrecorded, publisher
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import PliableClient, Side, pliable_target
from probe.rig import rig

READ_S = 0.03
UNREAD = 24
TIMEOUT_S = 0.4
"""Longer than one read, shorter than the reads of all unread events."""


class SlowChannel(Channel[Any]):
    async def __anext__(self) -> Any:
        event = await super().__anext__()
        try:
            await asyncio.sleep(READ_S)
        except asyncio.CancelledError:
            self._events.appendleft(event)
            raise
        return event


class ReadsSlowly(PliableClient):
    capabilities = replace(
        PliableClient.capabilities, event_capacity=UNREAD, stream_capacity=UNREAD
    )

    def make_channel(self, side: Side) -> Channel[Any]:
        return SlowChannel(UNREAD)


@pytest.mark.parametrize(
    "case",
    ["closing::what_is_buffered_is_read_first[none-of-many]", "full::ending_in_any_way_while_full"],
)
def test_what_is_buffered_may_take_longer_to_read_than_one_wait(case: str) -> None:
    chosen = [one for name, one in catalog().items() if case in name]
    target = pliable_target("slow reads", ReadsSlowly, ReadsSlowly.capabilities)
    result = judge(target, Settings(arrival_timeout_s=TIMEOUT_S), chosen)
    failed = {one.id: one.message for one in result.cases if one.outcome in ("failed", "error")}
    assert failed == {}
    assert result.summary["passed"]


@pytest.mark.asyncio
async def test_what_was_not_recorded_is_left_where_the_body_fails() -> None:
    async with rig() as one:
        ground = Ground(one.probe, "events")
        listener = await ground.subscribe()
        with suppress(asyncio.CancelledError):
            async with leaving_unrecorded([listener]):
                await publisher(listener.client, ground)(ground.event())
                raise asyncio.CancelledError
        assert not listener.open


@pytest.mark.asyncio
async def test_what_was_not_recorded_stays_where_all_is_well() -> None:
    async with rig() as one:
        listener = await Ground(one.probe, "events").subscribe()
        async with leaving_unrecorded([listener]):
            pass
        assert listener.open
