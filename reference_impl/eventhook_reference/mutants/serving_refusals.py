"""Servers whose refusals, owners, HEADs or limits are wrong.

Each function makes the class of a broken application; it is called when the server starts.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_REFUSALS: Final[list[Mutant]] = []


@broken(SERVING_REFUSALS, "SSE-06", seen="no JSON")
def writes_problems_by_hand() -> type[SseApp]:
    """Writes the body of a refusal without its last brace."""
    from starlette.responses import Response

    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            try:
                return await super().answer(endpoint, request)
            except Refused as refused:
                return Response(
                    f'{{"detail": "{refused.detail}"',
                    refused.status,
                    refused.headers,
                    media_type="application/problem+json",
                )

    return Broken


@broken(SERVING_REFUSALS, "SSE-06", seen="405 for OPTIONS")
def opens_a_stream_for_options() -> type[SseApp]:
    """Opens a stream for OPTIONS."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
            method = "HEAD" if scope["method"] == "OPTIONS" else scope["method"]
            await super().asgi({**scope, "method": method}, receive, send)

    return Broken


@broken(SERVING_REFUSALS, "SSE-06", seen="for another tenant's id")
def guards_ids_as_text() -> type[SseApp]:
    """Checks the owner by the text of the id, and finds the stream by its parsed form."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            if endpoint.names:
                request.scope["given"] = request.path_params["id"]
                with suppress(ValueError):
                    request.path_params["id"] = str(UUID(request.path_params["id"]))
            return super().read_form(endpoint, request)

        def find(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> None:
            if request.scope.get("given") in (None, str(id)):
                super().find(endpoint, request, tenant, id)

    return Broken


@broken(SERVING_REFUSALS, "SSE-06", seen="in another tenant's workflow")
def looks_for_owners_of_roots_alone() -> type[SseApp]:
    """Checks the owner of root workflows and standalone tasks only."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def owns(self, endpoint: Any, tenant: UUID, id: UUID) -> bool:
            tasks, workflows = self.registry.tasks, self.registry.workflows
            if endpoint.kind == "task" and id in tasks and tasks[id].workflow is not None:
                return True
            if endpoint.kind != "task" and id in workflows and workflows[id].parent is not None:
                return True
            return super().owns(endpoint, tenant, id)

    return Broken


@broken(SERVING_REFUSALS, "SSE-06", seen="the same for another tenant's")
def looks_at_accept_where_something_is() -> type[SseApp]:
    """Answers 406 for existing workflows only, also those of other tenants."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            try:
                return await super().answer(endpoint, request)
            except Refused as refused:
                if refused.status == HTTPStatus.NOT_ACCEPTABLE and endpoint.names:
                    named = UUID(request.path_params["id"])
                    if named not in {**self.registry.tasks, **self.registry.workflows}:
                        raise Refused(HTTPStatus.NOT_FOUND, "no such thing") from None
                raise

    return Broken


@broken(SERVING_REFUSALS, "SSE-17", seen="without an Accept header")
def needs_an_accept_header() -> type[SseApp]:
    """Answers 406 to a request without `Accept`."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            form = super().read_form(endpoint, request)
            if "accept" not in request.headers:
                raise Refused(HTTPStatus.NOT_ACCEPTABLE, "send Accept: text/event-stream")
            return form

    return Broken


@broken(SERVING_REFUSALS, "SSE-17", seen="Content-Length: 0")
def states_a_length_to_head() -> type[SseApp]:
    """Answers HEAD with a length of 0."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            response = await super().answer(endpoint, request)
            if request.method == "HEAD":
                response.headers["content-length"] = "0"
            return response

    return Broken


@broken(SERVING_REFUSALS, "SSE-20", seen="the stream ended")
def closes_after_a_megabyte() -> type[SseApp]:
    """Ends a stream after a megabyte."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            left = 2**20
            while left > 0 and (body := await outbox.take()) is not None:
                left -= len(body)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Broken


@broken(SERVING_REFUSALS, "SSE-11", seen="to arrive on r1")
def listens_to_sixteen_children() -> type[SseApp]:
    """Includes sixteen children in a consolidated stream, and no more."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def adopt(self, workflow: UUID) -> None:
                if len(self.family) <= 16:
                    await super().adopt(workflow)

        return Broken

    return feeding("consolidated", change)


@broken(SERVING_REFUSALS, "SSE-05", seen="to arrive on r1")
def reads_thirty_types() -> type[SseApp]:
    """Ignores items of `types` past the thirtieth."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            items = [item for value in values for item in value.split(",")]
            return super().read_types(endpoint, [",".join(items[:30])] if items[30:] else values)

    return Broken
