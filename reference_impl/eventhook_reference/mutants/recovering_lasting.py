"""Bugs of reconnecting, over NATS, that last: leaks, entering, tenants, calls that timed out."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import (
    EventPattern,
    PublishError,
    SubscribeError,
    SubscriptionLost,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event, Side
from eventhook_reference.mutants.base_nats import (
    LooseConnection,
)
from eventhook_reference.mutants.recovering import Reconnecting
from eventhook_reference.nats_attachment import Attachment

RECOVERING_LASTING: list[Mutant] = []

_PING_S: Final = 0.4
_LONG_S: Final = 3600


# Entering (REC-06)


@bug_over_nats(RECOVERING_LASTING, "REC-06", seen="nothing that")
class ActiveInNameOnly(Reconnecting):
    """A subscription that cannot be made now is entered all the same, and never made later."""

    async def attach(self, attachment: Attachment) -> None:
        with suppress(SubscribeError):
            await super().attach(attachment)


@bug_over_nats(RECOVERING_LASTING, "REC-06", seen="it raised ConnectionError")
class RaisesWhatTheSocketRaised(Reconnecting):
    """Entering in an outage raises the socket's error instead of the contract's."""

    async def attach(self, attachment: Attachment) -> None:
        try:
            await super().attach(attachment)
        except SubscribeError as error:
            raise ConnectionError(str(error)) from error


# Leaks (REC-07)


@bug_over_nats(RECOVERING_LASTING, "REC-07", seen="as many tasks after 50 faults")
class StartsAHeartbeatAtEachReconnect(Reconnecting):
    """Each connection gets a task for its heartbeat, and that of the last one goes on."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.heartbeats: list[asyncio.Task[None]] = []

    async def on_reconnect(self) -> None:
        self.heartbeats.append(asyncio.create_task(asyncio.sleep(_LONG_S)))

    async def aclose(self) -> None:
        for heartbeat in self.heartbeats:
            heartbeat.cancel()
        await super().aclose()


@bug_over_nats(RECOVERING_LASTING, "REC-07", seen="as many open files after 50 faults")
class KeepsASocketOfEachConnection(Reconnecting):
    """The socket by which the server was looked up stays open after each reconnect."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.sockets: list[socket.socket] = []

    async def on_reconnect(self) -> None:
        self.sockets.append(socket.socket())

    async def aclose(self) -> None:
        for one in self.sockets:
            one.close()
        await super().aclose()


@bug_over_nats(
    RECOVERING_LASTING, "REC-07", seen="as many subscriptions on the server after 50 faults"
)
class WatchesItsHealthAnew(Reconnecting):
    """Each reconnect subscribes to the health of the bus once more; the old ones stay."""

    async def on_reconnect(self) -> None:
        await self.connection.client.subscribe("flovyn.health")


# Tenants (REC-08)


@bug_over_nats(RECOVERING_LASTING, "REC-08", "TEN-01", seen="another tenant")
class AsksForEverythingAfterAReconnect(Reconnecting):
    """After a reconnect all of the bus is asked for, and the tenant is no more looked at."""

    async def on_reconnect(self) -> None:
        self.forget_subscriptions()
        for attachment in self.attached:
            streams = attachment.subject.startswith("flovyn.streams.")
            await self.ask_again(attachment, None if streams else "flovyn.events.>")

    def admits(self, selects: Any, event: Event) -> bool:
        if self.reconnects and isinstance(selects, EventPattern):
            selects = msgspec.structs.replace(selects, tenant_id=event.tenant_id)
        return super().admits(selects, event)


# A call that timed out (REC-09)


class _Hasty(Reconnecting):
    """Without pings, which would replace a connection that went deaf."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        connection.client.options["ping_interval"] = _LONG_S


@bug_over_nats(RECOVERING_LASTING, "REC-09", seen="nothing that")
class DeafAfterATimedOutFlush(_Hasty):
    """Publishing flushes with a timeout: the answer that comes late ends the reading of everything."""

    async def send(self, subject: str, body: bytes) -> None:
        client = self.connection.client
        try:
            await client.publish(subject, body)
            await client.flush(timeout=1)
        except Exception as error:  # because: as the bug has it, all errors are one
            raise PublishError(str(error)) from error


@bug_over_nats(RECOVERING_LASTING, "REC-09", seen="it still had not after")
class KeepsTheLockOfAFailedPublish(Reconnecting):
    """The lock around publishing is not given back by one that failed."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.lock = asyncio.Lock()

    async def send(self, subject: str, body: bytes) -> None:
        await self.lock.acquire()
        await super().send(subject, body)
        self.lock.release()


# Lost for good (REC-10)


class _KeepsQuiet(Channel[Any]):
    def lose(self, error: SubscriptionLost) -> None:
        """Says nothing."""


@bug_over_nats(RECOVERING_LASTING, "REC-10", seen="its reader still waits")
class NeverSaysThatItIsLost(Reconnecting):
    """A server that refuses the subscription for good is noted in the log, and the reader waits."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _KeepsQuiet(1024 if side == "events" else 256)


class _EndsInOrder(Channel[Any]):
    def lose(self, error: SubscriptionLost) -> None:
        """Ends as if the client had been closed."""
        self.finish()


@bug_over_nats(RECOVERING_LASTING, "REC-10", seen="it stopped")
class LooksClosedWhenItIsLost(Reconnecting):
    """A subscription that was lost ends as if it had been left: its reader takes that for the end."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _EndsInOrder(1024 if side == "events" else 256)
