"""Helps the cases of the NATS mapping: subjects, bodies, servers of the suite's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from eventhook_conformance.cases._nats_client import Message, Wire, plain_client
from eventhook_conformance.contract import EventPattern, StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.kit import NatsServer, ServerUnavailable
from eventhook_conformance.probe import CaseAborted, Client, Listener, Probe, Undecided


def plain(probe: Probe) -> Any:
    """Returns the suite's plain client of the target's server, an async context manager."""
    if probe.server is None:
        raise Undecided("the run has no server to look at")
    return plain_client(probe.server.address)


def subject_of(event: Event) -> str:
    """Returns the subject that the mapping puts an event on (NAT-01)."""
    if isinstance(event, StreamEvent):
        return f"flovyn.streams.workflow.{event.workflow_execution_id}"
    return f"flovyn.events.{event.tenant_id}.{event.event_type}"


def members_of(event: Event) -> dict[str, Any]:
    """Returns the wire form of an event, to be changed."""
    members: dict[str, Any] = json.loads(event.to_json())
    return members


def asks_for(probe: Probe, listener: Listener) -> Event:
    """Returns an event that the subscription asks for."""
    selects = listener.entry.selects
    if not isinstance(selects, EventPattern):
        return probe.make.stream_event(selects)
    prefix = selects.event_type_prefix
    return probe.make.event(
        selects.tenant_id,
        prefix if prefix and "." in prefix else f"{prefix or 'task'}.created",
        source=selects.source if selects.source is not None else "suite",
        workflow=selects.workflow_execution_id,
        task=selects.task_execution_id,
    )


async def put(probe: Probe, wire: Wire, event: Event, body: bytes | None = None) -> None:
    """Publishes an event by the plain client, in its wire form or another body."""
    sending = wire.put(subject_of(event), event.to_json() if body is None else body)
    await probe.publish_elsewhere(event, sending, "wire")


async def get(probe: Probe, listener: Listener, event: Event, what: str) -> None:
    """Reads up to an event that the plain client published.

    Raises:
        CaseAborted: it did not come.
    """
    try:
        await listener.receive(event)
    except CaseAborted as aborted:
        name, seen = listener.entry.name, listener.entry.end_error or "nothing of it came in time"
        raise probe.aborted(what, f"{name}: {seen}", listener.entry) from aborted


async def put_and_get(probe: Probe, wire: Wire, listeners: Iterable[Listener], what: str) -> None:
    """Fences by an event of the plain client for each listener: by the server's order it comes last."""
    for listener in listeners:
        event = asks_for(probe, listener)
        await put(probe, wire, event)
        await get(probe, listener, event, what)


def carrying(messages: Iterable[Message], mark: str) -> list[Message]:
    """Returns the messages whose body contains the mark."""
    return [message for message in messages if mark.encode() in message.body]


def parsed(body: bytes) -> Any:
    """Returns the JSON of a body, read strictly.

    Raises:
        ValueError: it is no UTF-8, no JSON, or names a member twice.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        raise ValueError("it begins with a byte order mark")
    return json.loads(
        body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_no_number
    )


def _without_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        raise ValueError(f"it names a member twice: {names}")
    return dict(members)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


@asynccontextmanager
async def own_server(config: str = "", *, jetstream: bool = False) -> AsyncIterator[NatsServer]:
    """Starts a server of the suite's own.

    Args:
        config: its configuration.
        jetstream: whether to offer JetStream, for a bus that keeps its history there.

    Raises:
        Undecided: it cannot be had.
    """
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(NatsServer(config, jetstream=jetstream))
        except ServerUnavailable as error:
            raise Undecided(f"the suite needs a NATS server of its own: {error}") from error
        yield server


@asynccontextmanager
async def client_of(probe: Probe, address: str) -> AsyncIterator[Client]:
    """Opens one more client of the target's, on a server of the suite's own; closed before that stops."""
    client = await probe.open_client(address)
    try:
        yield client
    finally:
        for listener in probe.listeners:
            if listener.client is client:
                await listener.leave_quietly()
        problem = await client.leave()
    if problem is not None:
        probe.found("closing a client to succeed", f"it raised {problem}")
