"""Servers that read too much, or too little, into a request.

Each function makes the class of a broken application; it is called when the server starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken, send_body
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.outbox import Outbox

SERVING_REQUESTS: Final[list[Mutant]] = []

_WAITING: Final = 48


def _trusting(read: Any) -> type[SseApp]:
    """Returns an application that believes what `read` finds of a tenant in a request."""
    from eventhook_reference.sse.app import SseApp

    class Trusting(SseApp):
        async def admit(self, request: Any) -> UUID:
            tenant = await super().admit(request)
            named = read(request)
            return next((one for one in self.tenants.values() if str(one) == named), tenant)

    return Trusting


@broken(SERVING_REQUESTS, "SSE-06", seen="with headers that name its tenant")
def takes_the_tenant_from_a_header() -> type[SseApp]:
    """Prefers the tenant of the header `X-Tenant-Id` to that of the credentials."""
    return _trusting(lambda request: request.headers.get("x-tenant-id"))


@broken(SERVING_REQUESTS, "SSE-06", seen="with parameters that name its tenant")
def takes_the_tenant_from_the_query() -> type[SseApp]:
    """Prefers the tenant of the parameter `tenant_id` to that of the credentials."""
    return _trusting(lambda request: request.query_params.get("tenant_id"))


@broken(SERVING_REQUESTS, "SSE-06", seen="with headers that name its tenant")
def takes_the_tenant_from_a_cookie() -> type[SseApp]:
    """Prefers the tenant of a cookie to that of the credentials."""
    return _trusting(lambda request: request.cookies.get("tenant_id"))


@broken(SERVING_REQUESTS, "SSE-17", seen="406 for HEAD")
def asks_no_head_what_it_accepts() -> type[SseApp]:
    """Answers HEAD whatever its `Accept` excludes."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Lenient(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            try:
                return super().read_form(endpoint, request)
            except Refused as error:
                if request.method != "HEAD" or error.status != 406:
                    raise
            types = self.read_types(endpoint, request.query_params.getlist("types"))
            return UUID(request.path_params["id"]) if endpoint.names else UUID(int=0), types

    return Lenient


@broken(SERVING_REQUESTS, "SSE-05", seen="to arrive on r")
def lowers_only_what_is_asked() -> type[SseApp]:
    """Lowers the letters of `types`, and not those of an event's type."""
    from eventhook_reference.sse.app import SseApp
    from eventhook_reference.sse.types import TypesFilter

    class Literal(TypesFilter):
        def takes_lifecycle(self, event_type: str) -> bool:
            dotted = event_type + "."
            return self.prefixes is None or any(dotted.startswith(one) for one in self.prefixes)

    class Lowering(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            found = super().read_types(endpoint, values)
            return Literal(found.streams, found.prefixes)

    return Lowering


@broken(SERVING_REQUESTS, "SSE-20", seen="Connection: close")
def closes_after_one_write() -> type[SseApp]:
    """Ends a stream after its first events, if the request has `Connection: close`."""
    from eventhook_reference.sse.app import SseApp

    class Hasty(SseApp):
        async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
            over = False

            async def once(message: Any) -> None:
                nonlocal over
                if over:
                    return
                await send(message)
                if message.get("body") and message["body"][:1] != b":":
                    over = True
                    await send_body(send, b"", more=False)

            closing = (b"connection", b"close") in scope["headers"]
            await super().asgi(scope, receive, once if closing else send)

    return Hasty


@broken(SERVING_REQUESTS, "SSE-11", seen="to arrive on r")
def knows_children_in_small_letters() -> type[SseApp]:
    """Includes no child whose id an event names in capitals, until the child has an event of its own."""

    def change(feed: Any) -> Any:
        class Literal(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                named = event.data.get("childWorkflowId") if isinstance(event.data, dict) else None
                if isinstance(named, str) and named != named.lower():
                    return event.workflow_execution_id in self.family
                taken: bool = await super().on_event(event)
                return taken

        return Literal

    return feeding("consolidated", change)


@broken(SERVING_REQUESTS, "SSE-11", seen="once")
def listens_again_to_its_root() -> type[SseApp]:
    """Subscribes to the root again when an event names it as a child."""

    def change(feed: Any) -> Any:
        class Circling(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                named = event.data.get("childWorkflowId") if isinstance(event.data, dict) else None
                if named == str(self.id) and self.types.wants_streams:
                    await self.follow_stream(self.id)
                taken: bool = await super().on_event(event)
                return taken

        return Circling

    return feeding("consolidated", change)


def _waiting(kind: str) -> type[SseApp]:
    """Returns an application whose feeds of a kind wait for the slowest of their readers."""

    def change(feed: Any) -> Any:
        from eventhook_reference.sse.outbox import PatientOutbox

        class Waiting(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def new_outbox(self) -> Outbox:
                return _Short() if self.position is None else PatientOutbox()

            async def _forward_event(self, event: Any) -> None:
                await super()._forward_event(event)
                for outbox in list(self._outboxes):
                    await outbox.roomy()

        class _Short(PatientOutbox):
            async def roomy(self) -> None:
                while len(self._frames) >= _WAITING and not self._closed:
                    self._taken.clear()
                    await self._taken.wait()

        return Waiting

    return feeding(kind, change)


@broken(SERVING_REQUESTS, "SSE-13", seen="to arrive on r")
def waits_for_a_tenants_slowest_reader() -> type[SseApp]:
    """Forwards no event of a tenant while one reader of the tenant's stream does not read."""
    return _waiting("events")


@broken(SERVING_REQUESTS, "SSE-13", seen="to arrive on r")
def waits_for_a_familys_slowest_reader() -> type[SseApp]:
    """Forwards no event of a family while one reader of its consolidated stream does not read."""
    return _waiting("consolidated")


@broken(SERVING_REQUESTS, "SSE-13", seen="to arrive on r")
def waits_for_a_tasks_slowest_reader() -> type[SseApp]:
    """Forwards no event of a task while one reader of its stream does not read."""
    return _waiting("task")
