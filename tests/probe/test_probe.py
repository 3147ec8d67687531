"""A case's hands and eyes."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    PublishError,
)
from eventhook_conformance.probe import CaseAborted
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side
from probe.rig import rig

pytestmark = pytest.mark.asyncio


class LosesSome(PliableClient):
    """Loses what says so."""

    def admits(self, member: Member, event: Event) -> bool:
        return getattr(event, "data", None) != "lose" and super().admits(member, event)


# Fences


async def test_fence_proves_that_nothing_else_came() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.by_type(tenant, "task"))
        other = probe.make.event(tenant, "workflow.started")
        await probe.publish(other)
        await probe.fence(listener)
        assert [type(event).__name__ for event in listener.received] == ["FlovynEvent"]
        assert listener.received[0] != other
        assert [p.purpose for p in one.history.publishes] == ["case", "fence"]
        assert one.found() == []


async def test_fence_shows_a_loss_without_a_wait() -> None:
    async with rig(LosesSome, timeout_s=60) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        await probe.publish(probe.make.event(tenant), probe.make.event(tenant, data="lose"))
        began = asyncio.get_running_loop().time()
        await probe.fence(listener)
        assert asyncio.get_running_loop().time() - began < 1
        assert [violation.kind for violation in one.found()] == ["lost"]


async def test_fence_goes_out_through_every_client_that_published() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        own = await probe.open_client()
        for via in ("same", "other", own):
            await probe.publish(probe.make.event(tenant), via=via)
        await probe.fence(listener)
        fences = [p.client for p in one.history.publishes if p.purpose == "fence"]
        assert sorted(fences) == ["c1", "c2", own.name]
        assert len(listener.received) == 6
        assert one.found() == []


async def test_fence_asks_for_what_each_subscription_selects() -> None:
    async with rig() as one:
        probe, tenant, key = one.probe, one.probe.make.tenant(), one.probe.make.key()
        workflow, task = probe.make.tenant(), probe.make.tenant()
        listeners = [
            await probe.subscribe(EventPattern.all(tenant)),
            await probe.subscribe(EventPattern.by_type(tenant, "task")),
            await probe.subscribe(EventPattern.by_type(tenant, "webhook.github")),
            await probe.subscribe(EventPattern.for_workflow(tenant, workflow)),
            await probe.subscribe(EventPattern.for_task(tenant, task)),
            await probe.subscribe(EventPattern(tenant_id=tenant, source="*")),
            await probe.subscribe(key),
        ]
        await probe.fence(*listeners)
        assert all(listener.received for listener in listeners)
        assert one.found() == []


async def test_fence_that_does_not_arrive_ends_the_case() -> None:
    class Deaf(PliableClient):
        def hand(self, member: Member, event: Event) -> None:
            """Drops the event."""

    async with rig(Deaf) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        with pytest.raises(CaseAborted):
            await probe.fence(listener)
        assert listener.entry.waited


# Publishing


async def test_burst_publishes_each_chain_in_its_order_and_the_chains_at_once() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        chains = [[probe.make.event(tenant, data=[c, n]) for n in range(4)] for c in range(3)]
        entries = await probe.burst(chains)
        assert len(entries) == 12
        assert all(entry.outcome == "ok" for entry in entries)
        await listener.receive(*(event for chain in chains for event in chain))
        for number, chain in enumerate(chains):
            assert [e for e in listener.received if e.data[0] == number] == chain
        by_chain = [entries[start : start + 4] for start in (0, 4, 8)]
        assert all(a.before(b) for chain in by_chain for a, b in itertools.pairwise(chain))
        assert not by_chain[0][0].before(by_chain[1][0])
        assert one.found() == []


async def test_history_keeps_what_was_published_though_the_target_changes_it() -> None:
    class Changes(PliableClient):
        def check(self, side: Side, event: Event) -> None:
            super().check(side, event)
            if isinstance(event.data, dict):
                event.data["changed"] = True

    async with rig(Changes) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        event = probe.make.event(tenant, data={"a": 1})
        await probe.publish(event)
        await probe.fence(listener)
        assert [violation.kind for violation in one.found()] == ["altered"]


async def test_publish_that_raises_ends_the_case_and_the_chain() -> None:
    class Raises(PliableClient):
        def check(self, side: Side, event: Event) -> None:
            if event.data == "raise":
                raise PublishError("no room")
            super().check(side, event)

    async with rig(Raises) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        with pytest.raises(CaseAborted, match="it raised PublishError: no room"):
            await probe.publish(probe.make.event(tenant, data="raise"), probe.make.event(tenant))
        assert [p.outcome for p in one.history.publishes] == ["refused"]


# Refusals


async def test_refused_event_is_as_it_should_be() -> None:
    async with rig() as one:
        probe = one.probe
        entry = await probe.refuse(probe.make.event(probe.make.tenant(), "no_dot"))
        assert entry.outcome == "refused"
        assert one.found() == []


async def test_accepted_event_that_should_be_refused_is_a_breach() -> None:
    class AcceptsAll(PliableClient):
        def check(self, side: Side, event: Event) -> None:
            """Refuses nothing."""

    async with rig(AcceptsAll) as one:
        probe = one.probe
        await probe.refuse(probe.make.event(probe.make.tenant(), "no_dot"))
        (violation,) = probe.violations
        assert "publish to raise InvalidEvent" in violation.message
        assert "it accepted event_type 'no_dot'" in violation.message
        await probe.refuse(probe.make.event(probe.make.tenant(), "no_dot"), unless_delivered=True)
        assert len(probe.violations) == 1


async def test_refusal_with_another_error_is_a_breach_unless_that_is_named_too() -> None:
    class RaisesOther(PliableClient):
        def check(self, side: Side, event: Event) -> None:
            raise PublishError("too large")

    async with rig(RaisesOther) as one:
        probe = one.probe
        event = probe.make.event(probe.make.tenant())
        await probe.refuse(event, InvalidEvent, PublishError)
        assert probe.violations == []
        await probe.refuse(event)
        assert "it raised PublishError: too large" in probe.violations[0].message


async def test_refusal_that_never_comes_ends_the_case() -> None:
    class Hangs(PliableClient):
        async def publish(self, side: Side, event: Event) -> None:
            await asyncio.get_running_loop().create_future()

    async with rig(Hangs) as one:
        probe = one.probe
        with pytest.raises(CaseAborted, match="it does not return"):
            await probe.refuse(probe.make.event(probe.make.tenant(), "no_dot"))


async def test_refused_subscription() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        await probe.refuse_subscription(EventPattern.by_type(tenant, "a..b"), InvalidPattern)
        assert probe.violations == []
        await probe.refuse_subscription(EventPattern.by_type(tenant, "fine"), InvalidPattern)
        assert "it was entered" in probe.violations[0].message
        assert one.bus().members == []


# Calls


async def answer(value: Any) -> Any:
    return value


async def raise_it(error: BaseException) -> None:
    raise error


async def test_returns_gives_what_came() -> None:
    async with rig() as one:
        assert await one.probe.returns(answer(5), "the call") == 5
        with pytest.raises(CaseAborted, match="the call to succeed; seen: it raised OSError: no"):
            await one.probe.returns(raise_it(OSError("no")), "the call")
        with pytest.raises(CaseAborted, match="the call to return"):
            await one.probe.returns(asyncio.sleep(60), "the call", timeout_s=0.01)


async def test_raises_wants_that_error() -> None:
    async with rig() as one:
        probe = one.probe
        await probe.raises(raise_it(KeyError("x")), KeyError, "the call")
        assert probe.violations == []
        await probe.raises(raise_it(OSError("no")), KeyError, "the call")
        await probe.raises(answer(5), KeyError, "the call")
        assert [violation.seen for violation in probe.violations] == [
            "it raised OSError: no",
            "it returned 5",
        ]


# Made events


async def test_events_and_keys_are_fresh_and_stream_events_have_times_of_their_own() -> None:
    async with rig() as one:
        probe = one.probe
        assert probe.make.tenant() != probe.make.tenant()
        assert probe.make.key() != probe.make.key()
        key = probe.make.key()
        times = [probe.make.stream_event(key).timestamp_ms for _ in range(50)]
        assert len(set(times)) == 50
        event = probe.make.event(probe.make.tenant())
        assert isinstance(event, FlovynEvent)
        event.validate()
        probe.make.stream_event(key).validate()


async def test_random_choices_repeat_with_the_seed() -> None:
    async with rig() as one, rig() as two:
        assert [one.probe.random.random() for _ in range(3)] == [
            two.probe.random.random() for _ in range(3)
        ]


async def test_clients_are_opened_when_first_asked_for() -> None:
    async with rig() as one:
        assert await one.probe.client() is await one.probe.client("same")
        other = await one.probe.client("other")
        assert other.name == "c2"
        own = await one.probe.open_client()
        assert await one.probe.client(own) is own
        assert own.name == "c3"
