"""A second process of a target: its clients there are reached over the driver protocol."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    StreamingBackend,
)
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.driver.backend import DriverBackend
from eventhook_conformance.driver.stderr import Outlet
from eventhook_conformance.driver.target import DriverHost
from eventhook_conformance.target import Server

_PROGRAM: Final = """
import sys
sys.path[:] = {path!r}
from eventhook_conformance.cli import main
sys.argv[1:] = ["driver", {name!r}]
main()
"""
_TRIES: Final = 10
_PAUSE_S: Final = 0.05
_KNOCK_S: Final = 1.0


class NoSecondProcess(Exception):
    """There is no second process; the message says why."""


class SecondProcess:
    """Starts when first asked for a client, or early by `start`.

    Args:
        found_as: the name by which the process finds the target; None if there is none.
        server: the target's, as it was entered; None where it has none.
    """

    def __init__(self, found_as: str | None, server: Server | None) -> None:
        self._address = None if server is None or isinstance(server, DriverHost) else server.address
        self._host = _host(found_as, server)

    async def start(self) -> None:
        """Starts it.

        Raises:
            NoSecondProcess: the target has no name to be found by.
            DriverFailed: it could not be started.
        """
        if self._host is None:
            raise NoSecondProcess("the target has no name by which a second process finds it")
        await self._host.process()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[StreamingBackend]:
        """Opens one more client in the second process.

        Raises, on entering:
            NoSecondProcess: the target has no name to be found by.
            Exception: the error of starting or opening.
        """
        if self._host is None:
            raise NoSecondProcess("the target has no name by which a second process finds it")
        backend = await DriverBackend.open(await self._host.process(), self._address)
        try:
            yield backend
        finally:
            await backend.release()

    @property
    def certain(self) -> bool:
        """True if its clients are surely those of the same bus: the server's address takes connections."""
        if self._address is None:
            return False
        try:
            where = urlsplit(self._address)
            if where.hostname is None or where.port is None:
                return False
            socket.create_connection((where.hostname, where.port), 1.0).close()
        except (OSError, ValueError):
            return False
        return True

    async def take_fault(self) -> str | None:
        """Returns the error of the process since the last call, if it runs and made one."""
        if self._host is None or not self._host.failed:
            return None
        return await self._host.take_fault()

    async def end(self) -> None:
        """Ends the process, and ignores how it ends."""
        if self._host is not None:
            await asyncio.gather(self._host.end(), return_exceptions=True)


def _host(found_as: str | None, server: Server | None) -> DriverHost | None:
    if isinstance(server, DriverHost):
        return server.twin()
    if found_as is None:
        return None
    program = _PROGRAM.format(path=sys.path, name=found_as)
    return DriverHost(
        [sys.executable, "-P", "-c", program], f"{found_as}, second process", Outlet()
    )


async def hear_each_other(here: StreamingBackend, there: StreamingBackend, side: str) -> bool:
    """Returns whether anything at all that one client publishes reaches the other, either way."""
    heard = await asyncio.gather(_hears(here, there, side), _hears(there, here, side))
    return any(heard)


async def _hears(one: StreamingBackend, other: StreamingBackend, side: str) -> bool:
    """Returns whether an event of one client reaches another within some attempts."""
    key = uuid4()
    subscriber: Any = one.events if side == "events" else one.streams
    publisher: Any = other.events if side == "events" else other.streams
    selects = EventPattern.all(key) if side == "events" else str(key)
    async with subscriber.subscribe(selects) as subscription:
        heard = asyncio.ensure_future(anext(subscription))
        try:
            for number in range(_TRIES):
                await publisher.publish(_knock(key, side, number))
                if (await asyncio.wait({heard}, timeout=_PAUSE_S))[0]:
                    return True
            return bool((await asyncio.wait({heard}, timeout=_KNOCK_S))[0])
        finally:
            heard.cancel()
            await asyncio.wait({heard}, timeout=_KNOCK_S)


def _knock(key: Any, side: str, number: int) -> FlovynEvent | StreamEvent:
    if side == "events":
        return FlovynEvent.new(key, "suite.knock", "suite", number)
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=str(key),
        sequence=number,
        event_type=StreamEventType.DATA,
        payload="knock",
        timestamp_ms=now_ms(),
    )
