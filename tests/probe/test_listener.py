"""One subscription, read on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventhook_conformance.contract import EventPattern, Subscription, SubscriptionLost
from eventhook_conformance.probe import CaseAborted
from eventhook_reference.mutants.base import PliableClient, Side
from probe.rig import rig

pytestmark = pytest.mark.asyncio


class Counting(Subscription[Any]):
    """Counts how its reads end."""

    def __init__(self, channel: Subscription[Any]) -> None:
        self._channel = channel
        self.cancelled = 0
        self.begun = 0

    async def __anext__(self) -> Any:
        self.begun += 1
        try:
            return await self._channel.__anext__()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class CountingClient(PliableClient):
    """Hands out counting subscriptions, and remembers them."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as channel:
            counting = Counting(channel)
            self.bus.memory.setdefault("all", []).append(counting)
            yield counting


async def test_read_that_runs_out_stays_pending_and_gets_the_next_event() -> None:
    async with rig(CountingClient) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        never, event = probe.make.event(tenant), probe.make.event(tenant)
        with pytest.raises(CaseAborted):
            await listener.receive(never)
        (counting,) = one.bus().memory["all"]
        assert (counting.begun, counting.cancelled) == (1, 0)
        await probe.publish(event)
        await listener.receive(event)
        assert (counting.begun, counting.cancelled) == (1, 0)
        assert listener.received == [event]


async def test_who_reads_on_and_on_waits_no_longer_than_for_what_is_wanted() -> None:
    async with rig(timeout_s=30.0) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        listener.drain()
        event = probe.make.event(tenant)
        async with asyncio.timeout(5):
            waiting = asyncio.ensure_future(listener.receive(event))
            await asyncio.sleep(0)
            await probe.publish(event)
            await waiting
            reading = asyncio.ensure_future(listener.read(1))
            await asyncio.sleep(0)
            await probe.publish(probe.make.event(tenant))
            assert await reading
        assert probe.deadline.current_s == 30.0


async def test_delivery_is_timed_by_the_call_of_its_read() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        await listener.wait_reading()
        event = probe.make.event(tenant)
        publish = await probe.publish(event)
        await listener.receive(event)
        (delivery,) = listener.entry.deliveries
        assert delivery.called.step < publish.called.step < delivery.returned.step


async def test_reads_no_more_than_is_wanted() -> None:
    async with rig(CountingClient) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        events = [probe.make.event(tenant) for _ in range(5)]
        await probe.publish(*events)
        await listener.receive(*events[:2])
        assert listener.received == events[:2]
        assert one.bus().memory["all"][0].begun == 2


async def test_what_was_received_before_is_not_waited_for_again() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        events = [probe.make.event(tenant) for _ in range(3)]
        await probe.publish(*events)
        await listener.receive(events[2])
        await listener.receive(*events)


async def test_waiting_in_vain_is_recorded_and_shows_the_loss() -> None:
    class Loses(PliableClient):
        def admits(self, member: Any, event: Any) -> bool:
            return "lose" not in str(event.data) and super().admits(member, event)

    async with rig(Loses) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        lost = probe.make.event(tenant, data="lose")
        await probe.publish(lost)
        with pytest.raises(CaseAborted):
            await listener.receive(lost)
        (waited,) = listener.entry.waited
        assert waited.publish.event is lost
        assert [violation.kind for violation in one.found()] == ["lost-first"]


async def test_leaving_ends_a_waiting_read_and_later_ones() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        pump = await listener.wait_reading()
        await listener.leave()
        assert pump.done()
        assert listener.entry.end == "stopped"
        assert one.found() == []


async def test_read_that_leaving_does_not_end_is_a_breach() -> None:
    class NeverWakes(PliableClient):
        def leave(self, member: Any) -> None:
            self.bus.members.remove(member)

    async with rig(NeverWakes) as one:
        listener = await one.probe.subscribe(EventPattern.all(one.probe.make.tenant()))
        pump = await listener.wait_reading()
        violation = await listener.leave_quietly()
        assert violation is not None
        assert violation.requirements == ("PUB-11",)
        assert "a waiting read to end when its subscription was left" in violation.message
        assert pump.done()


@pytest.mark.parametrize(("closes", "charge"), [(False, "PUB-11"), (True, "PUB-17")])
async def test_leaving_that_fails_is_charged_to_closing_after_that(
    closes: bool, charge: str
) -> None:
    class Refuses(PliableClient):
        def leave(self, member: Any) -> None:
            super().leave(member)
            raise RuntimeError("you may not leave")

    async with rig(Refuses) as one:
        client = await one.probe.open_client()
        tenant = one.probe.make.tenant()
        listener = await one.probe.subscribe(EventPattern.all(tenant), via=client)
        if closes:
            await one.probe.close(client)
        violation = await listener.leave_quietly()
        assert violation is not None
        assert violation.requirements == (charge,)
        assert "it raised RuntimeError: you may not leave" in violation.message


async def test_subscription_that_is_lost_ends_with_its_reason() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        one.bus().members[0].channel.lose(SubscriptionLost("the server went away"))
        with pytest.raises(CaseAborted):
            await listener.receive(probe.make.event(tenant))
        assert listener.entry.end == "lost"
        assert "the server went away" in (listener.entry.end_error or "")
        assert [violation.kind for violation in one.found()] == ["ended"]


async def test_cancelled_read_is_only_cancelled_when_asked_to() -> None:
    async with rig(CountingClient) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        await listener.wait_reading()
        await listener.cancel_read()
        (counting,) = one.bus().memory["all"]
        assert counting.cancelled == 1
        event = probe.make.event(tenant)
        await probe.publish(event)
        await listener.receive(event)
        assert one.found() == []


async def test_close_lets_the_reader_read_what_is_buffered_then_end() -> None:
    async with rig() as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        client = await probe.open_client()
        listener = await probe.subscribe(EventPattern.all(tenant), via=client)
        events = [probe.make.event(tenant) for _ in range(3)]
        await probe.publish(*events)
        await probe.close(client)
        await listener.read_end()
        assert listener.received == events
        assert listener.entry.end == "stopped"
        assert one.found() == []
        assert await client.leave() is None


async def test_a_member_of_the_targets_own_is_not_touched() -> None:
    class Wanted(Counting):
        wanted = "mine"

    class WantedClient(PliableClient):
        @asynccontextmanager
        async def subscription(
            self, side: Side, selects: Any, *arguments: Any, **named: Any
        ) -> AsyncIterator[Subscription[Any]]:
            parent = super().subscription(side, selects, *arguments, **named)
            async with parent as channel:
                yield self.bus.memory.setdefault("mine", Wanted(channel))

    async with rig(WantedClient) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        event = probe.make.event(tenant)
        await probe.publish(event)
        await listener.receive(event)
        assert one.bus().memory["mine"].wanted == "mine"
        assert one.found() == []


async def test_who_cannot_end_in_time_is_told_in_plain_words() -> None:
    class Hangs(PliableClient):
        async def active_channels(self) -> Any:
            await asyncio.get_running_loop().create_future()

    async with rig(Hangs) as one:
        client = await one.probe.client()
        with pytest.raises(CaseAborted) as aborted:
            await one.probe.returns(client.channels(one.history), "active_channels", timeout_s=30)
        assert "TargetTimeout" not in str(aborted.value)
        assert "did not return within 0.2 s" in str(aborted.value)
