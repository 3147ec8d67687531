"""Demands: a case that left more unread than claimed names its need; others stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.hostile import examine
from eventhook_conformance.contract import START, EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.results import CaseResult
from eventhook_conformance.target import Capabilities
from eventhook_reference.memory_replay import CAPABILITIES, ReplayBus, replay_target
from eventhook_reference.mutants.base import Event, PliableClient, Side, pliable_target
from eventhook_reference.mutants.variants import Blocks, Waiting
from eventhook_reference.replay_log import ReplayLog

DROPS = replace(PliableClient.capabilities, event_capacity=2, stream_capacity=2)
WAITS = replace(DROPS, overflow="block", total_order=False, causal_order=False)


class Drops(PliableClient):
    capabilities = DROPS


class Waits(Blocks):
    capabilities = WAITS

    def make_channel(self, side: Side) -> Any:
        return Waiting(2)


class Alters(Drops):
    def copy(self, event: Event) -> Event:
        return event.with_correlation_id("another")


async def publishes_past_the_probe(probe: Probe) -> None:
    """Publishes three in one task, as back to back cases do: nothing is read in between."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    events = [probe.make.event(tenant) for _ in range(3)]
    await probe.returns(probe.publish_here(*events), "publish")
    await listener.receive(*events)


async def publishes_one(probe: Probe) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.publish(event := probe.make.event(tenant))
    await listener.receive(event)


def judged(client: Callable[[Any], PliableClient], claims: Capabilities, body: Any) -> CaseResult:
    (result,) = examine(pliable_target("tight", client, claims), [body]).cases
    return result


@pytest.mark.parametrize(("client", "claims"), [(Drops, DROPS), (Waits, WAITS)])
def test_what_was_too_much_is_said(
    client: Callable[[Any], PliableClient], claims: Capabilities
) -> None:
    result = judged(client, claims, publishes_past_the_probe)
    assert result.outcome == "not_claimed"
    assert result.message == "needs event_capacity=3 or more"


def test_a_breach_counts_however_much_was_asked() -> None:
    result = judged(Alters, DROPS, publishes_past_the_probe)
    assert result.outcome == "failed"


def test_a_bus_that_waits_without_need_is_charged() -> None:
    class Never(Waits):
        async def publish(self, side: Side, event: Event) -> None:
            if side == "events" and event.event_type == "plain.slow":
                await asyncio.Event().wait()
            await super().publish(side, event)

    async def publishes_what_waits(probe: Probe) -> None:
        tenant = probe.make.tenant()
        await probe.subscribe(EventPattern.all(tenant))
        await probe.publish(probe.make.event(tenant, "plain.slow"))

    assert judged(Never, WAITS, publishes_what_waits).outcome == "failed"
    assert judged(Never, WAITS, publishes_one).outcome == "passed"


class Brief(ReplayBus):
    capabilities = replace(CAPABILITIES, replay_events=2)


async def reads_all_since_the_start(probe: Probe) -> None:
    tenant = probe.make.tenant()
    events = [probe.make.event(tenant) for _ in range(3)]
    await probe.publish(*events)
    listener = await probe.subscribe(EventPattern.all(tenant), since=START)
    await listener.receive(*events)


def test_more_history_than_is_claimed_is_said() -> None:
    (result,) = examine(replay_target("brief", Brief), [reads_all_since_the_start]).cases
    assert result.outcome == "not_claimed"
    assert result.message == "needs replay_events=3 or more"


def test_older_history_than_is_claimed_is_said() -> None:
    class Fleeting(ReplayBus):
        capabilities = replace(CAPABILITIES, replay_s=0.001)

    async def reads_what_is_too_old(probe: Probe) -> None:
        tenant = probe.make.tenant()
        await probe.publish(event := probe.make.event(tenant))
        await asyncio.sleep(0.01)
        listener = await probe.subscribe(EventPattern.all(tenant), since=START)
        await listener.receive(event)

    (result,) = examine(replay_target("fleeting", Fleeting), [reads_what_is_too_old]).cases
    assert result.outcome == "not_claimed"
    assert (result.message or "").startswith("needs replay_s=")


def test_history_that_is_claimed_and_gone_is_charged() -> None:
    class Forgetful(Brief):
        capabilities = replace(CAPABILITIES, replay_events=3)

        def make_log(self) -> ReplayLog[Any]:
            return ReplayLog(2, None)

    (result,) = examine(replay_target("forgetful", Forgetful), [reads_all_since_the_start]).cases
    assert result.outcome == "failed"


async def publishes_much(probe: Probe) -> None:
    tenant = probe.make.tenant()
    await probe.publish(probe.make.event(tenant, data="x" * 2000))


def test_more_bytes_than_are_claimed_are_said() -> None:
    few = replace(PliableClient.capabilities, max_event_bytes=1000)
    small = type("Small", (PliableClient,), {"capabilities": few})
    result = judged(small, few, publishes_much)
    assert result.outcome == "not_claimed"
    assert (result.message or "").startswith("needs max_event_bytes=2")


def test_a_refusal_of_what_is_claimed_is_charged() -> None:
    few = replace(PliableClient.capabilities, max_event_bytes=1000)
    small = type("Small", (PliableClient,), {"capabilities": few})
    result = judged(small, PliableClient.capabilities, publishes_much)
    assert result.outcome == "failed"
