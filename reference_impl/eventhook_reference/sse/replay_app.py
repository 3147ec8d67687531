"""The application over a bus with history: readers come back with an `id`, and go on there.

An `id` comes as `Last-Event-ID`, or as `last_event_id` in the query, since a page's first connection cannot
set a header; the header wins (RPL-16). Each reader has a feed of its own, since each stands elsewhere.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from eventhook_conformance.contract import (
    Begin,
    CursorExpired,
    InvalidCursor,
    StreamingError,
)
from eventhook_reference.sse.access import Refused
from eventhook_reference.sse.app import Reading, SseApp
from eventhook_reference.sse.endpoints import Endpoint
from eventhook_reference.sse.feed import Feed
from eventhook_reference.sse.openapi import document
from eventhook_reference.sse.position import Position, Tokens
from eventhook_reference.sse.types import TypesFilter

HEADER: Final = "last-event-id"
PARAMETER: Final = "last_event_id"


class ReplayApp(SseApp):
    """The application; each method is a step that a broken server may get wrong."""

    replay: Literal["live", "start"] = "live"

    def __init__(self, *args: Any, **named: Any) -> None:
        self.tokens = Tokens()
        super().__init__(*args, **named)

    def last_id(self, request: Request) -> str:
        """Returns the `id` that a request brings; empty if it brings none."""
        return request.headers.get(HEADER) or request.query_params.get(PARAMETER, "")

    def make_position(self, stream: str) -> Position:
        """Makes the position of a reader that brings no `id`."""
        return Position(stream, self.tokens, Begin(self.replay or "live"))

    def position(self, endpoint: Endpoint, request: Request, tenant: UUID, id: UUID) -> Position:
        """Returns the reader's position.

        Raises:
            InvalidCursor: its `id` is none of this stream.
            CursorExpired: its `id` is no longer known.
        """
        position = self.make_position(f"{endpoint.kind} {tenant} {id}")
        if last_id := self.last_id(request):
            position.resume(last_id)
        return position

    def settled(
        self, endpoint: Endpoint, request: Request, tenant: UUID, id: UUID
    ) -> Response | None:
        """Returns 204 if the reader has all of an ended workflow: no `EventSource` comes again (RPL-19)."""
        try:
            position = self.position(endpoint, request, tenant, id)
        except StreamingError as error:
            raise self.refusal(error) from error
        request.state.position = position
        if position.ended:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return None

    def reading_for(
        self, request: Request, endpoint: Endpoint, types: TypesFilter, tenant: UUID, id: UUID
    ) -> Reading:
        """Makes a feed for one reader, from its position."""

        def make() -> Feed:
            feed = self.make_feed(endpoint, types, tenant, id)
            feed.position = request.state.position
            feed.start(self.keep_alive(feed))
            return feed

        return self.feeds.reading(object(), make)

    def refusal(self, error: StreamingError) -> Refused:
        """Returns 410 for a cursor that has expired, and 400 for a text that is no `id` of this stream."""
        if isinstance(error, CursorExpired):
            return Refused(HTTPStatus.GONE, str(error))
        if isinstance(error, InvalidCursor):
            return Refused(HTTPStatus.BAD_REQUEST, str(error))
        return super().refusal(error)

    def make_document(self) -> dict[str, Any]:
        """Makes the OpenAPI document, with what history adds."""
        return document(replay=True)
