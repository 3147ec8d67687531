"""Two calls in one task, with no turn of the event loop between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eventhook_conformance.contract import EventPattern
from eventhook_reference.mutants.base import PliableClient, Side
from probe.rig import rig

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
