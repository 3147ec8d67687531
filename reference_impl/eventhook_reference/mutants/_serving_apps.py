"""Applications with a seam, for servers that are broken in their feeds or their readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp


def knowing_what_is_read() -> type[SseApp]:
    """Returns an application that knows of each outbox what its reader reads."""
    from eventhook_reference.sse.app import SseApp

    class Knowing(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.read: dict[Any, Any] = {}

        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            async with super().reading(endpoint, types, tenant, id) as outbox:
                self.read[outbox] = endpoint.kind, id
                try:
                    yield outbox
                finally:
                    del self.read[outbox]

    return Knowing


def feeding(kind: str, change: Any) -> type[SseApp]:
    """Returns an application whose feeds of a kind (or of `every` one) are of the class `change` makes."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_feed(self, endpoint: Any, types: Any, tenant: Any, id: Any) -> Any:
            feed = super().make_feed(endpoint, types, tenant, id)
            if kind in ("every", endpoint.kind):
                feed.__class__ = change(type(feed))
            return feed

    return Broken
