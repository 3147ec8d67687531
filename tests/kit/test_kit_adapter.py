"""The kit: forty lines over a bare bus are conformant, and bugs of the bus are found."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventPattern,
    FlovynEvent,
    PublishError,
    StreamEvent,
    SubscribeError,
    SubscriptionLost,
    Unsupported,
)
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.kit import Adapter, Kind, Sink
from eventhook_conformance.report import console
from eventhook_conformance.results import RunResult
from eventhook_conformance.target import Capabilities, Target
from kit.callbacks import Callbacks, callbacks_target

ORDERED = Capabilities(total_order=True, causal_order=True)
ALL_PARTS = ("codec", "validation", "size check", "filtering", "buffer", "errors", "closing")


def failures(result: RunResult) -> list[str]:
    return [
        f"{one.id}: {one.message}" for one in result.cases if one.outcome in ("failed", "error")
    ]


def failed(result: RunResult) -> set[str]:
    return {one.requirement.id for one in result.requirement_results() if one.outcome == "failed"}


def test_the_client_has_about_forty_lines() -> None:
    assert len(inspect.getsource(Callbacks).splitlines()) <= 40


def test_a_ring_for_a_tenant_is_not_claimed_with_the_kits_buffers() -> None:
    claims = replace(ORDERED, overflow_scope="tenant")
    result = judge(callbacks_target(claims), instances=[])
    assert result.unusable is not None
    assert "opening a client failed: ValueError: the kit gives each subscription" in result.unusable
    assert 'claim overflow_scope="subscription", or override make_buffer' in result.unusable
    assert "\n" not in result.unusable


def test_with_a_buffer_of_its_own_a_ring_for_a_tenant_may_be_claimed() -> None:
    class OwnBuffer(Callbacks):
        def make_buffer(self, kind: Kind) -> Any:
            return super().make_buffer(kind)

    claims = replace(ORDERED, overflow_scope="tenant")
    assert OwnBuffer(defaultdict(list), claims).capabilities == claims


@pytest.mark.slow
@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "block", "unbounded"])
def test_a_dict_of_callbacks_is_conformant_with_every_policy(overflow: Any) -> None:
    claims = replace(ORDERED, overflow=overflow, event_capacity=200, stream_capacity=150)
    result = judge(callbacks_target(claims))
    assert failures(result) == []
    assert result.verdict == "conformant"
    assert result.kit == ALL_PARTS
    assert "  kit       codec, validation" in "\n".join(console.header(result))


# Bugs are found


class Doubles(Callbacks):
    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await super().send(kind, key, body)
        await super().send(kind, key, body)


class Loses(Callbacks):
    count = 0

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        type(self).count += 1
        if self.count % 7:
            await super().send(kind, key, body)


class OneKey(Callbacks):
    """One channel for all tenants and keys: the kit's filter is what keeps them apart."""

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await super().send(kind, "all", body)

    def attach(self, kind: Kind, key: str, sink: Sink) -> Any:
        return super().attach(kind, "all", sink)


class AdmitsAll(OneKey):
    def admits(self, selects: Any, event: Any) -> bool:
        return True


class OtherPolicy(Callbacks):
    def make_buffer(self, kind: Kind) -> Any:
        buffer = super().make_buffer(kind)
        buffer.overflow = "drop_newest"
        return buffer


class StaysAttached(Callbacks):
    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        self.bus[kind, key].append(sink)
        yield


@pytest.mark.parametrize(
    ("client", "requirement", "missing"),
    [
        (Doubles, "PUB-02", set()),
        (Loses, "PUB-01", set()),
        (AdmitsAll, "TEN-01", {"filtering"}),
        (OtherPolicy, "OVF-01", {"buffer"}),
        (StaysAttached, "CLN-06", set()),
    ],
)
def test_what_the_bus_gets_wrong_is_not_papered_over(
    client: type[Callbacks], requirement: str, missing: set[str]
) -> None:
    instances = cases_for({requirement})
    right = judge(callbacks_target(ORDERED), instances=instances)
    assert failures(right) == []
    result = judge(callbacks_target(ORDERED, client), instances=instances)
    assert requirement in failed(result)
    assert set(ALL_PARTS) - set(result.kit) == missing


def test_a_bus_with_one_channel_is_filtered() -> None:
    claims = replace(ORDERED, introspection=False)
    instances = cases_for({"TEN-01", "TEN-02", "STR-02", "PAT-09"})
    assert failures(judge(callbacks_target(claims, OneKey), instances=instances)) == []


# By itself


def event(tenant: Any = None) -> FlovynEvent:
    return FlovynEvent.new(tenant or uuid4(), "task.created", "suite", {"a": 1})


def client(kind: type[Callbacks] = Callbacks, **claims: Any) -> Callbacks:
    return kind(defaultdict(list), Capabilities(**claims))


class Raises(Callbacks):
    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        raise ConnectionResetError("by peer")

    def attach(self, kind: Kind, key: str, sink: Sink) -> Any:
        raise ConnectionRefusedError("nobody listens")


@pytest.mark.asyncio
async def test_errors_of_the_client_library_become_the_contracts() -> None:
    async with client(Raises) as mine:
        with pytest.raises(PublishError, match="did not take the event: ConnectionResetError: by"):
            await mine.events.publish(event())
        with pytest.raises(SubscribeError, match="ConnectionRefusedError: nobody listens"):
            async with mine.streams.subscribe("key"):
                pass
        assert not mine.subscriptions


@pytest.mark.asyncio
async def test_after_closing_every_call_raises() -> None:
    mine = client()
    async with mine, mine.streams.subscribe("key") as subscription:
        token = StreamEvent.from_json(
            '{"taskExecutionId":"","workflowExecutionId":"key","sequence":0,"type":"TOKEN",'
            '"payload":"Hi","timestampMs":1}'
        )
        await mine.streams.publish(token)
        await asyncio.gather(mine.aclose(), mine.aclose())
        assert [one async for one in subscription] == [token]
        for call in (
            mine.events.publish(event()),
            mine.streams.publish(token),
            mine.active_channels(),
            mine.cleanup_inactive_channels(),
        ):
            with pytest.raises(BusClosed):
                await call
        with pytest.raises(BusClosed):
            async with mine.events.subscribe(EventPattern.all(uuid4())):
                pass
    await mine.aclose()
    assert mine.bus == {}


class CountsNothing(Callbacks):
    active_channels = Adapter.active_channels


@pytest.mark.asyncio
async def test_counting_is_the_vendors_to_offer() -> None:
    async with client() as mine:
        assert await mine.active_channels() == ChannelCounts(events=0, streams=0)
        assert await mine.cleanup_inactive_channels() == 0
    async with client(CountsNothing) as mine:
        for call in (mine.active_channels(), mine.cleanup_inactive_channels()):
            with pytest.raises(Unsupported, match="introspection=False"):
                await call


class Breaks(Callbacks):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.breaking = asyncio.Event()

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group, super().attach(kind, key, sink):
            group.create_task(self.read())
            yield

    async def read(self) -> None:
        await self.breaking.wait()
        raise ConnectionResetError("by peer")


@pytest.mark.asyncio
async def test_a_context_that_ends_by_itself_loses_the_subscription() -> None:
    async with client(Breaks) as mine, mine.streams.subscribe("key") as subscription:
        read = asyncio.ensure_future(anext(subscription))
        assert isinstance(mine, Breaks)
        mine.breaking.set()
        with pytest.raises(SubscriptionLost, match="what was attached to the bus broke"):
            await asyncio.wait_for(read, 2)


class Tells(Callbacks):
    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        async with super().attach(kind, key, sink):
            sink(b"no json")
            sink(b"{}")
            sink.lose("the last reconnect failed")
            yield


@pytest.mark.asyncio
async def test_a_client_can_say_that_nothing_can_come_any_more() -> None:
    async with client(Tells) as mine, mine.streams.subscribe("key") as subscription:
        with pytest.raises(SubscriptionLost, match="the last reconnect failed"):
            await anext(subscription)


class SwallowsCancellation(Callbacks):
    """As some client libraries do: entering goes on."""

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        async with super().attach(kind, key, sink):
            yield


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("kind", [Callbacks, SwallowsCancellation])
async def test_a_cancelled_entering_leaves_nothing(kind: type[Callbacks], turns: int) -> None:
    async with client(kind) as mine:
        context = mine.events.subscribe(EventPattern.all(uuid4()))
        entering = asyncio.ensure_future(context.__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait({entering}, timeout=2)
        assert entering.done()
        if not entering.cancelled():
            await context.__aexit__(None, None, None)
        assert mine.bus == {}
        assert not mine.subscriptions


@pytest.mark.asyncio
async def test_a_context_is_used_once() -> None:
    async with client() as mine:
        context = mine.streams.subscribe("key")
        async with context:
            pass
        with pytest.raises(SubscribeError, match="entered before"):
            await context.__aenter__()


@pytest.mark.asyncio
async def test_size_is_checked_before_anything_is_sent() -> None:
    tenant = uuid4()
    async with (
        client(max_event_bytes=300) as mine,
        mine.events.subscribe(EventPattern.all(tenant)) as subscription,
    ):
        with pytest.raises(PublishError, match="at most 300 are allowed"):
            await mine.events.publish(FlovynEvent.new(tenant, "a.b", "s", "x" * 400))
        await mine.events.publish(good := event(tenant))
        assert await anext(subscription) == good


def test_a_target_without_the_kit_names_none() -> None:
    from eventhook_reference.memory import target

    assert isinstance(target, Target)
    assert judge(target, instances=cases_for({"PUB-08"})).kit == ()


@pytest.mark.asyncio
async def test_kit_adds_no_turn_between_publishing_and_entering() -> None:
    """A subscription entered at once gets events that the bus delivers a turn after `send` (PUB-05)."""
    sinks: list[Any] = []

    class Pumps(Adapter):
        async def send(self, kind: Kind, key: str, body: bytes) -> None:
            asyncio.get_running_loop().call_soon(lambda: [sink(body) for sink in sinks])

        @asynccontextmanager
        async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
            sinks.append(sink)
            yield

        async def disconnect(self) -> None: ...

    tenant = uuid4()
    async with Pumps(Capabilities()) as bus:
        await bus.events.publish(FlovynEvent.new(tenant, "a.b", "test", None))
        async with bus.events.subscribe(EventPattern.all(tenant)) as late:
            async with asyncio.timeout(5):
                assert (await anext(late)).event_type == "a.b"
