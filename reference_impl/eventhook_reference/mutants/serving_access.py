"""Servers that let others in, leave things behind, or do not speak every HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken, send_body
from eventhook_reference.mutants._serving_apps import knowing_what_is_read

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_ACCESS: Final[list[Mutant]] = []


# Access


@broken(SERVING_ACCESS, "SSE-06", seen="which its owner reads")
def joins_a_stream_by_its_id_alone() -> type[SseApp]:
    """Checks the owner of a workflow for its first reader only."""

    class Broken(knowing_what_is_read()):  # type: ignore[misc]  # because: made above
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            if not any(read == (endpoint.kind, id) for read in self.read.values()):
                super().find(endpoint, request, tenant, id)

    made: type[SseApp] = Broken
    return made


@broken(SERVING_ACCESS, "SSE-06", seen="404 for GET")
def remembers_paths_that_were_right() -> type[SseApp]:
    """Caches that a path was found, for all tenants."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            known: set[str] = self.__dict__.setdefault("known", set())
            if request.url.path not in known:
                super().find(endpoint, request, tenant, id)
                known.add(request.url.path)

    return Broken


@broken(SERVING_ACCESS, "SSE-06", seen="in another letter case")
def compares_tokens_without_case() -> type[SseApp]:
    """Compares tokens without regard to case."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def admit(self, request: Any) -> Any:
            given = request.headers.get("authorization", "")
            for known, tenant in self.authenticator.tokens.items():
                if given.lower() == f"bearer {known}".lower():
                    return tenant
            return await super().admit(request)

    return Broken


# Leaks


@broken(SERVING_ACCESS, "SSE-08", seen="to be freed within 2 s")
def keeps_a_feed_for_those_who_come_back() -> type[SseApp]:
    """Keeps its subscriptions half a minute after the last reader left."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        @asynccontextmanager
        async def reading(
            self, endpoint: Any, types: Any, tenant: UUID, id: UUID
        ) -> AsyncIterator[Any]:
            kept = super().reading(endpoint, types, tenant, id)
            async with super().reading(endpoint, types, tenant, id) as outbox:
                await kept.__aenter__()
                try:
                    yield outbox
                finally:
                    loop = asyncio.get_running_loop()
                    loop.call_later(30, lambda: loop.create_task(kept.__aexit__(None, None, None)))

    return Broken


def _opening_first(where: Any) -> type[SseApp]:
    """Returns an application that opens a feed for requests without a stream, and forgets it."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        kept: Final[list[Any]] = []

        async def answer(self, endpoint: Any, request: Any) -> Any:
            tenant = await self.admit(request)
            if where(request, tenant, self) and endpoint.names != "task execution":
                from eventhook_reference.sse.types import TypesFilter

                named = UUID(request.path_params["id"]) if endpoint.names else UUID(int=0)
                reading = self.reading(endpoint, TypesFilter(), tenant, named)
                self.kept.append(reading)
                await reading.__aenter__()
            return await super().answer(endpoint, request)

    return Broken


@broken(SERVING_ACCESS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_for_head() -> type[SseApp]:
    """Subscribes for HEAD, and never unsubscribes."""
    return _opening_first(lambda request, tenant, app: request.method == "HEAD")


@broken(SERVING_ACCESS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_before_it_looks_at_accept() -> type[SseApp]:
    """Subscribes before it refuses a request with 406, and never unsubscribes."""
    return _opening_first(lambda request, tenant, app: "html" in request.headers.get("accept", ""))


@broken(SERVING_ACCESS, "SSE-23", seen="nothing to be left of HEADs and refusals")
def subscribes_before_it_looks_for_the_owner() -> type[SseApp]:
    """Subscribes before it refuses a request with 404, and never unsubscribes."""

    def is_foreign(request: Any, tenant: UUID, app: Any) -> bool:
        try:
            known = app.registry.workflows.get(UUID(request.path_params.get("id", "")))
        except ValueError:
            return False
        return known is not None and known.tenant_id != tenant

    return _opening_first(is_foreign)


# HTTP/1.0


@broken(SERVING_ACCESS, "SSE-22", seen="no transfer-encoding to HTTP/1.0")
def sends_chunks_to_http_1_0() -> type[SseApp]:
    """Sends chunks to readers of HTTP/1.0."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        http_protocol = HttpToolsProtocol

    return Broken


@broken(SERVING_ACCESS, "SSE-22", seen="200 to a GET of HTTP/1.0")
def refuses_http_1_0() -> type[SseApp]:
    """Refuses streams to HTTP/1.0."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            if request.scope["http_version"] == "1.0":
                from http import HTTPStatus

                raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "send HTTP/1.1")
            return await super().answer(endpoint, request)

    return Broken


@broken(SERVING_ACCESS, "SSE-22", seen="over HTTP/1.0")
def collects_for_http_1_0() -> type[SseApp]:
    """Collects the whole stream first for HTTP/1.0."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            self.old = request.scope["http_version"] == "1.0"
            return await super().answer(endpoint, request)

        async def write(self, outbox: Any, send: Any) -> None:
            if not self.old:
                return await super().write(outbox, send)
            kept = b""
            while (body := await outbox.take()) is not None:
                kept += body
            await send_body(send, kept, more=False)
            return None

    return Broken


# Types


def _queried(change: Any) -> type[SseApp]:
    """Returns an application that reads the query by itself."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            scope = {**request.scope, "query_string": change(request.scope["query_string"])}
            return await super().answer(endpoint, type(request)(scope, request.receive))

    return Broken


@broken(SERVING_ACCESS, "SSE-05", seen="the stream to open with 200")
def takes_plus_for_a_plus() -> type[SseApp]:
    """Takes a `+` in the query for a plus, not for a space."""
    return _queried(lambda query: query.replace(b"+", b"%2B"))


@broken(SERVING_ACCESS, "SSE-05", seen="200")
def splits_types_before_decoding() -> type[SseApp]:
    """Splits `types` at commas before it decodes `%2C`."""
    return _queried(lambda query: query.replace(b"%2C", b"%00").replace(b"%2c", b"%00"))
