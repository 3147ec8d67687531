"""EVT: compares delivered events with the published ones."""

from __future__ import annotations

import copy
from contextlib import suppress
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

import eventhook_fixtures
from eventhook_conformance.cases._event_values import FALSY, TEXTS, TIMES, UPPER, VALUES
from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import OTHER, case, via


@via
@case("EVT-01", implicates={"altered"})
async def every_field_arrives_as_published(probe: Probe, via: Via) -> None:
    """Sets all optional fields, none, each and each pair: each event must arrive unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    everything = (True, True, True)
    # The last two stand side by side, so that nothing of one event may stay for the next.
    chosen = [*product((True, False), repeat=3), everything]
    events = [
        probe.make.event(
            tenant,
            "order.created",
            data={"order": 7},
            workflow=uuid4() if workflow else None,
            task=uuid4() if task else None,
            correlation_id="request-1" if correlation else None,
        )
        for workflow, task, correlation in chosen
    ]
    await deliver(probe, events, listener, via=via)


@case("EVT-01", implicates={"altered"})
async def unusual_fields_arrive_as_published(probe: Probe) -> None:
    """Publishes empty texts, ids of every version and long names: each must arrive unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    same = uuid4()
    time_based = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    events = [
        probe.make.event(tenant, correlation_id=""),
        probe.make.event(tenant, source=""),
        probe.make.event(tenant, source="", correlation_id="", data=""),
        probe.make.event(tenant, workflow=same, task=same, id=same),
        probe.make.event(tenant, workflow=time_based, task=UUID(int=0)),
        probe.make.event(tenant, workflow=tenant, correlation_id=str(tenant)),
        probe.make.event(tenant, "a." + "b" * 253, source="s" * 300, correlation_id="c" * 300),
        probe.make.event(tenant, source=" blanks ", correlation_id="\ttab\r\n"),
        probe.make.event(tenant, source="007", correlation_id="00"),
        probe.make.event(tenant, source="null", correlation_id="null", data="null"),
        probe.make.event(tenant, source=UPPER, correlation_id=UPPER),
    ]
    await deliver(probe, events, listener)


@via
@pytest.mark.parametrize("values", list(VALUES))
@case("EVT-02", implicates={"altered", "lost", "lost-first"})
async def any_json_value_arrives_unchanged(probe: Probe, values: str, via: Via) -> None:
    """Publishes every kind of JSON value as data: each must arrive unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    events = [probe.make.event(tenant, data=value) for value in VALUES[values]]
    await deliver(probe, events, listener, via=via)


@via
@pytest.mark.parametrize("texts", list(TEXTS))
@case("EVT-03", implicates={"altered", "lost", "lost-first"})
async def text_keeps_all_of_unicode(probe: Probe, texts: str, via: Via) -> None:
    """Puts all kinds of characters into data, keys, source and correlation id: all must come unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    events = [
        probe.make.event(
            tenant, data={text: [text, {"nested": text}]}, source=text, correlation_id=text
        )
        for text in TEXTS[texts]
    ]
    events += [probe.make.event(tenant, data=text) for text in TEXTS[texts]]
    await deliver(probe, events, listener, via=via)


def _order() -> dict[str, Any]:
    return {"order": {"lines": [{"sku": "a", "count": 1}], "note": "n"}, "tags": ["x"], "total": 3}


def _scribble(value: Any) -> None:
    """Changes all that can be changed, the innermost first."""
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            _scribble(inner)
    # To refuse is as good as to give everyone a copy.
    with suppress(Exception):
        value.pop(next(iter(value)) if isinstance(value, dict) else 0)
    with suppress(Exception):
        if isinstance(value, dict):
            value["scribbled"] = True
        else:
            value.append("scribbled")


def _scribble_on_received(listener: Listener) -> None:
    """Changes a received event; the history keeps a copy from before."""
    for delivery in listener.entry.deliveries:
        received = delivery.event if delivery.handed is None else delivery.handed
        delivery.event = copy.deepcopy(delivery.event)
        _scribble(getattr(received, "data", None) or {})
        for name, value in {
            "source": "scribbled",
            "correlation_id": "scribbled",
            "data": 0,
        }.items():
            with suppress(Exception):
                setattr(received, name, value)


@pytest.mark.parametrize("beside", ["same", pytest.param("other", marks=OTHER)])
@case("EVT-04", implicates={"altered"})
async def reader_changes_its_event_for_itself_alone(probe: Probe, beside: Via) -> None:
    """Changes a received event: other readers and the publisher must not see the change."""
    tenant = probe.make.tenant()
    scribe = await probe.subscribe(EventPattern.all(tenant))
    earlier = await probe.subscribe(EventPattern.by_type(tenant, "task"), beside)
    later = await probe.subscribe(EventPattern.all(tenant), beside)
    await earlier.wait_reading()
    events = [probe.make.event(tenant, data=data) for data in (_order(), [_order(), ["x"]])]
    handed = copy.deepcopy(events)
    await probe.publish(*handed)
    await earlier.receive(*events)
    await scribe.receive(*events)
    _scribble_on_received(scribe)
    await later.receive(*events)
    for event, own in zip(events, handed, strict=True):
        probe.expect(
            event == own,
            "the publisher's own event to stay as it made it",
            f"a subscriber's change reached it: {own.data!r:.200}",
        )
    await probe.fence(scribe, earlier, later)


@via
@case("EVT-04", implicates={"altered"})
async def publisher_changes_nothing_that_was_published(probe: Probe, via: Via) -> None:
    """Changes the data after publish returned: readers must get it as it was."""
    tenant = probe.make.tenant()
    unread = await probe.subscribe(EventPattern.all(tenant))
    waiting = await probe.subscribe(EventPattern.all(tenant))
    await waiting.wait_reading()
    event = probe.make.event(tenant, data=_order())
    await probe.publish(event, via=via)
    _scribble(event.data)
    counter: dict[str, Any] = {"count": 0, "seen": []}
    for number in range(3):
        counter["count"] = number
        counter["seen"].append(number)
        await probe.publish(probe.make.event(tenant, data=counter), via=via)
    counter.clear()
    await probe.fence(unread, waiting)


def _shapes() -> dict[str, Any]:
    """Returns containers that a copy may take for needless: empty, deep, large, many, and in lists."""
    deep: Any = {"bottom": []}
    for level in range(9):
        deep = [deep, {}] if level % 2 else {"deeper": deep}
    return {
        "empty": [],
        "nothing": {},
        "deep": deep,
        "lists": [[[]], [{}], [["x"]]],
        "many": [[number] for number in range(60)],
        "text": "x" * 9000,
    }


@via
@case("EVT-04", implicates={"altered"}, since="1.1")
async def no_shape_of_data_is_shared(probe: Probe, via: Via) -> None:
    """Changes deep and large data after publishing and reading: no other reader may see the change."""
    tenant = probe.make.tenant()
    scribe = await probe.subscribe(EventPattern.all(tenant))
    unread = await probe.subscribe(EventPattern.all(tenant))
    waiting = await probe.subscribe(EventPattern.by_type(tenant, "task"))
    await waiting.wait_reading()
    shapes = _shapes()
    events = probe.make.fitting(
        probe.make.event(tenant, data=data) for data in (shapes, *shapes.values())
    )[: max(1, probe.capabilities.event_capacity - 2)]
    await probe.publish(*events, via=via)
    for event in events:
        if isinstance(event.data, dict | list):
            _scribble(event.data)
    await scribe.receive(*events)
    _scribble_on_received(scribe)
    await probe.fence(unread, waiting)


@via
@case("EVT-05", implicates={"lost", "lost-first"})
async def well_formed_event_types_are_delivered(probe: Probe, via: Via) -> None:
    """Publishes every form of event type, up to 255 bytes: each must be delivered."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    types = [one["value"] for one in eventhook_fixtures.load("event_types")["valid"]]
    await deliver(probe, [probe.make.event(tenant, name) for name in types], listener, via=via)


@via
@case("EVT-07", implicates={"altered", "lost", "lost-first", "reordered"})
async def timestamps_arrive_as_given(probe: Probe, via: Via) -> None:
    """Publishes past, future and extreme times: each must arrive unchanged and in the order published."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    times = probe.random.sample(TIMES, len(TIMES))
    await deliver(
        probe, [probe.make.event(tenant, timestamp_ms=time) for time in times], listener, via=via
    )


@via
@case("EVT-09", implicates={"lost", "lost-first"})
async def equal_content_is_another_event(probe: Probe, via: Via) -> None:
    """Publishes events of equal content but other ids, in turn and at once: each must come."""
    tenant, workflow = probe.make.tenant(), uuid4()
    listener = await probe.subscribe(EventPattern.all(tenant))

    def tick() -> FlovynEvent:
        return probe.make.event(
            tenant, "webhook.github", data={"n": 1}, workflow=workflow, timestamp_ms=1, source="w"
        )

    await deliver(probe, [tick(), tick(), probe.make.event(tenant), tick()], listener, via=via)
    await probe.burst([[tick()], [tick()], [tick()]], via=via)
    await probe.fence(listener)


@via
@case("EVT-11", implicates={"altered", "lost", "lost-first"})
async def falsy_data_is_delivered(probe: Probe, via: Via) -> None:
    """Publishes 0, false and empty values, at the top and inside: each must arrive unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    values = [*FALSY.values(), FALSY, list(FALSY.values()), {"": None}, [[]], {"inner": FALSY}]
    await deliver(
        probe, [probe.make.event(tenant, data=value) for value in values], listener, via=via
    )
