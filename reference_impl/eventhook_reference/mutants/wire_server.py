"""Bugs of clients over NATS in what they ask of the server: subscriptions, barriers, order, sharing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from uuid import UUID

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    Subscription,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event, Side
from eventhook_reference.mutants.base_nats import (
    LooseConnection,
    PliableNats,
)
from eventhook_reference.nats_attachment import Attachment

WIRE_SERVER: list[Mutant] = []

_CAMEL: Final = {
    re.sub(r"_(\w)", lambda found: found[1].upper(), name): name
    for name in FlovynEvent.__struct_fields__
}


# Asking the server (NAT-05, NAT-06, NAT-10)


@bug_over_nats(WIRE_SERVER, "NAT-05", "NAT-06", seen="every tenant's events")
class AsksForEverybodysEvents(PliableNats):
    """Subscribes to the events of all tenants, and filters them in the client."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        return super().asks(selects) if isinstance(selects, str) else ["flovyn.events.>"]


@bug_over_nats(WIRE_SERVER, "NAT-05", seen="every workflow's stream")
class AsksForEverybodysStreams(PliableNats):
    """Subscribes to the streams of all workflows, and filters them in the client."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        return ["flovyn.streams.workflow.*"] if isinstance(selects, str) else super().asks(selects)

    def admits(self, selects: Any, event: Event) -> bool:
        if isinstance(selects, str):
            return bool(event.workflow_execution_id == selects)
        return super().admits(selects, event)


@bug_over_nats(WIRE_SERVER, "NAT-05", seen="it was asked for")
class AsksForTheWholeTenant(PliableNats):
    """Subscribes to all of a tenant's events for one prefix, and filters them in the client."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        return [
            re.sub(r"(flovyn\.events\.[^.]+)\..*", r"\1.>", one) for one in super().asks(selects)
        ]


@bug_over_nats(WIRE_SERVER, "NAT-05", seen="another tenant's subjects")
class AsksForTheSystemTenantToo(PliableNats):
    """Subscribes to the events of a system tenant beside those of its own."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        return [*super().asks(selects), f"flovyn.events.{UUID(int=0)}.>"]


class _TwoQueues(Channel[Any]):
    def push_exact(self, event: FlovynEvent) -> None:
        self.push(event)
        self._events.pop()
        self._events.insert(sum(e.event_type == event.event_type for e in self._events), event)


@bug_over_nats(WIRE_SERVER, "NAT-05", seen="by one client")
class TwoSubscriptionsForOnePrefix(PliableNats):
    """Subscribes twice for a long prefix, to itself and its descendants, and reads one queue first."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        if isinstance(selects, str) or "." not in (selects.event_type_prefix or ""):
            return super().asks(selects)
        exact = f"flovyn.events.{selects.tenant_id}.{selects.event_type_prefix}"
        return [exact, f"{exact}.>"]

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _TwoQueues(claimed.event_capacity if side == "events" else claimed.stream_capacity)

    def receive(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        if isinstance(selects, str) or not subject.endswith(f".{selects.event_type_prefix}"):
            super().receive(channel, selects, subject, body)
        else:
            cast(_TwoQueues, channel).push_exact(self.read(selects, body))


@bug_over_nats(WIRE_SERVER, "NAT-06", seen="it raised SubscribeError")
class NeedsAControlSubject(PliableNats):
    """Subscribes to a control subject, which permissions for one tenant do not cover."""

    def asks(self, selects: EventPattern | str) -> list[str]:
        return [*super().asks(selects), "control.>"]


@bug_over_nats(WIRE_SERVER, "NAT-06", seen="it raised PublishError")
class AnnouncesWhatItPublishes(PliableNats):
    """Announces each publish on a subject for all, which permissions for one tenant do not cover."""

    async def send(self, subject: str, body: bytes) -> None:
        await super().send("announcements", subject.encode())
        await super().send(subject, body)


@bug_over_nats(WIRE_SERVER, "NAT-10", seen="the server to count no subscription of ours")
class ForgetsToUnsubscribe(PliableNats):
    """Never unsubscribes on the server when a subscription leaves."""

    async def detach(self, attachment: Attachment) -> None:
        pass


@bug_over_nats(WIRE_SERVER, "NAT-10", seen="by a failing consumer")
class UnsubscribesWhenAllIsWell(PliableNats):
    """Unsubscribes after the body, not in its `finally`, and so not if the body raises."""

    failing = False

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as channel:
            try:
                yield channel
            except Exception:  # because: whatever a consumer raises
                self.failing = True
                raise

    async def detach(self, attachment: Attachment) -> None:
        failing, self.failing = self.failing, False
        if not failing:
            await super().detach(attachment)


# Barriers, order, sharing


@bug_over_nats(WIRE_SERVER, "NAT-07", seen="after publish had returned")
class SendsInTheBackground(PliableNats):
    """Returns from `publish` before the message is written to the connection."""

    async def send(self, subject: str, body: bytes) -> None:
        await self.connection.client.publish(subject, body)


@bug_over_nats(WIRE_SERVER, "PUB-04", "STR-06", seen="which was active and asked for it")
class SubscribesInTheBackground(PliableNats):
    """Returns from entering before it asked the server for the subject."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.asking: set[asyncio.Future[None]] = set()

    async def attach(self, attachment: Attachment) -> None:
        self.asking.add(asyncio.ensure_future(self.ask(attachment)))

    async def ask(self, attachment: Attachment) -> None:
        await self.connection.settle()
        if not self.closed:
            await super().attach(attachment)


@bug_over_nats(WIRE_SERVER, "PUB-06", "STR-01", seen="got #")
class TaskForEachMessage(PliableNats):
    """Decodes each message in a task of its own, and some of them take longer."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self.decoding: list[asyncio.Future[None]] = []

    def receive(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        self.decoding.append(asyncio.ensure_future(self.decode(channel, selects, subject, body)))

    async def decode(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        if not len(self.decoding) % 7:
            await asyncio.sleep(0.003)
        super().receive(channel, selects, subject, body)


@bug_over_nats(WIRE_SERVER, "PUB-10", "STR-06", seen="which was active and asked for it")
class OneQueueGroup(PliableNats):
    """Subscribes in one queue group, so that each message reaches one subscription only."""

    async def attach(self, attachment: Attachment) -> None:
        attachment.handle = await self.connection.client.subscribe(
            attachment.subject, queue="flovyn", cb=attachment.on_message
        )
        await self.connection.settle()


class _Limited(Channel[Any]):
    def push(self, event: Event) -> bool:
        if self._end is None and len(self._events) >= self._capacity:
            self.dropped += 1
            return False
        return super().push(event)


@bug_over_nats(WIRE_SERVER, "OVF-01", "OVF-06", seen="to get the newest event")
class SlowConsumersLoseTheNewest(PliableNats):
    """Drops the newest events of a full buffer, by the client library's limit of pending messages."""

    def make_channel(self, side: Side) -> Channel[Any]:
        claimed = self.capabilities
        return _Limited(claimed.event_capacity if side == "events" else claimed.stream_capacity)


@bug_over_nats(WIRE_SERVER, "NAT-10", seen="cancelled while entering")
class AsksOnThoughEnteringWasCancelled(PliableNats):
    """Leaves a subscription on the server if entering is cancelled."""

    async def attach(self, attachment: Attachment) -> None:
        await asyncio.shield(super().attach(attachment))
