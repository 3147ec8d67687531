"""Bugs of order alone: everything comes, once and unchanged, but not in its publisher's order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants._timing import later
from eventhook_reference.mutants.base import Event, Member
from eventhook_reference.mutants.variants import Correct

REORDERING: list[Mutant] = []

_CLAIMS = replace(Correct.capabilities, total_order=False, causal_order=False)


class _Late(Correct):
    """Hands over later than it published."""

    capabilities = _CLAIMS

    async def aclose(self) -> None:
        """Delivers events under way before the readers end."""
        if self.closed:
            return
        if (rest := self.bus.memory.get("latest", 0.0) - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(rest + 0.002)
        await super().aclose()

    def late(self, seconds: float) -> None:
        """Notes how long something is under way."""
        latest: float = self.bus.memory.get("latest", 0.0)
        self.bus.memory["latest"] = max(latest, asyncio.get_running_loop().time() + seconds)


@bug(REORDERING, "PUB-06", "STR-01", "STR-06", seen=" first")
class HandsOverBackwards(_Late):
    """Collects events for 20 ms, and delivers the newest first."""

    def hand(self, member: Member, event: Event) -> None:
        stack: list[Any] = self.bus.memory.setdefault("stack", [])
        if not stack:
            self.late(0.02)
            asyncio.get_running_loop().call_later(0.02, self.flush)
        stack.append((member, event))

    def flush(self) -> None:
        """Hands over all that was collected."""
        stack, self.bus.memory["stack"] = self.bus.memory["stack"], []
        for member, event in reversed(stack):
            member.channel.push(event)


@bug(REORDERING, "PUB-06", "STR-01", "STR-06", seen=" first")
class SwapsNeighbours(_Late):
    """Holds back every other event until the next one has passed it, or for 20 ms at most."""

    def hand(self, member: Member, event: Event) -> None:
        held: dict[Member, Any] = self.bus.memory.setdefault("held", {})
        if member in held:
            member.channel.push(event)
            self.release(member, held[member])
        else:
            held[member] = event
            self.late(0.02)
            asyncio.get_running_loop().call_later(0.02, self.release, member, event)

    def release(self, member: Member, event: Event) -> None:
        """Delivers the event held back, unless it was delivered."""
        held: dict[Member, Any] = self.bus.memory["held"]
        if held.get(member) is event:
            del held[member]
            member.channel.push(event)


@bug(REORDERING, "PUB-06", "STR-01", "STR-06", seen=" first")
class TakesItsTimeWithEach(_Late):
    """Delays each event by a timer of its own, of 1 to 30 ms."""

    def __init__(self, bus: Any) -> None:
        super().__init__(bus)
        self.random = random.Random(1)

    def hand(self, member: Member, event: Event) -> None:
        seconds = self.random.uniform(0.001, 0.030)
        self.late(seconds)
        later(seconds, member, event)
