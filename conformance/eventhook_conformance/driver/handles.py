"""The open clients and subscriptions of a target that a driver in Python serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from eventhook_conformance.contract import StreamingBackend, Subscription
from eventhook_conformance.driver.messages import MAX_LINE_BYTES
from eventhook_conformance.kit.context_keeper import ContextKeeper

_ROOM: Final = 1024
"""Bytes of a line reserved for the text around the events."""
_LEAST_S: Final = 0.005
"""How long a read may take at least: one of what is there may need a few turns of the event loop."""


class _Ended(Exception):
    """A read raised StopAsyncIteration, which no task can raise."""


class HeldClient:
    """One open client."""

    def __init__(
        self, factory: Callable[[], AbstractAsyncContextManager[StreamingBackend]]
    ) -> None:
        self.closed = False
        self.backend: StreamingBackend
        self._keeper = ContextKeeper(factory)

    async def open(self) -> None:
        """Opens the client."""
        self.backend = await self._keeper.enter()

    async def close(self) -> None:
        """Closes the client; a second call does nothing."""
        self.closed = True
        await self.backend.aclose()

    async def leave(self) -> None:
        """Leaves the context of the client."""
        await self._keeper.leave()


class HeldSubscription:
    """One subscription that was entered, read by one `next` at a time."""

    def __init__(
        self, factory: Callable[[], AbstractAsyncContextManager[Subscription[Any]]]
    ) -> None:
        self.left = False
        self.subscription: Subscription[Any]
        self._keeper = ContextKeeper(factory)
        self._ended = False
        self._kept: list[tuple[bytes, str | None]] = []
        """Read, but the line was full."""

    async def enter(self) -> None:
        """Enters the subscription."""
        self.subscription = await self._keeper.enter()

    async def leave(self) -> None:
        """Leaves it, which ends a waiting read."""
        self.left = True
        self._kept.clear()
        await self._keeper.leave()

    async def next(
        self, most: int, timeout_s: float
    ) -> tuple[list[tuple[bytes, str | None]], bool]:
        """Waits for one event, then takes all that are there.

        Returns:
            The texts of at most `most` events, each with its cursor, none after the time; and whether
            it has ended.

        Raises:
            SubscriptionLost: nothing can come any more.
        """
        texts: list[tuple[bytes, str | None]] = []
        size = _ROOM
        while len(texts) < most and not self._ended:
            one = self._kept.pop() if self._kept else await self._read(timeout_s, waits=not texts)
            if one is None:
                break
            size += len(one[0]) + len(one[1] or "") + 4
            if size > MAX_LINE_BYTES and texts:
                self._kept.append(one)
                break
            texts.append(one)
        if self.left:
            return [], True
        return texts, self._ended and not texts

    async def _read(self, timeout_s: float, *, waits: bool) -> tuple[bytes, str | None] | None:
        """Reads one event with its cursor, or None; a read that is given up has taken none (PUB-14)."""
        read = asyncio.ensure_future(self._anext())
        try:
            if waits:
                await asyncio.wait({read}, timeout=max(timeout_s, _LEAST_S))
            else:
                await asyncio.sleep(0)
            if not read.done():
                read.cancel()
                await asyncio.wait({read})
        except asyncio.CancelledError:
            read.cancel()
            raise
        if read.cancelled():
            return None
        try:
            text: bytes = read.result().to_json()
        except _Ended:
            self._ended = True
            return None
        return text, self.subscription.cursor

    async def _anext(self) -> Any:
        try:
            return await self.subscription.__anext__()
        except StopAsyncIteration:
            raise _Ended from None
