"""The faults by name: how each is made, undone, and seen to have happened.

Made from the target's server and the proxies before it; then `apply`, `seen`, `lift`. `seen` raises
`NotSeen` unless the fault really happened: a fault that was not seen proves nothing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final

from eventhook_conformance.contract import Unsupported
from eventhook_conformance.faults.proxy import Proxy
from eventhook_conformance.target import Server

DELAY_S: Final = 0.2
BYTES_PER_S: Final = 10_000
OUTAGE_S: Final = 5.0

_LOOK_EVERY_S: Final = 0.005
_SEEN_WITHIN_S: Final = 5.0


class NotSeen(Exception):
    """A fault was asked for, and nothing shows that it happened; the message says what was missing."""


class Fault(ABC):
    """One thing that goes wrong between clients and their server.

    Args:
        server: the target's.
        proxies: between it and the clients.
    """

    name: ClassVar[str]
    text: ClassVar[str]
    """Names the fault in a few words, for histories."""
    hold_s: ClassVar[float] = 0.0
    """The least time that the fault lasts after it was seen, in seconds."""
    shows: ClassVar[str]
    """Evidence that it happened."""

    def __init__(self, server: Server, proxies: Sequence[Proxy]) -> None:
        self.server = server
        self.proxies = proxies

    @abstractmethod
    async def apply(self) -> None:
        """Causes the fault.

        Raises:
            Unsupported: the server cannot do that.
        """

    async def lift(self) -> None:
        """Undoes the fault; does nothing if it was never applied."""
        for proxy in self.proxies:
            proxy.pass_on()

    async def seen(self) -> None:
        """Waits until the fault shows; most faults show only in traffic.

        Raises:
            NotSeen: it did not show in time.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _SEEN_WITHIN_S
        while not await self.happened():
            if loop.time() > until:
                raise NotSeen(f"{self.text} was asked for, but not seen: no {self.shows}")
            await asyncio.sleep(_LOOK_EVERY_S)

    @abstractmethod
    async def happened(self) -> bool:
        """Returns whether there is evidence of the fault."""


class Killed(Fault):
    """The server ends as by kill -9, and is started again on the same address."""

    name, text = "killed", "the server killed"
    shows = "server gone, with its connections"

    async def apply(self) -> None:
        self._ended = sum(proxy.ended for proxy in self.proxies)
        self._killed = True
        try:
            await self.server.kill()
        except Unsupported:
            self._killed = False
            raise

    async def lift(self) -> None:
        if self._killed:
            self._killed = False
            await self.server.restart()

    async def happened(self) -> bool:
        if sum(proxy.ended for proxy in self.proxies) == self._ended:
            return False
        gone = [not await _listens(*proxy.upstream) for proxy in self.proxies]
        return any(gone)

    _killed = False


class Paused(Fault):
    """The server stands still, and goes on."""

    name, text = "paused", "the server stopped (SIGSTOP)"
    shows = "request that went out and got no answer"
    hold_s = 0.3

    async def apply(self) -> None:
        self._paused = True
        try:
            await self.server.pause()
        except Unsupported:
            self._paused = False
            raise
        self._before = self._look()

    async def lift(self) -> None:
        if self._paused:
            self._paused = False
            await self.server.resume()

    async def happened(self) -> bool:
        now = self._look()
        for place, ((asked, answered), (asks, answers)) in enumerate(
            zip(self._before, now, strict=True)
        ):
            if answers > answered:
                # Bytes that were under way when it stopped; from here on there must be silence.
                self._before[place] = (asks, answers)
            elif asks > asked:
                return True
        return False

    def _look(self) -> list[tuple[int, int]]:
        return [(proxy.sent["server"], proxy.sent["client"]) for proxy in self.proxies]

    _paused = False


class Reset(Fault):
    """Every connection is reset at once; new ones go through."""

    name, text = "reset", "connections reset"
    shows = "connection to cut"

    async def apply(self) -> None:
        self._cut = [await proxy.reset() for proxy in self.proxies]

    async def happened(self) -> bool:
        return all(self._cut)


class HalfOpen(Fault):
    """Connections stay, but nothing that is sent arrives, and nobody says so; new ones go through."""

    name, text = "half-open", "connections half-open"
    shows = "bytes of each client swallowed"

    async def apply(self) -> None:
        self._before = [proxy.swallowed for proxy in self.proxies]
        for proxy in self.proxies:
            proxy.fall_silent()

    async def happened(self) -> bool:
        now = [proxy.swallowed for proxy in self.proxies]
        return all(after > before for after, before in zip(now, self._before, strict=True))


class _Hindered(Fault):
    shows = "bytes of each client held back"

    async def apply(self) -> None:
        self._before = [proxy.hindered for proxy in self.proxies]
        for proxy in self.proxies:
            self._hinder(proxy)

    async def happened(self) -> bool:
        now = [proxy.hindered for proxy in self.proxies]
        return all(after > before for after, before in zip(now, self._before, strict=True))

    @abstractmethod
    def _hinder(self, proxy: Proxy) -> None: ...


class Delayed(_Hindered):
    """Delays all bytes by 200 ms, each way."""

    name, text = "delayed", "200 ms of delay each way"
    hold_s = 1.0

    def _hinder(self, proxy: Proxy) -> None:
        proxy.hinder(delay_s=DELAY_S)


class Narrow(_Hindered):
    """No more than 10 KB/s go through, each way."""

    name, text = "narrow", "10 KB/s of bandwidth"
    hold_s = 1.0

    def _hinder(self, proxy: Proxy) -> None:
        proxy.hinder(bytes_per_s=BYTES_PER_S)


class Outage(Fault):
    """Connections are cut, and no other is accepted, for 5 s."""

    name, text = "outage", "a full outage"
    hold_s = OUTAGE_S
    shows = "connection to cut, or the way still open"

    async def apply(self) -> None:
        self._cut = [await proxy.refuse() for proxy in self.proxies]

    async def happened(self) -> bool:
        return all(self._cut) and not any(
            [await _listens("127.0.0.1", proxy.port) for proxy in self.proxies]
        )


class ShortOutage(Outage):
    """An outage that lasts only until it was seen."""

    name = "short-outage"
    hold_s = 0.1


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_SEEN_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


FAULTS: Final[Mapping[str, type[Fault]]] = {
    kind.name: kind
    for kind in (Killed, Paused, Reset, HalfOpen, Delayed, Narrow, Outage, ShortOutage)
}
