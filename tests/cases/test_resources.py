"""PUB-25 on a bus with a history: only events kept beside the history are a breach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from eventhook_conformance.cases import resources
from eventhook_conformance.contract import Subscription
from eventhook_conformance.history import Side
from eventhook_conformance.probe import NotOffered
from eventhook_reference.memory_replay import ReplayBus, ReplaySubscription, replay_target
from eventhook_reference.mutants.base import PliableClient
from eventhook_reference.mutants.replay_variants import ReplayByUuid, ReplayOfAMoment
from probe.rig import rig, rig_of

pytestmark = pytest.mark.asyncio

SIDES: tuple[Side, ...] = ("events", "streams")


def written(case: Any) -> Any:
    """Returns the body of a case, which takes the side."""
    return case.__wrapped__


class _Endless(ReplayBus):
    """Never full while a test runs."""

    capabilities = replace(ReplayBus.capabilities, replay_events=10**6)


class _KeepsSubscriptions(_Endless):
    """A subscription that was left stays in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[ReplaySubscription] = []

    def depart(self, member: ReplaySubscription) -> None:
        super().depart(member)
        self.left.append(member)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("bus", [_Endless, ReplayByUuid, ReplayOfAMoment])
async def test_history_that_fills_is_no_growth_with_subscriptions(
    bus: type[ReplayBus], side: Side
) -> None:
    async with rig_of(replay_target("rig", bus), timeout_s=5.0) as one:
        await written(resources.left_subscriptions_are_not_kept)(one.probe, side)
        assert one.found() == []


@pytest.mark.parametrize("side", SIDES)
async def test_left_subscriptions_that_a_bus_with_a_history_keeps_are_found(side: Side) -> None:
    async with rig_of(replay_target("rig", _KeepsSubscriptions), timeout_s=5.0) as one:
        await written(resources.left_subscriptions_are_not_kept)(one.probe, side)
        assert any("number of subscriptions" in found.expected for found in one.found())


@pytest.mark.parametrize("side", SIDES)
async def test_events_are_not_counted_where_a_history_keeps_them(side: Side) -> None:
    async with rig_of(replay_target("rig", _Endless)) as one:
        with pytest.raises(NotOffered, match="have a history"):
            await written(resources.delivered_events_are_not_kept)(one.probe, side)
        assert one.history.publishes == []


class _TakesItsTime(PliableClient):
    """Leaving takes 4 ms."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as channel:
            yield channel
        await asyncio.sleep(0.004)


@pytest.mark.parametrize("side", SIDES)
async def test_many_calls_may_take_longer_than_one(side: Side) -> None:
    async with rig(_TakesItsTime, timeout_s=0.3) as one:
        await written(resources.left_subscriptions_are_not_kept)(one.probe, side=side)
        assert one.found() == []
        assert one.probe.violations == []
