"""Makes a `StreamingBackend` of a bare client library, with about forty lines from the vendor.

The vendor writes four methods. The kit has codec, validation, filtering, buffers, errors and closing,
each in methods that can be overridden; `kit_parts` names those in use. The kit never retries, reorders
or removes repeats, and drops only by the claimed policy: what the client library gets wrong is seen.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType, TracebackType
from typing import Any, NoReturn

from eventhook_conformance.contract import (
    LIVE,
    ChannelCounts,
    Since,
    SubscribeError,
    Subscription,
    SubscriptionLost,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.kit.adapter_parts import Kind
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.kit.context_keeper import ContextKeeper
from eventhook_conformance.kit.kit_client import KitClient
from eventhook_conformance.kit.sink import Sink
from eventhook_conformance.target import Capabilities


class Adapter(KitClient):
    """One client of the bus; an async context manager that connects and closes it.

    Args:
        capabilities: what the target claims; the kit needs its capacities, overflow policy and
            largest event.

    Raises:
        ValueError: it claims one ring for a tenant, which the kit's own buffers are not.
    """

    KIT_PARTS = MappingProxyType(
        {
            "codec": ("encode", "decode"),
            "validation": ("check", "check_selects"),
            "size check": ("check_size",),
            "filtering": ("admits",),
            "buffer": ("make_buffer",),
            "errors": ("publish_error", "subscribe_error"),
            "closing": ("aclose",),
        }
    )

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities)
        own_buffer = type(self).make_buffer is Adapter.make_buffer
        if own_buffer and self.capabilities.overflow_scope == "tenant":
            raise ValueError(
                "the kit gives each subscription a buffer of its own, which filtered-out events do "
                'not fill: claim overflow_scope="subscription", or override make_buffer'
            )
        self.subscriptions: set[AdapterSubscription] = set()
        if not self.capabilities.introspection:
            # An answer would be taken for the truth (CLN-09), whatever the vendor's class can count.
            vars(self)["active_channels"] = self._count_nothing
            vars(self)["cleanup_inactive_channels"] = self._count_nothing

    # Written by the vendor

    @abstractmethod
    def attach(self, kind: Kind, key: str, sink: Sink) -> AbstractAsyncContextManager[object]:
        """Returns an async context manager in which `sink(body)` is called for each message of the key.

        It is active when entering returns. If entering raises, the subscriber gets a
        `SubscribeError`. If the context ends by itself, the subscription is lost.
        """

    def history(
        self, kind: Kind, key: str, since: Since, sink: Sink
    ) -> AbstractAsyncContextManager[object]:
        """Does as `attach`, but begins in the past; for a bus that keeps history (profile `replay`).

        While it is entered it calls `await sink.replay(body, cursor)` for each retained message after
        `since`, oldest first, then `sink(body, cursor)` for each that comes, with no gap and no repeat.
        `attach` gives its messages with their cursors too. The kit joins nothing: what the bus gives
        at the hand-over is what its reader gets.

        Args:
            kind: the side of the bus.
            key: the tenant's id as text, or the stream's key.
            since: `START`, or a well-formed cursor.
            sink: takes the messages.

        Raises, on entering:
            InvalidCursor: it is no cursor of this tenant or key.
            CursorExpired: the history no longer reaches back to it.
        """
        raise Unsupported(f"{type(self).__name__} keeps no history: expected since=LIVE")

    async def active_channels(self) -> ChannelCounts:
        """Returns how many channels there are, for a bus that has something to count."""
        self.check_open()
        raise Unsupported(f"{type(self).__name__} counts no channels; claim introspection=False")

    async def cleanup_inactive_channels(self) -> int:
        """Answers 0, for a bus that keeps no idle channels; override it for one that does."""
        self.check_open()
        if type(self).active_channels is Adapter.active_channels:
            raise Unsupported(f"{type(self).__name__} keeps no channels; claim introspection=False")
        return 0

    # Given by the kit

    async def publish(self, kind: Kind, event: Any) -> None:
        """Makes one publish, from check to the bus."""
        # A send that never waits would keep all readers from their turn. The turn comes first:
        # after the send, it would hide what the bus still does when `send` returned.
        await asyncio.sleep(0)
        await super().publish(kind, event)

    def subscribe(self, kind: Kind, selects: Any, since: Since) -> AdapterSubscription:
        """Returns one subscription, which nothing has entered yet."""
        return AdapterSubscription(self, kind, selects, since)

    async def aclose(self) -> None:
        """Closes this client: its readers read their buffers, then end; a second call does nothing."""
        if self._closing is None:
            # An instance's own attribute, since the vendor's method need not know of closing.
            vars(self)["active_channels"] = self._refuse_to_count
        await super().aclose()

    async def _count_nothing(self) -> NoReturn:
        self.check_open()
        raise Unsupported(f"{type(self).__name__} does not claim introspection")

    async def _refuse_to_count(self) -> ChannelCounts:
        self.check_open()
        raise AssertionError("a client that is closed is not open")

    async def _close(self) -> None:
        leaving = list(self.subscriptions)
        for subscription in leaving:
            subscription.buffer.finish()
        try:
            await asyncio.gather(*(subscription.detach() for subscription in leaving))
        finally:
            await self.disconnect()


class AdapterSubscription(AbstractAsyncContextManager[Subscription[Any]]):
    """The context that `subscribe` returns: does nothing before it is entered, and is entered once."""

    buffer: Buffer[Any]

    def __init__(self, adapter: Adapter, kind: Kind, selects: Any, since: Since) -> None:
        self._adapter = adapter
        self._kind: Kind = kind
        self._selects = selects
        self._since = since
        self._keeper: ContextKeeper[object] | None = None

    async def __aenter__(self) -> Subscription[Any]:
        adapter, kind, selects = self._adapter, self._kind, self._selects
        adapter.check_open()
        adapter.check_selects(kind, selects)
        check_since(self._since)
        if self._keeper is not None:
            raise SubscribeError(
                "this subscription was entered before; call subscribe() again for another"
            )
        self.buffer = adapter.make_buffer(kind)
        sink = Sink(adapter, kind, selects, self.buffer)
        key = str(selects.tenant_id) if kind == "event" else selects
        self._keeper = ContextKeeper(lambda: self._attached(key, sink), self._broken)
        # Known before it is active, so that a client that closes meanwhile leaves it too.
        adapter.subscriptions.add(self)
        try:
            await self._keeper.enter()
            adapter.check_open()
        except BaseException as error:  # because: a cancelled entry leaves nothing behind either
            adapter.subscriptions.discard(self)
            if isinstance(error, StreamingError) or not isinstance(error, Exception):
                raise
            raise adapter.subscribe_error(error) from error
        return self.buffer

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.buffer.leave()
        await self.detach()

    def _attached(self, key: str, sink: Sink) -> AbstractAsyncContextManager[object]:
        if self._since is LIVE:
            return self._adapter.attach(self._kind, key, sink)
        return self._adapter.history(self._kind, key, self._since, sink)

    async def detach(self) -> None:
        """Ends the bus's deliveries; does nothing the second time."""
        self._adapter.subscriptions.discard(self)
        if self._keeper is not None:
            await self._keeper.leave()

    def _broken(self, error: BaseException | None) -> None:
        how = "ended by itself" if error is None else f"broke: {type(error).__name__}: {error}"
        self.buffer.lose(SubscriptionLost(f"what was attached to the bus {how}"))
