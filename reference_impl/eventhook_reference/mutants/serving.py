"""Servers that answer wrongly: headers, form, credentials, documents.

Each function makes the class of a broken application; it is called when the server starts.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING: Final[list[Mutant]] = []


@broken(SERVING, "SSE-01", seen="content type text/event-stream")
def calls_it_plain_text() -> type[SseApp]:
    """Answers a stream as text/plain, which a browser's EventSource refuses."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def headers(self) -> dict[str, str]:
            return {**super().headers(), "content-type": "text/plain; charset=utf-8"}

    return Broken


@broken(SERVING, "SSE-01", seen="no-store or no-cache")
def lets_caches_keep_it() -> type[SseApp]:
    """Answers a stream without telling caches not to keep it."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def headers(self) -> dict[str, str]:
            return {"content-type": "text/event-stream", "cache-control": "max-age=60"}

    return Broken


@broken(SERVING, "SSE-01", seen="to arrive on r1")
def buffers_until_a_block_is_full() -> type[SseApp]:
    """Writes events once four kilobytes of them have come together."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def write(self, outbox: Any, send: Any) -> None:
            kept = b""
            while (body := await outbox.take()) is not None:
                kept += body
                if len(kept) >= 4096 or body.startswith(b":"):
                    await send({"type": "http.response.body", "body": kept, "more_body": True})
                    kept = b""
            await send({"type": "http.response.body", "body": kept, "more_body": False})

        async def keep_alive(self, feed: Any) -> None:
            await asyncio.Event().wait()

    return Broken


@broken(SERVING, "SSE-01", seen="the answer to GET")
def answers_with_the_first_event() -> type[SseApp]:
    """Sends the headers with the first event."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def start(self, send: Any) -> None:
            pass

        async def keep_alive(self, feed: Any) -> None:
            await asyncio.Event().wait()

        async def write(self, outbox: Any, send: Any) -> None:
            first = await outbox.take()
            await super().start(send)
            if first is not None:
                await send({"type": "http.response.body", "body": first, "more_body": True})
            await super().write(outbox, send)

    return Broken


def reframed(change: Any) -> type[SseApp]:
    """Returns an application all of whose frames go through `change`."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            for kind in ("stream", "consolidated", "lifecycle"):
                setattr(self.encoders, kind, _through(change, getattr(self.encoders, kind)))

    return Broken


def _through(change: Any, encode: Any) -> Any:
    return lambda event: change(encode(event), event)


@broken(SERVING, "SSE-02", seen="the payload")
def no_blank_after_the_colon() -> type[SseApp]:
    """Writes `data:` without a space, and so loses a space at the start of a payload."""
    return reframed(lambda frame, event: frame.replace(b"\ndata: ", b"\ndata:"))


@broken(SERVING, "SSE-02", "SSE-03", seen="to arrive on r1")
def writes_line_ends_as_they_come() -> type[SseApp]:
    """Writes a payload of two lines into one `data`, so that the second becomes a field of its own."""

    def change(frame: bytes, event: Any) -> bytes:
        if not hasattr(event, "payload") or b"workflowExecutionId" in frame:
            return frame
        name = event.event_type.lower()
        return f"event: {name}\ndata: {event.payload}\nid: {event.sequence}\n\n".encode()

    return reframed(change)


@broken(SERVING, "SSE-02", seen="the payload")
def splits_lines_as_python_does() -> type[SseApp]:
    """Splits payloads by `str.splitlines`, also at U+2028 and U+0085, and drops the last line end."""

    def change(frame: bytes, event: Any) -> bytes:
        if not hasattr(event, "payload") or b"workflowExecutionId" in frame:
            return frame
        lines = "".join(f"data: {line}\n" for line in event.payload.splitlines() or [""])
        return f"event: {event.event_type.lower()}\n{lines}id: {event.sequence}\n\n".encode()

    return reframed(change)


@broken(SERVING, "SSE-02", seen="the payload")
def cuts_characters_in_two() -> type[SseApp]:
    """Cuts long text in pieces of bytes, and decodes each by itself."""

    def change(frame: bytes, event: Any) -> bytes:
        pieces = [frame[start : start + 4096] for start in range(0, len(frame), 4096)]
        return "".join(piece.decode("utf-8", "replace") for piece in pieces).encode()

    return reframed(change)


@broken(SERVING, "SSE-02", seen="to arrive on")
def drops_empty_payloads() -> type[SseApp]:
    """Drops an event with an empty payload."""
    return reframed(lambda frame, event: b"" if getattr(event, "payload", 1) == "" else frame)


@broken(SERVING, "SSE-03", seen="one field id with")
def forgets_the_id() -> type[SseApp]:
    """Sends stream events without an id."""
    return reframed(lambda frame, event: re.sub(rb"\nid: -?\d+\n\n", b"\n\n", frame))


@broken(SERVING, "SSE-03", seen="one field event with")
def names_stream_events_in_capitals() -> type[SseApp]:
    """Names stream events in upper case, as the wire form does."""

    def change(frame: bytes, event: Any) -> bytes:
        if not hasattr(event, "payload"):
            return frame
        name = event.event_type.lower().encode()
        return frame.replace(b"event: " + name, b"event: " + name.upper(), 1)

    return reframed(change)


@broken(SERVING, "SSE-03", seen="no field beyond the rules")
def adds_a_time_field() -> type[SseApp]:
    """Adds a field of its own to each event."""
    return reframed(lambda frame, event: b"time: 12:00\n" + frame)


@broken(SERVING, "SSE-03", seen="each event once")
def sends_lifecycle_events_twice() -> type[SseApp]:
    """Sends a lifecycle event twice, since both feeds carry it."""
    return reframed(lambda frame, event: frame if hasattr(event, "payload") else frame * 2)


@broken(SERVING, "SSE-03", seen="no other block but a retry")
def numbers_its_comments() -> type[SseApp]:
    """Sends a block with an id alone before each event, which changes the last event id of readers."""
    return reframed(lambda frame, event: b"id: 0\n\n" + frame)


@broken(SERVING, "SSE-06", seen="401 for GET")
def lets_everyone_in_without_an_authenticator() -> type[SseApp]:
    """Accepts a request that cannot be authenticated."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        async def admit(self, request: Any) -> Any:
            try:
                return await super().admit(request)
            except Refused:
                return next(iter(self.tenants.values()))

    return Broken


@broken(SERVING, "SSE-06", seen="404 for GET")
def leaves_the_owner_check_undone() -> type[SseApp]:
    """Answers any tenant the stream of any workflow."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def owns(self, endpoint: Any, tenant: Any, id: Any) -> bool:
            return id in self.registry.workflows or id in self.registry.tasks or not endpoint.names

    return Broken


@broken(SERVING, "SSE-06", seen="404 for GET")
def forbids_instead_of_hiding() -> type[SseApp]:
    """Answers another tenant's workflow with 403, which tells that it exists."""
    from http import HTTPStatus

    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            known: dict[Any, Any] = {**self.registry.workflows, **self.registry.tasks}
            if id in known and known[id].tenant_id != tenant:
                raise Refused(HTTPStatus.FORBIDDEN, "it is another tenant's")
            super().find(endpoint, request, tenant, id)

    return Broken


@broken(SERVING, "SSE-06", seen="400 for GET")
def looks_for_it_before_reading_the_rest() -> type[SseApp]:
    """Answers an unknown id with 404 before it checks the rest of the request."""
    from eventhook_reference.sse.access import parse_id
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            if endpoint.names:
                named = parse_id(request.path_params["id"])
                self.find(endpoint, request, next(iter(self.tenants.values())), named)
            return super().read_form(endpoint, request)

    return Broken


@broken(SERVING, "SSE-06", seen="the same answer as for what is unknown")
def says_whose_it_is() -> type[SseApp]:
    """Answers another tenant's workflow by a 404 whose text differs from that for an unknown one."""
    from http import HTTPStatus

    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def find(self, endpoint: Any, request: Any, tenant: Any, id: Any) -> None:
            known: dict[Any, Any] = {**self.registry.workflows, **self.registry.tasks}
            if id in known and known[id].tenant_id != tenant:
                raise Refused(HTTPStatus.NOT_FOUND, f"{id} is not one of yours")
            super().find(endpoint, request, tenant, id)

    return Broken


@broken(SERVING, "SSE-14", seen="the document to name")
def leaves_an_endpoint_out_of_the_document() -> type[SseApp]:
    """Leaves the tasks' endpoint out of its OpenAPI document."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_document(self) -> dict[str, Any]:
            document = super().make_document()
            paths = document["paths"]
            document["paths"] = {path: paths[path] for path in paths if "task" not in path}
            return document

    return Broken


@broken(SERVING, "SSE-14", seen="406 is not there")
def forgets_a_status_in_the_document() -> type[SseApp]:
    """Leaves the status 406 out of its OpenAPI document."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_document(self) -> dict[str, Any]:
            document = super().make_document()
            for item in document["paths"].values():
                for method in item.keys() & {"get", "head"}:
                    item[method]["responses"].pop("406", None)
            return document

    return Broken


@broken(SERVING, "SSE-14", seen="schemathesis to find nothing")
def fails_on_long_types() -> type[SseApp]:
    """Answers 500 to an item of `types` with a digit."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            if any(character.isdigit() for value in values for character in value):
                raise RuntimeError("no digits were expected here")
            return super().read_types(endpoint, values)

    return Broken


@broken(SERVING, "SSE-14", seen="valid OpenAPI")
def describes_itself_invalidly() -> type[SseApp]:
    """Describes a path parameter as optional, which OpenAPI forbids."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def make_document(self) -> dict[str, Any]:
            document = super().make_document()
            for item in document["paths"].values():
                for parameter in item.get("parameters", ()):
                    parameter["required"] = False
            return document

    return Broken


@broken(SERVING, "SSE-15", "SSE-01", seen="to read")
def names_another_charset() -> type[SseApp]:
    """Names latin-1 in the content type, and sends UTF-8."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def headers(self) -> dict[str, str]:
            return {**super().headers(), "content-type": "text/event-stream; charset=iso-8859-1"}

    return Broken


@broken(SERVING, "SSE-17", seen="the answer to HEAD")
def streams_to_head() -> type[SseApp]:
    """Answers HEAD with a stream that never ends."""
    from eventhook_reference.sse.app import SseApp, _StreamResponse

    class Broken(SseApp):
        async def answer(self, endpoint: Any, request: Any) -> Any:
            tenant = await self.admit(request)
            named, types = self.read_form(endpoint, request)
            self.find(endpoint, request, tenant, named)
            return _StreamResponse(self, self.reading(endpoint, types, tenant, named))

    return Broken


@broken(SERVING, "SSE-17", seen="406 for GET")
def ignores_accept() -> type[SseApp]:
    """Answers an event stream to a request that accepts HTML only."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            scope = {**request.scope, "headers": []}
            return super().read_form(endpoint, type(request)(scope))

    return Broken


@broken(SERVING, "SSE-17", seen="in milliseconds")
def tells_to_retry_in_seconds() -> type[SseApp]:
    """Sends `retry: 3` for three seconds, which means 3 ms."""
    return reframed(lambda frame, event: b"retry: 3\n" + frame)
