"""Defines one client of a bus, as all adapters of the kit have it, fed or pulling."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, ClassVar, Self

from eventhook_conformance.contract import (
    BusClosed,
    EventBus,
    Since,
    StreamBus,
    StreamingBackend,
    Subscription,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.kit.adapter_parts import AdapterParts, Kind
from eventhook_conformance.kit.sides import Events, Streams
from eventhook_conformance.target import Capabilities


class KitClient(AdapterParts, StreamingBackend):
    """Publishes, refuses once closed, and closes once; an async context manager that connects and closes.

    Args:
        capabilities: what the target claims.
    """

    KIT_PARTS: ClassVar[Mapping[str, tuple[str, ...]]]
    """The parts of the kit, each with its methods; set by the class that a vendor's class extends."""

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities or Capabilities())
        self.events: EventBus = Events(self)
        self.streams: StreamBus = Streams(self)
        self._closing: asyncio.Task[None] | None = None

    # Written by the vendor

    async def connect(self) -> None:
        """Connects the client; called when its context is entered."""

    @abstractmethod
    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Hands a message to the bus.

        Args:
            kind: `event` or `stream`.
            key: the tenant's id as text, or the stream's key.
            body: the message.

        Raises:
            Exception: the bus did not take it; the publisher gets a `PublishError`.
        """

    @abstractmethod
    async def disconnect(self) -> None:
        """Disconnects the client; called once, after all that was attached was left."""

    # Given by the kit

    @property
    def kit_parts(self) -> tuple[str, ...]:
        """The parts of the kit that this client uses: those whose methods are not overridden."""
        mine = type(self)
        kit = next(one for one in mine.__mro__ if "KIT_PARTS" in vars(one))
        return tuple(
            part
            for part, names in self.KIT_PARTS.items()
            if all(getattr(mine, name) is getattr(kit, name) for name in names)
        )

    def check_open(self) -> None:
        """Raises `BusClosed` once this client was closed (PUB-17)."""
        if self._closing is not None:
            raise BusClosed("this client was closed; open another one of the same target")

    async def publish(self, kind: Kind, event: Any) -> None:
        """Publishes one event, from check to the bus; returns as soon as the library's own call does."""
        self.check_open()
        self.check(kind, event)
        body = self.encode(kind, event)
        self.check_size(kind, body)
        key = str(event.tenant_id) if kind == "event" else event.workflow_execution_id
        try:
            await self.send(kind, key, body)
        except StreamingError:
            raise
        except Exception as error:  # because: a client library may raise anything
            raise self.publish_error(error) from error

    @abstractmethod
    def subscribe(
        self, kind: Kind, selects: Any, since: Since
    ) -> AbstractAsyncContextManager[Subscription[Any]]:
        """Returns one subscription, which nothing has entered yet."""

    async def aclose(self) -> None:
        """Closes this client: its readers read all that is held, then end; a second call does nothing."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    @abstractmethod
    async def _close(self) -> None:
        """Ends the subscriptions, and disconnects."""

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
