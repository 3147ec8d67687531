"""NAT-03, -04, -08, -09, EVT-10: publishes by a plain client, and checks which listeners get it."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from eventhook_conformance.cases._nats import (
    get,
    members_of,
    plain,
    put,
    put_and_get,
    subject_of,
)
from eventhook_conformance.cases._nats_bodies import OPTIONALS, SHAPELESS, WRITERS, misshapen
from eventhook_conformance.cases._nats_client import Wire
from eventhook_conformance.cases._steps import every_kind
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe
from eventhook_conformance.specification import case

_NOISE_BYTES: Final = 1_000_000


@case("NAT-03", implicates={"altered"})
async def an_event_from_a_plain_client_is_delivered(probe: Probe) -> None:
    """Publishes an event by a plain client: each kind of matching subscription must get it."""
    tenant = probe.make.tenant()
    event = probe.make.event(
        tenant,
        "task.created",
        workflow=uuid4(),
        task=uuid4(),
        data={"a": [1, None]},
        correlation_id="c-1",
    )
    listeners = [await probe.subscribe(pattern) for pattern in every_kind(tenant, event)]
    async with plain(probe) as wire:
        for one in (event, probe.make.event(tenant, "task.created.again")):
            await put(probe, wire, one)
            for listener in listeners:
                if listener.entry.matches(one):
                    await get(probe, listener, one, "an event put on its subject to be delivered")


@case("NAT-03", implicates={"altered"})
async def a_stream_event_from_a_plain_client_is_delivered(probe: Probe) -> None:
    """Publishes stream events by a plain client: readers of the workflow and of the task must get them."""
    async with plain(probe) as wire:
        for key, task in (
            (probe.make.key(), probe.make.key()),
            (probe.make.key(), ""),
            (same := probe.make.key(), same),
        ):
            readers = [await probe.subscribe(key), await probe.subscribe(key)]
            event = probe.make.stream_event(key, " \u00e9\U0001f600\r\n", task=task, sequence=7)
            await put(probe, wire, event)
            for reader in readers:
                await get(probe, reader, event, "a stream event put on its subject to be delivered")


@pytest.mark.parametrize("side", ["events", "streams"])
@case("NAT-04", implicates={"phantom", "altered", "leaked", "crossed", "repeated"})
async def garbage_is_skipped(probe: Probe, side: str) -> None:
    """Sends each kind of garbage: no subscription may get it, and each must go on."""
    tenant = probe.make.tenant()
    example = example_of(probe, side, tenant)
    listeners = [await probe.subscribe(pattern) for pattern in selections_of(example)]
    async with plain(probe) as wire:
        noise = probe.random.randbytes(min(_NOISE_BYTES, wire.max_payload))
        garbage = {**SHAPELESS, **misshapen(example), "1 MB of noise": noise}
        for what, body in garbage.items():
            await wire.put(subject_of(example), body)
            await put_and_get(probe, wire, listeners, f"the subscription to live on after {what}")


def example_of(probe: Probe, side: str, tenant: UUID) -> Event:
    """Makes an event of that side, on whose subject garbage is sent."""
    if side == "streams":
        return probe.make.stream_event(str(tenant), task=probe.make.key())
    return probe.make.event(tenant, "task.created", workflow=uuid4(), correlation_id="c-1")


def selections_of(example: Event) -> list[EventPattern | str]:
    """Returns the selections that match the event."""
    if not isinstance(example, FlovynEvent):
        return [example.workflow_execution_id]
    tenant = example.tenant_id
    return [
        EventPattern.all(tenant),
        EventPattern.by_type(tenant, "task"),
        EventPattern.by_type(tenant, "task.created"),
    ]


@case("NAT-08")
async def a_body_of_another_type_reaches_nobody(probe: Probe) -> None:
    """Sends a body whose type differs from the subject's: no subscription may get it."""
    tenant = probe.make.tenant()
    prefixes = ("task", "task.created", "workflow", "workflow.started", "task.created.again")
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.all(tenant),
            *(EventPattern.by_type(tenant, prefix) for prefix in prefixes),
        )
    ]
    base = f"flovyn.events.{tenant}"
    forged = [
        (f"{base}.task.created", probe.make.event(tenant, "workflow.started")),
        (f"{base}.task.created", probe.make.event(tenant, "task.started")),
        (f"{base}.task.created", probe.make.event(tenant, "task.created.again")),
        (f"{base}.task.created.again", probe.make.event(tenant, "task.created")),
        (f"{base}.task.created", probe.make.event(tenant, "Task.Created")),
    ]
    await reach_nobody(probe, listeners, forged)


@case("NAT-08")
async def a_body_of_another_key_reaches_nobody(probe: Probe) -> None:
    """Sends a body whose stream key differs from the subject's: no subscription may get it."""
    key, other = probe.make.key(), probe.make.key()
    listeners = [await probe.subscribe(one) for one in (key, other, key.swapcase())]
    subject = f"flovyn.streams.workflow.{key}"
    forged: list[tuple[str, Event]] = [
        (subject, probe.make.stream_event(other, task=key)),
        (subject, probe.make.stream_event(key.upper())),
        (subject, probe.make.stream_event(f"{key}-2")),
    ]
    await reach_nobody(probe, listeners, forged)


@case("NAT-09")
async def a_body_of_another_tenant_reaches_nobody(probe: Probe) -> None:
    """Sends an otherwise valid body whose tenant differs from the subject's: no subscription may get it."""
    tenant = probe.make.tenant()
    other = UUID(int=tenant.int ^ 1)
    listeners = [
        await probe.subscribe(pattern)
        for one in (tenant, other)
        for pattern in (
            EventPattern.all(one),
            EventPattern.by_type(one, "task"),
            EventPattern.by_type(one, "task.created"),
        )
    ]
    forged: list[tuple[str, Event]] = [
        (
            f"flovyn.events.{tenant}.task.created",
            probe.make.event(body, "task.created", source=source),
        )
        for body in (other, probe.make.tenant())
        for source in ("suite", str(tenant))
    ]
    await reach_nobody(probe, listeners, forged)


async def reach_nobody(
    probe: Probe, listeners: list[Listener], forged: list[tuple[str, Any]]
) -> None:
    bodies: dict[object, tuple[str, Event]] = {}
    async with plain(probe) as wire:
        for subject, event in forged:
            await wire.put(subject, event.to_json())
            bodies[_mark(event)] = subject, event
        await put_and_get(probe, wire, listeners, "the subscription to live on after a forgery")
    for listener in listeners:
        for delivered in listener.received:
            if (found := bodies.get(_mark(delivered))) is not None:
                subject, event = found
                probe.found(
                    f"a message on {subject} whose body belongs on {subject_of(event)} to reach "
                    "nobody",
                    f"{listener.entry.name} got it",
                    listener.entry,
                )


def _mark(event: Any) -> object:
    return event.id if isinstance(event, FlovynEvent) else getattr(event, "timestamp_ms", None)


@case("EVT-10", implicates={"altered", "phantom"}, profile="nats-wire")
async def events_of_other_writers_are_read(probe: Probe) -> None:
    """Sends events as other writers form them: each must be delivered."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    async with plain(probe) as wire:
        for what, change in WRITERS.items():
            event = probe.make.event(
                tenant,
                data={"text": "\u00e9\U0001f600 \u2028", "id": "x"},
                workflow=uuid4(),
                task=uuid4(),
                correlation_id="c-1",
            )
            await _is_read(probe, wire, listener, event, change(members_of(event)), what)
        for absent in OPTIONALS:
            event = probe.make.event(
                tenant,
                workflow=None if "workflow_execution_id" in absent else uuid4(),
                task=None if "task_execution_id" in absent else uuid4(),
                correlation_id=None if "correlation_id" in absent else "c-1",
            )
            body = json.dumps({k: v for k, v in members_of(event).items() if k not in absent})
            await _is_read(probe, wire, listener, event, body, f"without {' and '.join(absent)}")


@case("EVT-10", implicates={"altered", "phantom"}, profile="nats-wire")
async def stream_events_of_other_writers_are_read(probe: Probe) -> None:
    """Sends stream events as other writers form them: each must be delivered."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    async with plain(probe) as wire:
        for what, change in WRITERS.items():
            event = probe.make.stream_event(
                key, " \u00e9\U0001f600 \u2028\r\n", task=probe.make.key()
            )
            await _is_read(probe, wire, listener, event, change(members_of(event)), what)


async def _is_read(
    probe: Probe, wire: Wire, listener: Listener, event: Event, body: str, what: str
) -> None:
    await put(probe, wire, event, body.encode())
    await get(probe, listener, event, f"an event written {what} to be delivered: {body:.200}")
