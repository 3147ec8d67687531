"""Targets that misbehave once, at one call, in one way: `engine.hostile_targets:PLACE__MISDEED`.

Each is the correct bus of the zoo but for that. Some misdeeds can be undone by no one in the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from engine.misdeeds import LIES, MISDEEDS
from eventhook_conformance.contract import StreamingBackend, Subscription
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.mutants.base import Event, PliableBus, PliableClient, Side

_WHEN: Final = {"open": 1, "subscribe": 3, "publish": 8, "read": 6, "leave": 2, "close": 1}
"""At which call of each place it happens: the suite has looked that the target works until then."""
_calls: Final[Counter[str]] = Counter()


async def _done(result: object) -> None:
    if isinstance(result, Awaitable):
        await result


class Hostile(PliableClient):
    """Misbehaves once at one place."""

    place = ""

    def act(self) -> object:
        """Does the misdeed."""

    async def at(self, place: str) -> None:
        """Counts a call, and acts if it is the one."""
        if place == self.place:
            _calls[place] += 1
            if _calls[place] == _WHEN[place]:
                await _done(self.act())

    async def publish(self, side: Side, event: Event) -> None:
        await self.at("publish")
        await super().publish(side, event)

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        await self.at("subscribe")
        async with super().subscription(side, selects) as channel:
            yield _Reading(channel, self)
            await self.at("leave")

    async def aclose(self) -> None:
        await self.at("close")
        await super().aclose()


class _Reading(Subscription[Any]):
    def __init__(self, channel: Subscription[Any], client: Hostile) -> None:
        self._channel = channel
        self._client = client

    @property
    def dropped(self) -> int | None:  # type: ignore[override]  # because: it follows the channel's
        return self._channel.dropped

    async def __anext__(self) -> Any:
        await self._client.at("read")
        return await anext(self._channel)


class _Lying(PliableClient):
    told = 0

    def lie(self, event: Event) -> Event:
        """Returns the object delivered in place of an event."""
        return event

    def copy(self, event: Event) -> Event:
        _calls["copy"] += 1
        return self.lie(event) if _calls["copy"] > 8 else super().copy(event)


def target_of(name: str) -> Target:
    """Makes the target of a name."""
    place, _, what = name.partition("__")
    bus = PliableBus()
    _calls.clear()
    if place == "deliver":
        kind: type[PliableClient] = type(
            "Lying", (_Lying,), {"lie": lambda _self, event: LIES[what](event)}
        )
    else:
        kind = type("Hostile", (Hostile,), {"place": place, "act": lambda _self: MISDEEDS[what]()})
    if place == "import":
        MISDEEDS[what]()

    def open_client() -> AbstractAsyncContextManager[StreamingBackend]:
        return _open()

    @asynccontextmanager
    async def _open() -> AsyncIterator[StreamingBackend]:
        if place == "open":
            await _done(MISDEEDS[what]())
        client = kind(bus)
        try:
            yield client
        finally:
            await client.aclose()

    return Target(name, open=open_client, capabilities=Capabilities(total_order=True))


elsewhere = replace(
    target_of("elsewhere"), capabilities=Capabilities(total_order=True, in_process=False)
)
"""Does nothing wrong, and says that its bus is in another process."""


def __getattr__(name: str) -> Target:
    if "__" not in name.strip("_"):
        raise AttributeError(name)
    return target_of(name)
