"""The HTTP side: routes, the order of the checks, and how a stream is written.

The first check that fails decides (SSE-06): of the method, the credentials, the form of the request,
and last whether what it names exists and belongs to the tenant.

Over 300 lines: each step of an answer is a method of one class, for broken servers to override.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from eventhook_conformance.contract import StreamingBackend, StreamingError
from eventhook_conformance.target import Tenant
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.access import (
    EVENT_STREAM,
    Authenticator,
    Refused,
    accepts_event_stream,
    parse_id,
)
from eventhook_reference.sse.endpoints import BASE, ENDPOINTS, EXECUTION, EXECUTIONS, Endpoint
from eventhook_reference.sse.executions import make, read_new, snapshot
from eventhook_reference.sse.feed import Encoders, Feed
from eventhook_reference.sse.feeds import ConsolidatedFeed, TaskFeed, TenantFeed, WorkflowFeed
from eventhook_reference.sse.framing import KEEP_ALIVE
from eventhook_reference.sse.openapi import document
from eventhook_reference.sse.outbox import Outbox
from eventhook_reference.sse.problems import answer_http_error, answer_refused, problem
from eventhook_reference.sse.sharing import Feeds
from eventhook_reference.sse.types import MalformedTypes, TypesFilter, parse_types

KEEP_ALIVE_S: Final = 15.0
_KEEP_ALIVE_SHARE: Final = 0.8
"""Share of the promised interval after which a comment is sent: it must arrive within the interval."""

_STREAM: Final = "eventhook.stream"
"""The key, in the scope, of the stream that answers a request. It is sent when the framework is done:
what that wraps around an answer costs memory and time for each reader, and does nothing more."""

_BUS_GONE: Final = "the event bus cannot be reached"

Reading: TypeAlias = AbstractAsyncContextManager[Outbox]

logger = logging.getLogger(__name__)

_FEEDS: Final[Mapping[str, type[Feed]]] = {
    "workflow": WorkflowFeed,
    "consolidated": ConsolidatedFeed,
    "task": TaskFeed,
    "events": TenantFeed,
}


class _AnyText(Convertor[str]):
    """A path segment of any text: the application refuses a wrong id itself, after the credentials."""

    regex = r"(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anytext", _AnyText())


def _routed(path: str) -> str:
    return path.replace("}", ":anytext}")


class SseApp:
    """The application over one client of the bus.

    Args:
        backend: the client.
        registry: which executions there are.
        tenants: whose paths are served, with the headers that authenticate them.
        keep_alive_s: seconds between comments, at most.
        authenticator: by default the tenants' own tokens.
    """

    replay: Literal["live", "start"] | None = None
    """The place where a reader without an `id` begins; None: no history, an `id` is ignored."""
    http_protocol: Any = None
    """The protocol class for connections (uvicorn's `http`); None: the server's default."""

    def __init__(
        self,
        backend: StreamingBackend,
        registry: Registry,
        tenants: Sequence[Tenant],
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
        authenticator: Authenticator | None = None,
    ) -> None:
        self.backend = backend
        self.registry = registry
        self.tenants = {one.base_path: one.id for one in tenants}
        self.keep_alive_s = keep_alive_s
        self.authenticator = authenticator or Authenticator.of(tenants)
        self.catch_up: Callable[[UUID], Awaitable[None]] | None = None
        """Returns once all is known that other servers began for a tenant; None: there are none."""
        self.encoders = Encoders()
        self.feeds = Feeds()
        self.document = self.make_document()
        self.routed = Starlette(
            routes=[
                *(self._route(endpoint) for endpoint in ENDPOINTS),
                Route(_routed(EXECUTIONS), self._make_execution, methods=["POST"]),
                Route(_routed(EXECUTION), self._answer_execution, methods=["GET"]),
                Route("/openapi.json", self._answer_document, methods=["GET"]),
            ],
            exception_handlers={HTTPException: answer_http_error, Refused: answer_refused},
        )
        self.routed.router.redirect_slashes = False

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI defines it."""
        await self.routed(scope, receive, send)
        if (stream := scope.get(_STREAM)) is not None:
            await stream.answer(scope, receive, send)

    def _route(self, endpoint: Endpoint) -> Route:
        async def answer(request: Request) -> Response:
            return await self.answer(endpoint, request)

        path = _routed(BASE + endpoint.path)
        return Route(path, answer, methods=["GET"], name=endpoint.kind)

    # The checks, in their order

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Returns the stream that the request asks for.

        Raises:
            Refused: it is refused.
        """
        tenant = await self.admit(request)
        named, types = self.read_form(endpoint, request)
        if not self.owns(endpoint, tenant, named):
            await self.learn_of_others(tenant)
        self.find(endpoint, request, tenant, named)
        if (settled := self.settled(endpoint, request, tenant, named)) is not None:
            return settled
        if request.method == "HEAD":
            response = Response(headers=self.headers())
            # A stream has no length, so that its HEAD must not state one.
            del response.headers["content-length"]
            return response
        return _StreamResponse(self, self.reading_for(request, endpoint, types, tenant, named))

    def settled(
        self, endpoint: Endpoint, request: Request, tenant: UUID, id: UUID
    ) -> Response | None:
        """Returns the answer if nothing is left to stream; None here, where more may always come.

        Raises:
            Refused: it is refused after all.
        """
        return None

    async def admit(self, request: Request) -> UUID:
        """Returns the tenant of the credentials; an authenticator that fails admits nobody."""
        try:
            tenant = await self.authenticator.authenticate(request.headers.get("authorization"))
        except Exception:  # because: after any error nobody was authenticated
            logger.exception("the authenticator failed")
            tenant = None
        if tenant is None:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "send the tenant's token as Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
        return tenant

    def read_form(self, endpoint: Endpoint, request: Request) -> tuple[UUID, TypesFilter]:
        """Reads the id (the nil UUID for the tenant's own stream) and the filter of a request."""
        named = parse_id(request.path_params["id"]) if endpoint.names else UUID(int=0)
        try:
            types = self.read_types(endpoint, request.query_params.getlist("types"))
        except MalformedTypes as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        accept = ", ".join(request.headers.getlist("accept"))
        if not accepts_event_stream(accept):
            raise Refused(HTTPStatus.NOT_ACCEPTABLE, f"this is {EVENT_STREAM} and nothing else")
        return named, types

    def read_types(self, endpoint: Endpoint, values: list[str]) -> TypesFilter:
        """Reads the filter from the values of `types`."""
        return parse_types(values, stream_types=endpoint.kind != "events")

    async def learn_of_others(self, tenant: UUID) -> None:
        """Learns of executions that other servers made, before any id is called unknown.

        Raises:
            Refused: the bus cannot be asked.
        """
        if self.catch_up is None:
            return
        try:
            await self.catch_up(tenant)
        except StreamingError as error:
            logger.warning("the bus cannot be asked for executions: %s", error)
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, _BUS_GONE) from error

    def is_at(self, request: Request, tenant: UUID) -> bool:
        """Returns whether the path is that tenant's."""
        base = BASE.replace("{tenant}", request.path_params["tenant"])
        return self.tenants.get(base) == tenant

    def find(self, endpoint: Endpoint, request: Request, tenant: UUID, id: UUID) -> None:
        """Refuses what does not exist; refuses what another tenant owns in the same words."""
        if not self.is_at(request, tenant) or not self.owns(endpoint, tenant, id):
            missing = f"there is no {endpoint.names} {id}" if endpoint.names else "no such tenant"
            raise Refused(HTTPStatus.NOT_FOUND, missing)

    def owns(self, endpoint: Endpoint, tenant: UUID, id: UUID) -> bool:
        """Returns whether the tenant owns the execution that the endpoint names."""
        if not endpoint.names:
            return True
        known: Mapping[UUID, Any] = (
            self.registry.tasks if endpoint.kind == "task" else self.registry.workflows
        )
        return id in known and known[id].tenant_id == tenant

    # The answer

    def reading_for(
        self, request: Request, endpoint: Endpoint, types: TypesFilter, tenant: UUID, id: UUID
    ) -> Reading:
        """Returns a reader's part in a feed; nothing else of the request makes a difference here."""
        return self.reading(endpoint, types, tenant, id)

    def refusal(self, error: StreamingError) -> Refused:
        """Returns the answer where the bus refuses a reader."""
        logger.warning("the bus refused a reader: %s", error)
        return Refused(HTTPStatus.SERVICE_UNAVAILABLE, _BUS_GONE)

    def reading(self, endpoint: Endpoint, types: TypesFilter, tenant: UUID, id: UUID) -> Reading:
        """Makes one reader's part in a feed, which all readers of the same stream share."""

        def make() -> Feed:
            feed = self.make_feed(endpoint, types, tenant, id)
            feed.start(self.keep_alive(feed))
            return feed

        return self.feeds.reading((endpoint.kind, tenant, id, types), make)

    def make_feed(self, endpoint: Endpoint, types: TypesFilter, tenant: UUID, id: UUID) -> Feed:
        """Makes the feed of an endpoint."""
        return _FEEDS[endpoint.kind](self.backend, self.registry, self.encoders, types, tenant, id)

    def headers(self) -> dict[str, str]:
        """Returns the headers of a stream: nothing on the way may store or buffer it (SSE-01)."""
        return {
            "content-type": EVENT_STREAM,
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }

    async def start(self, send: Send) -> None:
        """Sends the headers."""
        headers = [(name.encode(), value.encode()) for name, value in self.headers().items()]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})

    async def stream(self, reading: Reading, send: Send) -> None:
        """Answers a reader: subscribes, sends the headers, then the events."""
        async with reading as outbox:
            await self.start(send)
            await self.write(outbox, send)

    async def write(self, outbox: Outbox, send: Send) -> None:
        """Writes waiting frames together; a reader that stalls holds up only itself."""
        while (body := await outbox.take()) is not None:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def keep_alive(self, feed: Feed) -> None:
        """Sends comments, always between two events (SSE-12)."""
        while True:
            await asyncio.sleep(self.keep_alive_s * _KEEP_ALIVE_SHARE)
            feed.put_if_idle(KEEP_ALIVE)

    def make_document(self) -> dict[str, Any]:
        """Makes the OpenAPI document."""
        return document()

    # The executions of the streams

    async def _make_execution(self, request: Request) -> Response:
        tenant = await self.admit(request)
        asked = await read_new(request)
        if not self.is_at(request, tenant):
            raise Refused(HTTPStatus.NOT_FOUND, "no such tenant")
        made = await self.make_execution(tenant, asked.kind)
        where = {"Location": f"{request.url.path}/{made}"}
        return JSONResponse(snapshot(self.registry, made), HTTPStatus.CREATED, where)

    async def make_execution(self, tenant: UUID, kind: str) -> UUID:
        """Makes an execution, such as a workflow that waits to be started."""
        return await make(self.backend, self.registry, tenant, kind)

    async def _answer_execution(self, request: Request) -> Response:
        tenant = await self.admit(request)
        named = parse_id(request.path_params["id"])
        if named not in self.registry.workflows:
            await self.learn_of_others(tenant)
        known = self.registry.workflows.get(named)
        if not self.is_at(request, tenant) or known is None or known.tenant_id != tenant:
            raise Refused(HTTPStatus.NOT_FOUND, f"there is no workflow execution {named}")
        return JSONResponse(snapshot(self.registry, named))

    async def _answer_document(self, request: Request) -> Response:
        return JSONResponse(self.document)

    def close(self) -> None:
        """Ends all open streams after the events on their way."""
        self.feeds.finish()


class _StreamResponse(Response):
    """A stream that ends as soon as its reader is gone, at any point."""

    def __init__(self, app: SseApp, reading: Reading) -> None:
        self._app = app
        self._reading = reading
        self._begun = self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_STREAM] = self

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams until the end, or until the reader is gone."""
        loop = asyncio.get_running_loop()
        # No task for the stream: each reader keeps its own for as long as it reads.
        if (streaming := asyncio.current_task(loop)) is None:
            raise RuntimeError("expected to run in a task, got none")
        gone = False

        def give_up(_: object) -> None:
            nonlocal gone
            # A reader may go once it has all; what is closed then must be closed to its end.
            gone = not self._ended and streaming.cancel()

        def noting(message: Any) -> Awaitable[None]:
            self._begun = True
            self._ended = not message.get("more_body", True)
            return send(message)

        leaving = loop.create_task(_gone(receive))
        leaving.add_done_callback(give_up)
        try:
            await self._stream(scope, receive, noting)
        except asyncio.CancelledError:
            if not gone or streaming.uncancel():
                raise
        finally:
            leaving.remove_done_callback(give_up)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app.stream(self._reading, send)
        except StreamingError as error:
            if self._begun:
                raise
            await problem(self._app.refusal(error))(scope, receive, send)


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
