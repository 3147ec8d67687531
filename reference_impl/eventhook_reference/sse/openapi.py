"""The OpenAPI document: every endpoint, status, header and content type (SSE-14)."""

from __future__ import annotations

from typing import Any, Final

from eventhook_conformance import __version__
from eventhook_reference.sse.endpoints import BASE, ENDPOINTS, Endpoint

_CARRIED: Final = {
    "400": ("BadRequest", "The id is no UUID, or an item of `types` is malformed."),
    "401": ("Unauthorized", "There are no credentials, or they are nobody's."),
    "404": ("NotFound", "It does not exist, or is another tenant's; the answer is the same."),
    "405": ("MethodNotAllowed", "Another method than GET or HEAD."),
    "406": ("NotAcceptable", "`Accept` excludes `text/event-stream`."),
    "503": ("ServiceUnavailable", "The event bus cannot be reached."),
}
_HEADERS: Final[dict[str, dict[str, str]]] = {
    "401": {"WWW-Authenticate": "The scheme that would be right."},
    "405": {"Allow": "The methods that there are."},
}


def document() -> dict[str, Any]:
    """The whole document, as a value of the caller's own."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths[BASE + endpoint.path] = {
            "parameters": _parameters(endpoint),
            "get": _operation(endpoint, "get"),
            "head": _operation(endpoint, "head"),
        }
    paths["/openapi.json"] = {method: _document_operation(method) for method in ("get", "head")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Eventhook reference SSE server",
            "version": __version__,
            "description": "Workflow events as server-sent events, for one tenant at a time.",
        },
        "paths": paths,
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _problem_schema()},
            "responses": {
                name: _problem_response(status, description)
                for status, (name, description) in _CARRIED.items()
            },
        },
    }


def _operation(endpoint: Endpoint, method: str) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": _stream_response()}
    for status, (name, _) in _CARRIED.items():
        responses[status] = {"$ref": f"#/components/responses/{name}"}
    return {
        "operationId": f"{method}_{endpoint.kind}_stream",
        "summary": endpoint.carries,
        "responses": responses,
    }


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    named = [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": f"Of the {endpoint.names}.",
            "schema": {"type": "string", "format": "uuid"},
        }
    ]
    return [
        {
            "name": "tenant",
            "in": "path",
            "required": True,
            "description": "As the token's tenant is called in paths.",
            "schema": {"type": "string", "minLength": 1},
        },
        *(named if endpoint.names else []),
        {
            "name": "types",
            "in": "query",
            "required": False,
            "description": _types_description(endpoint),
            "style": "form",
            "explode": True,
            "schema": {"type": "array", "items": {"type": "string", "pattern": _types_pattern()}},
        },
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "Ignored: a stream begins with what is published next.",
            "schema": {"type": "string"},
        },
    ]


def _types_description(endpoint: Endpoint) -> str:
    forms = "a category (`task`, `task.*`) or an event type with its descendants (`task.created`)"
    streams = "" if endpoint.kind == "events" else "`token`, `progress`, `data`, `error`, "
    return (
        f"Comma-separated; each item {streams}{forms}. Blanks around items, case, repeats and "
        "empty items do not matter. Absent or empty: everything."
    )


def _types_pattern() -> str:
    """Looser than the grammar: a pattern that says all of it takes generators seconds to satisfy."""
    return "^[A-Za-z0-9_.*, \\t-]*$"


def _stream_response() -> dict[str, Any]:
    headers = {
        "Cache-Control": ("Always `no-store`.", "no-store"),
        "X-Accel-Buffering": ("Tells a proxy not to collect what it passes on.", "no"),
    }
    return {
        "description": "The stream; it ends after the workflow's last event.",
        "headers": {
            name: {
                "description": description,
                "required": True,
                "schema": {"type": "string", "const": value},
            }
            for name, (description, value) in headers.items()
        },
        # 3.1 has no words for the events of a stream; a schema here would be held against each.
        "content": {"text/event-stream": {}},
    }


def _problem_response(status: str, description: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": description,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    if status in _HEADERS:
        response["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in _HEADERS[status].items()
        }
    return response


def _problem_schema() -> dict[str, Any]:
    return {
        "title": "Problem",
        "description": "Problem details (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }


def _document_operation(method: str) -> dict[str, Any]:
    return {
        "operationId": f"{method}_openapi",
        "summary": "This document",
        "security": [],
        "responses": {
            "200": {
                "description": "The document.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "405": {"$ref": "#/components/responses/MethodNotAllowed"},
        },
    }
