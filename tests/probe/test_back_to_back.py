"""Two calls in one task, with no turn of the event loop between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from eventhook_conformance.contract import START, EventPattern, Unsupported
from eventhook_reference.memory_replay import replay_target
from eventhook_reference.mutants.base import PliableClient, Side
from eventhook_reference.mutants.replay_variants import ReplayFromStartAlone
from probe.rig import rig, rig_of

pytestmark = pytest.mark.asyncio


class Notes(PliableClient):
    """Notes in which turn of the loop it was called, and takes none itself."""

    async def publish(self, side: Side, event: Any) -> None:
        self.note("publish")

    def enter(self, member: Any) -> None:
        self.note("enter")
        super().enter(member)

    def note(self, what: str) -> None:
        turn: list[int] = self.bus.memory.setdefault("turn", [0])
        self.bus.memory.setdefault("notes", []).append((what, turn[0]))

        def count() -> None:
            turn[0] += 1

        asyncio.get_running_loop().call_soon(count)


async def test_publishing_and_entering_here_take_no_turn() -> None:
    async with rig(Notes) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        listener = await probe.listener(EventPattern.all(tenant))
        await probe.publish_here(probe.make.event(tenant))
        async with listener.entered_here():
            await probe.publish_here(probe.make.event(tenant))
        assert one.bus().memory["notes"] == [("publish", 0), ("enter", 0), ("publish", 0)]
        (before, _), entry = one.history.publishes, listener.entry
        assert before.returned is not None
        assert entry.entered is not None
        assert entry.left is not None
        assert before.returned.step < entry.entering.step < entry.entered.step < entry.left.step


async def test_what_entering_here_raises_is_recorded_and_tamed() -> None:
    class Exits(PliableClient):
        def enter(self, member: Any) -> None:
            raise SystemExit(3)

    async with rig(Exits) as one:
        listener = await one.probe.listener(EventPattern.all(one.probe.make.tenant()))
        with pytest.raises(Exception, match="SystemExit"):
            async with listener.entered_here():
                raise AssertionError("never entered")
        assert "SystemExit" in (listener.entry.error or "")


async def test_read_that_leaving_here_does_not_end_is_a_breach() -> None:
    class NeverWakes(PliableClient):
        def leave(self, member: Any) -> None:
            self.bus.members.remove(member)

    async with rig(NeverWakes) as one:
        listener = await one.probe.listener(EventPattern.all(one.probe.make.tenant()))
        with pytest.raises(Exception, match="a waiting read to end when it was left"):
            async with listener.entered_here():
                await listener.wait_reading()


async def test_target_that_offers_no_live_beginning_is_entered_here_as_it_claims() -> None:
    async with rig_of(replay_target("rig", ReplayFromStartAlone)) as one:
        probe, tenant = one.probe, one.probe.make.tenant()
        past = probe.make.event(tenant)
        await probe.publish(past)
        listener = await probe.listener(EventPattern.all(tenant))
        async with listener.entered_here():
            await listener.receive(past)
        assert listener.entry.since is START
        assert one.found() == []


async def test_refused_live_beginning_is_a_breach_where_it_is_the_claimed_one() -> None:
    class ClaimsLive(ReplayFromStartAlone):
        capabilities = replace(ReplayFromStartAlone.capabilities, replay_default="live")

    async with rig_of(replay_target("rig", ClaimsLive)) as one:
        listener = await one.probe.listener(EventPattern.all(one.probe.make.tenant()))
        with pytest.raises(Unsupported):
            async with listener.entered_here():
                raise AssertionError("never entered")
        assert "Unsupported" in (listener.entry.error or "")
