"""Bugs of reconnecting, over NATS: they show when the connection breaks, or the server does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import (
    PublishError,
)
from eventhook_conformance.target import Capabilities, Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event
from eventhook_reference.mutants.base_nats import (
    LooseConnection,
    PliableNats,
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
        # It is quick, so that a bug shows soon.
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
        """Reacts to a lost connection."""

    async def on_reconnect(self) -> None:
        """Reacts to a new connection, on which all subscriptions are restored."""

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


# What publish says in an outage (REC-01)


@bug_over_nats(RECOVERING, "REC-01", seen="never came")
class SwallowsADeadServer(Reconnecting):
    """Logs the errors of publishing, and returns as if all were well."""

    async def send(self, subject: str, body: bytes) -> None:
        with suppress(PublishError):
            await super().send(subject, body)


@bug_over_nats(RECOVERING, "REC-01", seen="never came")
class WrittenMeansDone(Reconnecting):
    """Returns from a publish once the bytes are written to the socket, whether they arrive or not."""

    async def send(self, subject: str, body: bytes) -> None:
        client = self.connection.client
        if not client.is_connected:
            raise PublishError("not connected")
        await client.publish(subject, body)
        await asyncio.sleep(0)


@bug_over_nats(RECOVERING, "REC-01", seen="it still had not after")
class WaitsUntilTheServerIsBack(Reconnecting):
    """Blocks a publish while disconnected until the connection is back."""

    async def send(self, subject: str, body: bytes) -> None:
        while not self.connection.client.is_connected:  # noqa: ASYNC110  # because: it is a bug
            await asyncio.sleep(0.01)
        await super().send(subject, body)


# Hearing again (REC-02, REC-05)


@bug_over_nats(RECOVERING, "REC-02", seen="nothing that")
class NeverSubscribesAgain(Reconnecting):
    """Never subscribes again on a new connection."""

    async def on_disconnect(self) -> None:
        self.forget_subscriptions()


@bug_over_nats(RECOVERING, "REC-02", seen="nothing that")
class SubscribesAgainOnlyOnce(Reconnecting):
    """Subscribes again after the first reconnect only."""

    async def on_disconnect(self) -> None:
        if self.reconnects:
            self.forget_subscriptions()


@bug_over_nats(RECOVERING, "REC-02", seen="nothing that")
class WaitsTenSecondsBetweenAttempts(Reconnecting):
    """Waits ten seconds between two attempts to reconnect."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        connection.client.options["reconnect_time_wait"] = 10


@bug_over_nats(RECOVERING, "REC-05", seen="connections half-open was over")
class NeverPings(Reconnecting):
    """Never sends pings, and takes a dead connection for a quiet one."""

    capabilities = replace(Reconnecting.capabilities, recovery_s=0.5)

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        connection.client.options["ping_interval"] = _LONG_S


# The cost of a fault (REC-03)


@bug_over_nats(RECOVERING, "REC-03", seen="of them never came")
class StartsAfreshAfterAReset(Reconnecting):
    """Discards the unread events when a connection is lost, though they had arrived."""

    async def on_disconnect(self) -> None:
        for channel in self.channels:
            vars(channel)["_events"].clear()


@bug_over_nats(RECOVERING, "REC-03", "PUB-01", seen="came instead")
class RecoversByHalves(Reconnecting):
    """Drops every fourth event after a reconnect."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.handed = 0

    def hand(self, channel: Channel[Any], event: Event) -> None:
        self.handed += 1
        if not self.reconnects or self.handed % 4:
            super().hand(channel, event)


# Twice, and out of order (REC-04)


@bug_over_nats(RECOVERING, "REC-04", "PUB-02", seen="again")
class AsksTwiceAfterAReconnect(Reconnecting):
    """Subscribes twice after each reconnect, and so delivers each event twice, then more often."""

    async def on_reconnect(self) -> None:
        for attachment in self.attached:
            await self.ask_again(attachment)


@bug_over_nats(RECOVERING, "REC-04", "PUB-02", seen="again")
class AsksTwiceAfterTheThirdReconnect(Reconnecting):
    """Subscribes one subscription twice from the third reconnect on."""

    async def on_reconnect(self) -> None:
        if self.reconnects == 3 and self.attached:
            await self.ask_again(self.attached[0])


@bug_over_nats(RECOVERING, "REC-04", seen="first")
class HandsOnInTasksAfterAReconnect(Reconnecting):
    """Delivers each event in a task of its own after a reconnect, and some are quicker."""

    def hand(self, channel: Channel[Any], event: Event) -> None:
        if not self.reconnects:
            super().hand(channel, event)
            return
        slow = event.timestamp_ms % 2
        asyncio.get_running_loop().call_later(0.05 * slow, super().hand, channel, event)
