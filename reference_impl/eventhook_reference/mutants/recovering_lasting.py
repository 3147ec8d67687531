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
    """Enters a subscription that it cannot make during an outage, and never makes it later."""

    async def attach(self, attachment: Attachment) -> None:
        with suppress(SubscribeError):
            await super().attach(attachment)


@bug_over_nats(RECOVERING_LASTING, "REC-06", seen="it raised ConnectionError")
class RaisesWhatTheSocketRaised(Reconnecting):
    """Raises the socket's error on entering during an outage, not the contract's."""

    async def attach(self, attachment: Attachment) -> None:
        try:
            await super().attach(attachment)
        except SubscribeError as error:
            raise ConnectionError(str(error)) from error


# Leaks (REC-07)


@bug_over_nats(RECOVERING_LASTING, "REC-07", seen="as many tasks after 50 faults")
class StartsAHeartbeatAtEachReconnect(Reconnecting):
    """Starts a heartbeat task at each reconnect, and never ends the last one."""

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
    """Leaves a socket open at each reconnect."""

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
    """Subscribes to the health of the bus at each reconnect, and never unsubscribes."""

    async def on_reconnect(self) -> None:
        await self.connection.client.subscribe("flovyn.health")


# Tenants (REC-08)


@bug_over_nats(RECOVERING_LASTING, "REC-08", "TEN-01", seen="another tenant")
class AsksForEverythingAfterAReconnect(Reconnecting):
    """Subscribes to all tenants after a reconnect, and no longer checks the tenant."""

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
    """Reads nothing more after a flush timed out, since the late answer ends its reading."""

    async def send(self, subject: str, body: bytes) -> None:
        client = self.connection.client
        try:
            await client.publish(subject, body)
            await client.flush(timeout=1)
        except Exception as error:  # because: as the bug has it, all errors are one
            raise PublishError(str(error)) from error


@bug_over_nats(RECOVERING_LASTING, "REC-09", seen="it still had not after")
class KeepsTheLockOfAFailedPublish(Reconnecting):
    """Keeps the lock around publishing after a publish failed."""

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
    """Logs that the server refuses a subscription for good, and lets its reader wait."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _KeepsQuiet(1024 if side == "events" else 256)


class _EndsInOrder(Channel[Any]):
    def lose(self, error: SubscriptionLost) -> None:
        """Ends as if the client had been closed."""
        self.finish()


@bug_over_nats(RECOVERING_LASTING, "REC-10", seen="it stopped")
class LooksClosedWhenItIsLost(Reconnecting):
    """Ends a lost subscription as if it had been left."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _EndsInOrder(1024 if side == "events" else 256)
