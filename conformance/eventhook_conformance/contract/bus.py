"""What an event bus is. Whoever has read this file can write a backend.

A *backend* is one client of a bus. It has two sides that never mix (STR-04): `events`, scoped by
tenant, and `streams`, scoped by key. IDs in brackets name the requirement that tests the sentence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from eventhook_conformance.contract.errors import Unsupported
from eventhook_conformance.contract.events import FlovynEvent, StreamEvent
from eventhook_conformance.contract.pattern import EventPattern

E = TypeVar("E")


class Subscription(AsyncIterator[E], Generic[E]):
    """An active subscription, read by one reader at a time.

    A read that is cancelled consumes nothing (PUB-14). After leaving, a waiting read and all later
    ones raise `StopAsyncIteration`, and what was buffered is gone (PUB-11). When the client closes,
    what is buffered is read first, then `StopAsyncIteration` (PUB-17).
    """

    dropped: int | None = None
    """Events lost to overflow so far; None if the backend does not know (OVF-07)."""

    @abstractmethod
    async def __anext__(self) -> E:
        """The next event, waiting for it as long as it takes.

        Raises:
            StopAsyncIteration: the subscription was left, or the client closed and the buffer is empty.
            SubscriptionLost: nothing can ever come again (REC-10).
        """


class EventBus(ABC):
    """Lifecycle events, each seen by its own tenant's subscriptions alone (TEN-01)."""

    @abstractmethod
    async def publish(self, event: FlovynEvent) -> None:
        """Hands the event to every matching active subscription, and waits for none of them.

        Succeeds without subscribers too (PUB-08). What the publisher does to `event.data`
        afterwards changes nothing that is delivered (EVT-04).

        Raises:
            InvalidEvent: it breaks the contract; nothing was sent (EVT-05, EVT-06).
            PublishError: it could not be handed over (REC-01), or is too large (EVT-08).
            BusClosed: this client was closed.
        """

    @abstractmethod
    def subscribe(
        self, pattern: EventPattern
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        """A subscription that is active from the return of entering to the call of leaving (PUB-04).

        The call alone has no effect. The context is used once. Entering raises:

        Raises:
            InvalidPattern: the pattern breaks the contract (PAT-10).
            SubscribeError: the bus could not make it active (REC-06).
            BusClosed: this client was closed.
        """


class StreamBus(ABC):
    """The output of running tasks: tokens, progress, data, errors."""

    @abstractmethod
    async def publish(self, event: StreamEvent) -> None:
        """Hands the event to every active subscription of its key.

        Raises:
            InvalidEvent: it breaks the contract; nothing was sent (STR-08).
            PublishError: it could not be handed over.
            BusClosed: this client was closed.
        """

    @abstractmethod
    def subscribe(
        self, workflow_execution_id: str
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        """A subscription to one key; as on the event side, entering makes it active.

        Raises:
            InvalidPattern: the key is not one token of `[A-Za-z0-9_-]+` (STR-08).
            SubscribeError: the bus could not make it active.
            BusClosed: this client was closed.
        """


@dataclass(frozen=True, kw_only=True)
class ChannelCounts:
    """How many channels a backend keeps, per tenant (`events`) and per key (`streams`)."""

    events: int
    streams: int


class StreamingBackend(ABC):
    """One client of the bus."""

    events: EventBus
    streams: StreamBus

    @abstractmethod
    async def aclose(self) -> None:
        """Closes this client alone; a second call does nothing (PUB-17, PUB-21)."""

    async def cleanup_inactive_channels(self) -> int:
        """Removes the channels that no subscription is active on; returns how many (CLN-01).

        Touches no active subscription of anyone (CLN-02).

        Raises:
            Unsupported: the backend offers no introspection (CLN-09).
            BusClosed: this client was closed.
        """
        raise Unsupported(
            f"{type(self).__name__} has no cleanup_inactive_channels; claim introspection=False"
        )

    async def active_channels(self) -> ChannelCounts:
        """How many channels exist, idle ones included; at least this client's.

        Raises:
            Unsupported: the backend offers no introspection (CLN-09).
            BusClosed: this client was closed.
        """
        raise Unsupported(
            f"{type(self).__name__} has no active_channels; claim introspection=False"
        )
