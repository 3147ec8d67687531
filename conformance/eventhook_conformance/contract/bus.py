"""The interface of an event bus. This file is enough to write a backend.

A *backend* is one client of a bus. It has two sides that never mix (STR-04): `events`, scoped by
tenant, and `streams`, scoped by key. IDs in brackets name the requirement that tests the sentence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from eventhook_conformance.contract.errors import Unsupported
from eventhook_conformance.contract.events import FlovynEvent, StreamEvent
from eventhook_conformance.contract.pattern import EventPattern
from eventhook_conformance.contract.replay import LIVE, Since

E = TypeVar("E")


class Subscription(AsyncIterator[E], Generic[E]):
    """An active subscription, read by one reader at a time.

    A read that is cancelled consumes nothing (PUB-14). After leaving, a waiting read and all later
    ones raise `StopAsyncIteration`, and what was buffered is gone (PUB-11). When the client closes,
    what is buffered is read first, then `StopAsyncIteration` (PUB-17).
    """

    dropped: int | None = None
    """Events lost to overflow so far; None if the backend does not know (OVF-07)."""

    cursor: str | None = None
    """The position after the last event read (RPL-01); None before the first, or without replay."""

    @abstractmethod
    async def __anext__(self) -> E:
        """Returns the next event, waiting for it as long as it takes.

        Raises:
            StopAsyncIteration: the subscription was left, or the client closed and the buffer is empty.
            SubscriptionLost: nothing can ever come again (REC-10).
        """


class EventBus(ABC):
    """Lifecycle events, each seen by its own tenant's subscriptions alone (TEN-01)."""

    @abstractmethod
    async def publish(self, event: FlovynEvent) -> None:
        """Hands the event to every matching active subscription, and waits for none of them.

        Succeeds without subscribers too (PUB-08). A change by the publisher to `event.data`
        afterwards changes nothing that is delivered (EVT-04).

        Raises:
            InvalidEvent: it breaks the contract; nothing was sent (EVT-05, EVT-06).
            PublishError: it could not be handed over (REC-01), or is too large (EVT-08).
            BusClosed: this client was closed.
        """

    @abstractmethod
    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        """Returns a subscription, active from the return of entering to the call of leaving (PUB-04).

        The call alone has no effect. The context is used once. A bus that claims no replay may leave
        `since` out; the suite passes it only where replay is claimed.

        Args:
            pattern: selects the events.
            since: where to begin: with what comes (`LIVE`), with all that is retained (`START`), or
                after a cursor. History comes first, then what is live, with no gap and no repeat
                (RPL-02 to RPL-04).

        Raises, on entering:
            InvalidPattern: the pattern breaks the contract (PAT-10).
            InvalidCursor: the cursor is malformed, or not of this tenant (RPL-07, RPL-09).
            CursorExpired: the history no longer reaches back to the cursor (RPL-08).
            Unsupported: the bus does not offer this beginning.
            SubscribeError: the bus could not make it active (REC-06).
            BusClosed: this client was closed.
        """

    async def purge(self, tenant_id: UUID) -> None:
        """Forgets the tenant's history; active subscriptions go on with what comes (RPL-06).

        Raises:
            Unsupported: the bus does not offer it.
            BusClosed: this client was closed.
        """
        raise Unsupported(f"{type(self).__name__} has no purge")


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
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        """Returns a subscription to one key; as on the event side, entering makes it active.

        Args:
            workflow_execution_id: the key.
            since: where to begin, as on the event side.

        Raises, on entering:
            InvalidPattern: the key is not one token of `[A-Za-z0-9_-]+` (STR-08).
            InvalidCursor: the cursor is malformed, or not of this key (RPL-07, RPL-09).
            CursorExpired: the history no longer reaches back to the cursor (RPL-08).
            Unsupported: the bus does not offer this beginning.
            SubscribeError: the bus could not make it active.
            BusClosed: this client was closed.
        """

    async def purge(self, workflow_execution_id: str) -> None:
        """Forgets the key's history; active subscriptions go on with what comes (RPL-06).

        Raises:
            Unsupported: the bus does not offer it.
            BusClosed: this client was closed.
        """
        raise Unsupported(f"{type(self).__name__} has no purge")


@dataclass(frozen=True, kw_only=True)
class ChannelCounts:
    """The number of channels that a backend keeps, per tenant (`events`) and per key (`streams`)."""

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
        """Returns how many channels exist, idle ones included; at least this client's.

        Raises:
            Unsupported: the backend offers no introspection (CLN-09).
            BusClosed: this client was closed.
        """
        raise Unsupported(
            f"{type(self).__name__} has no active_channels; claim introspection=False"
        )
