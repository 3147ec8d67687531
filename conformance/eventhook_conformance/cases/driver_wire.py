"""EVT-10 for drivers: checks the wire form on the lines of the protocol, both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from eventhook_conformance.cases._nats import members_of, parsed
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.contract.json_value import json_equal
from eventhook_conformance.driver.backend import DriverBackend
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe, Undecided
from eventhook_conformance.specification import case

_DRIVER: Final[Mapping[str, tuple[Any, ...]]] = {"driver": (True,)}
_UNKNOWN: Final = {
    "version": 2,
    "extra": {"id": "x", "tenant_id": None},
    "eventType": "a.b",
    "": None,
}
_OPTIONALS: Final = (
    ("workflow_execution_id",),
    ("task_execution_id",),
    ("correlation_id",),
    ("workflow_execution_id", "task_execution_id", "correlation_id"),
)


def _capitals(members: dict[str, Any]) -> str:
    """Writes UUIDs in upper case, except in stream events, where they are plain text."""
    uuids = ("id", "tenant_id", "workflow_execution_id", "task_execution_id")
    given = [name for name in uuids if "tenant_id" in members and members.get(name)]
    return json.dumps({**members, **{name: members[name].upper() for name in given}})


_WRITERS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "as it is": json.dumps,
    "with its members the other way round": lambda its: json.dumps(dict(reversed(its.items()))),
    "with unknown members": lambda its: json.dumps({**_UNKNOWN, **its, "zz": [1]}),
    "with its UUIDs in capitals": _capitals,
    "without escapes": lambda its: json.dumps(its, ensure_ascii=False),
    "with escapes in its names": lambda its: json.dumps(its).replace('"t', '"\\u0074'),
}


async def _backend(probe: Probe) -> DriverBackend:
    backend = (await probe.client()).backend
    if not isinstance(backend, DriverBackend):
        raise Undecided("the target claims to be a driver, but is not one")
    return backend


@contextmanager
def _lines(backend: DriverBackend) -> Iterator[list[bytes]]:
    """Records the lines with events within the block."""
    lines: list[bytes] = []
    backend.on_wire = lines.append
    try:
        yield lines
    finally:
        backend.on_wire = None


def _full(probe: Probe) -> FlovynEvent:
    return probe.make.event(
        probe.make.tenant(),
        data={"a.b c": [1, 2.5, None, True, {}], "": '\u00e9\U0001f600\u2028 "quoted"'},
        workflow=uuid4(),
        task=uuid4(),
        correlation_id="c-1",
    )


@case("EVT-10", profile="events", needs=_DRIVER, implicates={"altered"})
async def events_come_back_in_their_wire_form(probe: Probe) -> None:
    """Reads the driver's lines: events must have all members, null for absent ones, UUIDs in lower case."""
    backend = await _backend(probe)
    full = _full(probe)
    bare = probe.make.event(full.tenant_id, timestamp_ms=-1)
    listener = await probe.subscribe(EventPattern.all(full.tenant_id))
    with _lines(backend) as lines:
        await probe.publish(full, bare)
        await listener.receive(full, bare)
    for event in (full, bare):
        _expect_wire_form(probe, event, str(event.id), lines)


@case("EVT-10", profile="streams", needs=_DRIVER, implicates={"altered"})
async def stream_events_come_back_in_their_wire_form(probe: Probe) -> None:
    """Reads the driver's lines: stream events must have their own members, and the type in upper case."""
    backend = await _backend(probe)
    events = [
        probe.make.stream_event(probe.make.key(), payload, task=task)
        for payload, task in (("", ""), (' "a"\r\n\u2028\U0001f600', probe.make.key()))
    ]
    with _lines(backend) as lines:
        for event in events:
            listener = await probe.subscribe(event.workflow_execution_id)
            await probe.publish(event)
            await listener.receive(event)
    for event in events:
        _expect_wire_form(probe, event, event.workflow_execution_id, lines)


def _expect_wire_form(probe: Probe, event: Event, mark: str, lines: list[bytes]) -> None:
    # Capitals are a breach to be shown, not a reason not to find the event.
    carrying = [line for line in lines if mark.encode() in line.lower()]
    expected = f"`next` to answer {event.to_json().decode():.300}"
    if not carrying:
        probe.found(expected, "no event on a line carries it")
        return
    try:
        members = parsed(carrying[0])
    except ValueError as error:
        probe.found(expected, f"{carrying[0]!r:.300}, of which a strict reader says: {error}")
        return
    if not json_equal(members, members_of(event)):
        probe.found(expected, f"{carrying[0].decode():.300}")


@case("EVT-10", profile="events", needs=_DRIVER, implicates={"altered", "lost", "lost-first"})
async def events_of_other_writers_are_taken(probe: Probe) -> None:
    """Publishes events as other writers form them: the driver must accept and deliver each."""
    event = _full(probe)
    listener = await probe.subscribe(EventPattern.all(event.tenant_id))
    for what, change in _WRITERS.items():
        event = probe.make.event(
            event.tenant_id,
            data={"text": "\u00e9\U0001f600 \u2028", "id": "x"},
            workflow=uuid4(),
            task=uuid4(),
            correlation_id="c-1",
        )
        await _is_taken(probe, listener, event, change(members_of(event)), what)
    for absent in _OPTIONALS:
        event = probe.make.event(
            event.tenant_id,
            workflow=None if "workflow_execution_id" in absent else uuid4(),
            task=None if "task_execution_id" in absent else uuid4(),
            correlation_id=None if "correlation_id" in absent else "c-1",
        )
        text = json.dumps({k: v for k, v in members_of(event).items() if k not in absent})
        await _is_taken(probe, listener, event, text, f"without {' and '.join(absent)}")


@case("EVT-10", profile="streams", needs=_DRIVER, implicates={"altered", "lost", "lost-first"})
async def stream_events_of_other_writers_are_taken(probe: Probe) -> None:
    """Publishes stream events as other writers form them: the driver must accept and deliver each."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    for what, change in _WRITERS.items():
        event = probe.make.stream_event(key, " \u00e9\U0001f600 \u2028\r\n", task=probe.make.key())
        await _is_taken(probe, listener, event, change(members_of(event)), what)


async def _is_taken(probe: Probe, listener: Listener, event: Event, text: str, what: str) -> None:
    """Expects that an event of this form is published, and delivered unchanged."""
    client = await probe.client()
    backend = await _backend(probe)
    method = "publish" if isinstance(event, FlovynEvent) else "publish_stream"
    sending = probe.returns(
        backend.publish(method, text.encode()), f"`{method}` of an event written {what}"
    )
    await probe.publish_elsewhere(event, sending, client.name)
    await listener.receive(event)


@case("EVT-10", profile="events", needs=_DRIVER)
async def patterns_of_other_writers_are_taken(probe: Probe) -> None:
    """Subscribes with patterns as other writers form them: each must select the same events."""
    backend = await _backend(probe)
    event = _full(probe)
    whole = EventPattern(
        tenant_id=event.tenant_id,
        workflow_execution_id=event.workflow_execution_id,
        task_execution_id=event.task_execution_id,
        event_type_prefix=event.event_type,
        source=event.source,
    )
    members: dict[str, Any] = json.loads(whole.to_json())
    written = {
        "as it is": json.dumps(members),
        "with its members the other way round": json.dumps(dict(reversed(members.items()))),
        "with unknown members": json.dumps({**_UNKNOWN, **members}),
        "with its UUIDs in capitals": _capitals(members),
        "without its filters": json.dumps({"tenant_id": members["tenant_id"]}),
    }
    for what, text in written.items():
        entering = backend.subscription("subscribe", b',"pattern":' + text.encode(), FlovynEvent)
        subscription = await probe.returns(
            entering.__aenter__(), f"`subscribe` with a pattern written {what}"
        )
        await probe.publish(event)
        got = await probe.returns(
            subscription.__anext__(), f"the read of what a pattern written {what} selects"
        )
        probe.expect(got == event, f"the event that a pattern written {what} selects", f"{got!r}")
        await probe.returns(entering.__aexit__(None, None, None), "leaving")
