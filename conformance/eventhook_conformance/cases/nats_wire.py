"""NAT-01, -02, -07, EVT-10: reads by a plain client what the target publishes on NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import eventhook_fixtures
from eventhook_conformance.cases._nats import carrying, parsed, plain, subject_of
from eventhook_conformance.cases._nats_client import Watch, Wire
from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.cases._steps import either, yields
from eventhook_conformance.cases.stream import deliver as deliver_stream
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.contract.json_value import json_equal
from eventhook_conformance.history import Event, Publish
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case


@case("NAT-01")
async def events_go_out_on_their_subjects(probe: Probe) -> None:
    """Publishes events: each must go to its tenant's subject of the type, and to no other."""
    tenant = probe.make.tenant()
    vectors = eventhook_fixtures.load("subjects")["events"]
    sent = [(probe.make.event(tenant, one["type"]), one["subject"]) for one in vectors]
    sent = [(event, subject) for event, subject in sent if probe.make.carries(event)]
    async with plain(probe) as wire:
        watch = await wire.watch(">")
        listener = await probe.subscribe(EventPattern.all(tenant))
        await deliver(probe, [event for event, _ in sent], listener)
        await wire.barrier()
    for event, subject in sent:
        _expect_subject(probe, watch, str(event.id), event, subject.format(tenant=tenant))


@case("NAT-01")
async def streams_go_out_on_their_subjects(probe: Probe) -> None:
    """Publishes stream events: each must go to the subject of its key, and to no other."""
    task, key = probe.make.key(), probe.make.key()
    vectors = eventhook_fixtures.load("subjects")["streams"]
    sent = [(probe.make.stream_event(one["key"], _mark()), one["subject"]) for one in vectors]
    by_task = probe.make.stream_event(task, _mark(), task=task)
    by_workflow = probe.make.stream_event(key, _mark(), task=task)
    sent += [(event, subject_of(event)) for event in (by_task, by_workflow)]
    sent = [(event, subject) for event, subject in sent if probe.make.carries(event)]
    async with plain(probe) as wire:
        watch = await wire.watch(">")
        listener = await probe.subscribe(key)
        await deliver_stream(probe, [event for event, _ in sent], listener)
        await wire.barrier()
    for event, subject in sent:
        _expect_subject(probe, watch, event.payload, event, subject)


def _mark() -> str:
    return f"payload-{uuid4()}"


def _expect_subject(probe: Probe, watch: Watch, mark: str, event: Event, subject: str) -> None:
    seen = [message.subject for message in carrying(watch.messages, mark)]
    ours = [one for one in seen if one == subject or one.startswith("flovyn.")]
    if ours != [subject]:
        published = [one for one in probe.history.publishes if one.event is event]
        probe.found(
            f"one message on {subject}",
            f"it went out on {', '.join(seen)}" if seen else "no message with it on any subject",
            *published,
        )


@case("NAT-02", "EVT-10")
async def an_event_goes_out_in_its_wire_form(probe: Probe) -> None:
    """Publishes events: each body must have all members, null for absent ones, and UUIDs in lower case."""
    tenant, workflow, task = probe.make.tenant(), uuid4(), uuid4()
    data: list[Any] = [
        {"a.b c": [1, 2.5, -0.0, None, True, {}], "": '\u00e9\U0001f600\u2028 "quoted"'},
        None,
        0,
        "text",
    ]
    events = [
        probe.make.event(tenant, data=data[0], workflow=workflow, task=task, correlation_id="c-1"),
        probe.make.event(tenant, data=data[1]),
        probe.make.event(tenant, data=data[2], workflow=workflow, timestamp_ms=-1),
        probe.make.event(tenant, data=data[3], task=task, source="\U0001f600", timestamp_ms=0),
        probe.make.event(tenant, "a.b.c.d", correlation_id=""),
    ]
    async with plain(probe) as wire:
        watch = await wire.watch(">")
        listener = await probe.subscribe(EventPattern.all(tenant))
        await deliver(probe, events, listener)
        await wire.barrier()
    for event in events:
        _expect_wire_form(probe, watch, str(event.id), event)


@case("NAT-02", "EVT-10")
async def a_stream_event_goes_out_in_its_wire_form(probe: Probe) -> None:
    """Publishes stream events: each body must have their own members, and the type in upper case."""
    key = probe.make.key()
    payloads = ["", ' "a"\r\n\u2028\U0001f600', '{"type": 1}']
    events: list[StreamEvent] = [
        probe.make.stream_event(key, payload, kind, task=task, sequence=sequence)
        for payload in payloads
        for kind, task, sequence in (
            (StreamEventType.TOKEN, "", 0),
            (StreamEventType.PROGRESS, probe.make.key(), 7),
            (StreamEventType.DATA, key, -1),
            (StreamEventType.ERROR, "no uuid", 2**53 - 1),
        )
    ]
    async with plain(probe) as wire:
        watch = await wire.watch(">")
        listener = await probe.subscribe(key)
        await deliver_stream(probe, events, listener)
        await wire.barrier()
    for event in events:
        _expect_wire_form(probe, watch, str(event.timestamp_ms), event)


def _expect_wire_form(probe: Probe, watch: Watch, mark: str, event: Event) -> None:
    subject = subject_of(event)
    there = carrying(watch.messages, mark)
    bodies = [m.body for m in there] or [m.body for m in watch.messages if m.subject == subject]
    expected = f"a message whose body is {event.to_json().decode():.300}"
    if not bodies:
        probe.found(expected, f"no message carries it, and none came on {subject}")
        return
    try:
        members = parsed(bodies[0])
    except ValueError as error:
        probe.found(expected, f"{bodies[0]!r:.300}, of which a strict reader says: {error}")
        return
    if not json_equal(members, parsed(event.to_json())):
        probe.found(expected, f"{bodies[0].decode():.300}")


@case("NAT-07")
async def a_publish_has_reached_the_server_when_it_returns(probe: Probe) -> None:
    """Subscribes by another connection right after publish returned: only an earlier one gets the event."""
    tenant, key = probe.make.tenant(), probe.make.key()
    async with plain(probe) as wire:
        for _ in range(10):
            for event in (probe.make.event(tenant), probe.make.stream_event(key)):
                await _look_at_once(probe, wire, event)


@either
@case("NAT-07")
async def a_publish_of_any_kind_has_reached_the_server_when_it_returns(
    probe: Probe, via: Via
) -> None:
    """Publishes large, concurrent and another client's events: the server must have each on return."""
    tenant, key = probe.make.tenant(), probe.make.key()
    sizes = [size for size in (0, 9_000, 40_000, 100_000) if size < _room(probe)]
    async with plain(probe) as wire:
        for size in sizes:
            text = "x" * size
            for event in (
                probe.make.event(tenant, data=text),
                probe.make.stream_event(key, text),
            ):
                await _look_at_once(probe, wire, event, via)
        for _ in range(3):
            for event in (probe.make.event(tenant), probe.make.stream_event(key)):
                others = [probe.make.event(probe.make.tenant()) for _ in range(8)]
                await _look_at_once(probe, wire, event, via, beside=others)


def _room(probe: Probe) -> int:
    return probe.capabilities.max_event_bytes - 1024


async def _look_at_once(
    probe: Probe, wire: Wire, event: Event, via: Via = None, *, beside: Sequence[Event] = ()
) -> None:
    """Publishes an event, and reads the server right after; `beside` are under way meanwhile."""
    client, subject = await probe.client(via), subject_of(event)
    listener = await probe.subscribe(
        EventPattern.all(event.tenant_id)
        if isinstance(event, FlovynEvent)
        else event.workflow_execution_id
    )
    standing = await wire.watch(subject)

    async def publish_and_look() -> tuple[Publish, Watch]:
        others = [probe.spawn(probe.publish(one, via=via)) for one in beside]
        await yields(1)
        # No turn of the loop lies between: a client that sends in the background has not sent yet.
        [published] = await client.chain(probe.history, [(None, event, event)])
        late = wire.start_watch(subject)
        await wire.barrier()
        await asyncio.gather(*others)
        return published, late

    published, late = await probe.returns(publish_and_look(), "publish")
    if published.outcome != "ok":
        raise probe.aborted("publish to succeed", f"it raised {published.error}", published)
    probe.expect(
        bool(standing.messages),
        f"the server to have the event when publish returns, and to have sent it to who stood on "
        f"{subject}",
        "it answered a PING sent after that, and had sent nothing before",
        published,
    )
    await listener.receive(event)
    await wire.barrier()
    probe.expect(
        not late.messages,
        f"nothing on {subject} for who subscribed after publish had returned",
        "it got the event",
        published,
    )
    await listener.leave()
