"""Makes workflow executions, from which a reader has its ids, and tells their status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from starlette.requests import Request

from eventhook_conformance.contract import StreamingBackend
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.sse.access import Refused

LONGEST_BODY: Final = 16384
LONGEST_KIND: Final = 255


class NewExecution(msgspec.Struct):
    """The body of a request for a new workflow execution."""

    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_KIND)]


async def read_new(request: Request) -> NewExecution:
    """Returns the body of a request.

    Raises:
        Refused: 400, if it is malformed or too long.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise Refused(HTTPStatus.BAD_REQUEST, f"the body has more than {LONGEST_BODY} bytes")
    try:
        return msgspec.json.decode(body, type=NewExecution)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refused(
            HTTPStatus.BAD_REQUEST, f'the body is not like {{"kind": "order"}}: {error}'
        ) from error


async def make(backend: StreamingBackend, registry: Registry, tenant: UUID, kind: str) -> UUID:
    """Makes a workflow, PENDING, and publishes its event; succeeds even if the bus is down."""
    engine = Engine(registry, backend, MovableClock())
    return (await engine.dispatch.create_workflow(tenant, kind)).id


def snapshot(registry: Registry, id: UUID) -> dict[str, Any]:
    """Returns the snapshot of a workflow, with its status."""
    entry = registry.workflows[id]
    return {
        "id": str(id),
        "kind": entry.kind,
        "status": entry.status,
        "parentWorkflowExecutionId": None if entry.parent is None else str(entry.parent),
    }
