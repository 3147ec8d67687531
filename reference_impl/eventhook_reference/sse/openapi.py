"""The OpenAPI document: every endpoint, status, header and content type (SSE-14)."""

from __future__ import annotations

from typing import Any, Final

from eventhook_conformance import __version__
from eventhook_reference.sse.endpoints import BASE, ENDPOINTS, EXECUTION, EXECUTIONS, Endpoint
from eventhook_reference.sse.executions import LONGEST_KIND

_CARRIED: Final = {
    "400": ("BadRequest", "The id is no UUID, an item of `types` or the body is malformed."),
    "401": ("Unauthorized", "There are no credentials, or they are nobody's."),
    "404": ("NotFound", "It does not exist, or is another tenant's; the answer is the same."),
    "405": ("MethodNotAllowed", "A method that there is not."),
    "406": ("NotAcceptable", "`Accept` excludes `text/event-stream`."),
    "410": ("Gone", "The history no longer reaches back to the `id`."),
    "503": ("ServiceUnavailable", "The event bus cannot be reached."),
}
_EXPIRED: Final = "410"
_HEADERS: Final[dict[str, dict[str, str]]] = {
    "401": {"WWW-Authenticate": "The scheme that would be right."},
    "405": {"Allow": "The methods that there are."},
}


def document(*, replay: bool = False) -> dict[str, Any]:
    """Makes the whole document anew, so that the caller may change it.

    Args:
        replay: whether readers may come back with an `id`.
    """
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths[BASE + endpoint.path] = {
            "parameters": [*_parameters(endpoint), *_last_ids(replay)],
            "get": _operation(endpoint, "get", replay),
            "head": _operation(endpoint, "head", replay),
        }
    paths[EXECUTIONS] = {"parameters": [_tenant()], "post": _making()}
    paths[EXECUTION] = {
        "parameters": [_tenant(), _id("workflow execution")],
        **{method: _asking(method) for method in ("get", "head")},
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
            "schemas": {
                "Problem": _problem_schema(),
                "New": _new_schema(),
                "Execution": _execution_schema(),
            },
            "responses": {
                name: _problem_response(status, description)
                for status, (name, description) in _CARRIED.items()
                if replay or status != _EXPIRED
            },
        },
    }


def _operation(endpoint: Endpoint, method: str, replay: bool) -> dict[str, Any]:
    refused = [status for status in _CARRIED if replay or status != _EXPIRED]
    responses = {"200": _stream_response(), **_refusals(*refused)}
    if replay:
        seen = "All was seen of what has ended; there is no need to come again."
        responses["204"] = {"description": seen}
    return {
        "operationId": f"{method}_{endpoint.kind}_stream",
        "summary": endpoint.carries,
        "responses": responses,
    }


def _making() -> dict[str, Any]:
    # Links lead from a new execution to its state and streams, for tools that follow them.
    there = {"tenant": "$request.path.tenant", "id": "$response.body#/id"}
    linked = {"State": "get_execution"} | {
        one.kind.capitalize(): f"get_{one.kind}_stream"
        for one in ENDPOINTS
        if one.names == "workflow execution"
    }
    return {
        "operationId": "make_execution",
        "summary": "Makes a workflow execution, which waits to be started",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}},
        },
        "responses": {
            "201": {
                "description": "It is there.",
                "headers": {
                    "Location": {
                        "description": "Where it is.",
                        "required": True,
                        "schema": {"type": "string"},
                    }
                },
                "content": _execution(),
                "links": {
                    name: {"operationId": operation, "parameters": there}
                    for name, operation in linked.items()
                },
            },
            **_refusals("400", "401", "404", "405"),
        },
    }


def _asking(method: str) -> dict[str, Any]:
    return {
        "operationId": f"{method}_execution",
        "summary": "How a workflow execution stands",
        "responses": {
            "200": {"description": "As it is now.", "content": _execution()},
            **_refusals("400", "401", "404", "405"),
        },
    }


def _execution() -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Execution"}}}


def _refusals(*statuses: str) -> dict[str, Any]:
    return {one: {"$ref": f"#/components/responses/{_CARRIED[one][0]}"} for one in statuses}


def _tenant() -> dict[str, Any]:
    return {
        "name": "tenant",
        "in": "path",
        "required": True,
        "description": "As the token's tenant is called in paths.",
        "schema": {"type": "string", "minLength": 1},
    }


def _id(of: str) -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": f"Of the {of}.",
        "schema": {"type": "string", "format": "uuid"},
    }


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        _tenant(),
        *([_id(endpoint.names)] if endpoint.names else []),
        {
            "name": "types",
            "in": "query",
            "required": False,
            "description": _types_description(endpoint),
            "style": "form",
            "explode": True,
            "schema": {"type": "array", "items": {"type": "string", "pattern": _types_pattern()}},
        },
    ]


def _last_ids(replay: bool) -> list[dict[str, Any]]:
    """Returns the parameters that say where a reader stands."""
    ignored = "Ignored: a stream begins with what is published next."
    known = "The last `id` that was read: the stream goes on after it."
    header = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": known if replay else ignored,
        "schema": {"type": "string"},
    }
    if not replay:
        return [header]
    query = {
        **header,
        "name": "last_event_id",
        "in": "query",
        "description": f"{known} `Last-Event-ID` wins over it.",
    }
    return [header, query]


def _types_description(endpoint: Endpoint) -> str:
    forms = "a category (`task`, `task.*`) or an event type with its descendants (`task.created`)"
    streams = "" if endpoint.kind == "events" else "`token`, `progress`, `data`, `error`, "
    return (
        f"Comma-separated; each item {streams}{forms}. Blanks around items, case, repeats and "
        "empty items do not matter. Absent or empty: everything."
    )


def _types_pattern() -> str:
    """Returns a pattern looser than the grammar: generators need seconds for one of the whole grammar."""
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
        # 3.1 has no words for the events of a stream; a schema here would be applied to each.
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


def _new_schema() -> dict[str, Any]:
    kind = {"type": "string", "minLength": 1, "maxLength": LONGEST_KIND}
    return {"type": "object", "required": ["kind"], "properties": {"kind": kind}}


def _execution_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "kind", "status", "parentWorkflowExecutionId"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "kind": {"type": "string"},
            "status": {
                "enum": ["PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "FAILED", "CANCELLED"]
            },
            "parentWorkflowExecutionId": {"type": ["string", "null"], "format": "uuid"},
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
