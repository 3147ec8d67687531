"""Bugs of reconnecting, over NATS: they show when the connection breaks, or the server does."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import (
    EventPattern,
    PublishError,
    SubscribeError,
    SubscriptionLost,
)
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import Event, Side
from eventhook_reference.mutants.base_nats import (
    LooseConnection,
    PliableNats,
    pliable_nats_target,
)
from eventhook_reference.nats_attachment import Attachment

RECOVERING: list[Mutant] = []

_PING_S: Final = 0.4
_LONG_S: Final = 3600


class Reconnecting(PliableNats):
    """As it should be, with seams for what happens when the connection breaks."""

    capabilities = Capabilities(
        profiles={"events", "streams", "recovery"},
        introspection=False,
        # It is quick, so that what a bug leaves undone shows soon.
        publish_timeout_s=2.0,
        recovery_s=2.0,
    )

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.attached: list[Attachment] = []
        self.reconnects = 0
        connection.client.options["ping_interval"] = _PING_S
        connection.disconnected = self.on_disconnect
        connection.reconnected = self._count

    async def attach(self, attachment: Attachment) -> None:
        await super().attach(attachment)
        self.attached.append(attachment)

    async def detach(self, attachment: Attachment) -> None:
        if attachment in self.attached:
            self.attached.remove(attachment)
        await super().detach(attachment)

    async def _count(self) -> None:
        self.reconnects += 1
        await self.on_reconnect()

    async def on_disconnect(self) -> None:
        """The connection was lost."""

    async def on_reconnect(self) -> None:
        """Another one stands, with all subscriptions on it."""

    def replayed(self) -> dict[int, NatsSubscription]:
        """Returns what nats-py asks a new connection for, for which it has no public name."""
        replayed: dict[int, NatsSubscription] = vars(self.connection.client)["_subs"]
        return replayed

    def forget_subscriptions(self) -> None:
        """Has nothing asked for on the next connection, but for what publishing needs."""
        mine = {id(attachment.handle) for attachment in self.attached}
        for number, handle in list(self.replayed().items()):
            if id(handle) in mine:
                del self.replayed()[number]

    async def ask_again(self, attachment: Attachment, subject: str | None = None) -> None:
        """Asks for an attachment's subject, or another in its place, beside what is replayed."""
        await self.connection.client.subscribe(
            subject or attachment.subject, cb=attachment.on_message
        )


def _bug(*caught_by: str, seen: str) -> Callable[[type[Reconnecting]], type[Reconnecting]]:
    """As `bug`, for clients that reconnect."""

    def enter(client: type[Reconnecting]) -> type[Reconnecting]:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", client.__name__).lower()
        RECOVERING.append(
            Mutant(
                name=name,
                bug=(client.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=partial(pliable_nats_target, name, client),
            )
        )
        return client

    return enter


# What publish says in an outage (REC-01)


@_bug("REC-01", seen="never came")
class SwallowsADeadServer(Reconnecting):
    """Publishing must not break a workflow, so its errors are logged and forgotten."""

    async def send(self, subject: str, body: bytes) -> None:
        with suppress(PublishError):
            await super().send(subject, body)


@_bug("REC-01", seen="never came")
class WrittenMeansDone(Reconnecting):
    """Bytes written to the socket are reported as published; nobody asks whether they arrived."""

    async def send(self, subject: str, body: bytes) -> None:
        client = self.connection.client
        if not client.is_connected:
            raise PublishError("not connected")
        await client.publish(subject, body)
        await asyncio.sleep(0)


@_bug("REC-01", seen="it still had not after")
class WaitsUntilTheServerIsBack(Reconnecting):
    """A publish while disconnected waits for the connection, however long that takes."""

    async def send(self, subject: str, body: bytes) -> None:
        while not self.connection.client.is_connected:  # noqa: ASYNC110  # because: it is a bug
            await asyncio.sleep(0.01)
        await super().send(subject, body)


# Hearing again (REC-02, REC-05)


@_bug("REC-02", seen="nothing that")
class NeverSubscribesAgain(Reconnecting):
    """The new connection is asked for nothing: readers wait on a bus that does not know them."""

    async def on_disconnect(self) -> None:
        self.forget_subscriptions()


@_bug("REC-02", seen="nothing that")
class SubscribesAgainOnlyOnce(Reconnecting):
    """The list of what to ask for again is used up by the first reconnect."""

    async def on_disconnect(self) -> None:
        if self.reconnects:
            self.forget_subscriptions()


@_bug("REC-02", seen="nothing that")
class WaitsTenSecondsBetweenAttempts(Reconnecting):
    """The pause between attempts to reconnect is ten seconds: the server is back long before."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        connection.client.options["reconnect_time_wait"] = 10


@_bug("REC-05", seen="connections half-open was over")
class NeverPings(Reconnecting):
    """No pings are sent: a connection on which nothing comes is taken for a quiet one."""

    capabilities = replace(Reconnecting.capabilities, recovery_s=0.5)

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        connection.client.options["ping_interval"] = _LONG_S


# What a fault costs (REC-03)


@_bug("REC-03", seen="of them never came")
class StartsAfreshAfterAReset(Reconnecting):
    """A lost connection empties the buffers, though what is in them had arrived."""

    async def on_disconnect(self) -> None:
        for channel in self.channels:
            vars(channel)["_events"].clear()


@_bug("REC-03", "PUB-01", seen="came instead")
class RecoversByHalves(Reconnecting):
    """After a reconnect two readers take from one queue, and one of them has no subscriber left."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.handed = 0

    def hand(self, channel: Channel[Any], event: Event) -> None:
        self.handed += 1
        if not self.reconnects or self.handed % 4:
            super().hand(channel, event)


# Twice, and out of order (REC-04)


@_bug("REC-04", "PUB-02", seen="again")
class AsksTwiceAfterAReconnect(Reconnecting):
    """Both the library and the backend ask for everything again: each event comes twice, then more."""

    async def on_reconnect(self) -> None:
        for attachment in self.attached:
            await self.ask_again(attachment)


@_bug("REC-04", "PUB-02", seen="again")
class AsksTwiceAfterTheThirdReconnect(Reconnecting):
    """Only from the third reconnect on is one subscription asked for twice."""

    async def on_reconnect(self) -> None:
        if self.reconnects == 3 and self.attached:
            await self.ask_again(self.attached[0])


@_bug("REC-04", seen="first")
class HandsOnInTasksAfterAReconnect(Reconnecting):
    """After a reconnect each message is handed on by a task of its own, and some are quicker."""

    def hand(self, channel: Channel[Any], event: Event) -> None:
        if not self.reconnects:
            super().hand(channel, event)
            return
        slow = event.timestamp_ms % 2
        asyncio.get_running_loop().call_later(0.05 * slow, super().hand, channel, event)


# Entering (REC-06)


@_bug("REC-06", seen="nothing that")
class ActiveInNameOnly(Reconnecting):
    """A subscription that cannot be made now is entered all the same, and never made later."""

    async def attach(self, attachment: Attachment) -> None:
        with suppress(SubscribeError):
            await super().attach(attachment)


@_bug("REC-06", seen="it raised ConnectionError")
class RaisesWhatTheSocketRaised(Reconnecting):
    """Entering in an outage raises the socket's error instead of the contract's."""

    async def attach(self, attachment: Attachment) -> None:
        try:
            await super().attach(attachment)
        except SubscribeError as error:
            raise ConnectionError(str(error)) from error


# Leaks (REC-07)


@_bug("REC-07", seen="as many tasks after 50 faults")
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


@_bug("REC-07", seen="as many open files after 50 faults")
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


@_bug("REC-07", seen="as many subscriptions on the server after 50 faults")
class WatchesItsHealthAnew(Reconnecting):
    """Each reconnect subscribes to the health of the bus once more; the old ones stay."""

    async def on_reconnect(self) -> None:
        await self.connection.client.subscribe("flovyn.health")


# Tenants (REC-08)


@_bug("REC-08", "TEN-01", seen="another tenant")
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


@_bug("REC-09", seen="nothing that")
class DeafAfterATimedOutFlush(_Hasty):
    """Publishing flushes with a timeout: the answer that comes late ends the reading of everything."""

    async def send(self, subject: str, body: bytes) -> None:
        client = self.connection.client
        try:
            await client.publish(subject, body)
            await client.flush(timeout=1)
        except Exception as error:  # because: as the bug has it, all errors are one
            raise PublishError(str(error)) from error


@_bug("REC-09", seen="it still had not after")
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


@_bug("REC-10", seen="its reader still waits")
class NeverSaysThatItIsLost(Reconnecting):
    """A server that refuses the subscription for good is noted in the log, and the reader waits."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _KeepsQuiet(1024 if side == "events" else 256)


class _EndsInOrder(Channel[Any]):
    def lose(self, error: SubscriptionLost) -> None:
        """Ends as if the client had been closed."""
        self.finish()


@_bug("REC-10", seen="it stopped")
class LooksClosedWhenItIsLost(Reconnecting):
    """A subscription that was lost ends as if it had been left: its reader takes that for the end."""

    def make_channel(self, side: Side) -> Channel[Any]:
        return _EndsInOrder(1024 if side == "events" else 256)
