"""Twelve broken buses: what `broken_buses.py` judges. Each attribute is a target."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from eventhook_conformance.contract import Subscription
from eventhook_conformance.driver.target import driver_target
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.target import Target
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import (
    Event,
    Member,
    PliableBus,
    PliableClient,
    Side,
    pliable_target,
)

ZOO: Final = (
    "cancelled-entry-deafens-the-next-on-events",
    "ends-after-two-hundred",
    "grace-ends-in-silence",
    "loses-every-hundredth",
    "sends-into-a-closed-channel",
    "swallows-the-first",
)
_LATE_S: Final = 0.02
_READS: Final = 3
_LOST: Final = 0.1
_MUTE: Final = "import sys; sys.stdin.read()"


class DiesWhileReading(PliableClient):
    """The reader of a subscription dies after three events, and nobody says so."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _Deaf(super().make_channel(side)._capacity)  # noqa: SLF001  # because: the buffer's size has no other name


class _Deaf(Channel[Any]):
    _read = 0

    async def __anext__(self) -> Any:
        self._read += 1
        if self._read > _READS:
            await asyncio.get_running_loop().create_future()
        return await super().__anext__()


class DeliversLate(PliableClient):
    """An event comes 20 ms after its publish returned, and so after its subscription was closed."""

    def hand(self, member: Member, event: Event) -> None:
        asyncio.get_running_loop().call_later(_LATE_S, super().hand, member, event)


class LosesATenth(PliableClient):
    """One delivery in ten is lost, at random."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self._random = random.Random(7)

    def hand(self, member: Member, event: Event) -> None:
        if self._random.random() >= _LOST:
            super().hand(member, event)


class EnteringHangs(PliableClient):
    """Entering a stream never returns."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if side == "streams":
            await asyncio.get_running_loop().create_future()
        async with super().subscription(side, selects) as entered:
            yield entered


class ClosingHangs(PliableClient):
    """Closing a client that still has readers never returns."""

    async def aclose(self) -> None:
        hangs = not self.closed and any(one.client is self for one in self.bus.members)
        await super().aclose()
        if hangs:
            await asyncio.get_running_loop().create_future()


def _mute_driver() -> Target:
    """Returns a driver that reads its input and answers nothing."""
    return driver_target(f'{sys.executable} -c "{_MUTE}"')


TARGETS: Final = {
    **{name: registered_mutants()[name].target for name in ZOO},
    "deaf-reader": lambda: pliable_target("deaf-reader", DiesWhileReading),
    "late-delivery": lambda: pliable_target("late-delivery", DeliversLate),
    "loses-a-tenth": lambda: pliable_target("loses-a-tenth", LosesATenth),
    "entering-hangs": lambda: pliable_target("entering-hangs", EnteringHangs),
    "closing-hangs": lambda: pliable_target("closing-hangs", ClosingHangs),
    "mute-driver": _mute_driver,
}


def __getattr__(name: str) -> Target:
    """Makes the target of that name, with `_` for `-`."""
    made = TARGETS.get(name.replace("_", "-"))
    if made is None:
        raise AttributeError(name)
    return made()
