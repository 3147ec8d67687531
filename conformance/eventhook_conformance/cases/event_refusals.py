"""EVT: publishes refused events, which must leave nothing behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import pytest

import eventhook_fixtures
from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    PublishError,
)
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_LARGEST_INTEGER: Final = 2**53 - 1
_LARGEST_TRIED: Final = 8 * 1024 * 1024


_SURROGATES: Final = ("\ud800", "\udfff", "a\udc00b", "\udc00\ud800", "ends\udbff")


@case("EVT-03", needs={"surrogates": (True,)}, implicates={"refused-seen"})
async def lone_surrogates_are_refused(probe: Probe) -> None:
    """Publishes lone surrogates in data, keys, source and correlation id: each must be refused."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for text in _SURROGATES:
        await probe.refuse(probe.make.event(tenant, data=text))
        await probe.refuse(probe.make.event(tenant, data={"list": ["é", {"deep": text}]}))
        await probe.refuse(probe.make.event(tenant, data={"é": {text: 1}}))
        await probe.refuse(probe.make.event(tenant, source=text))
        await probe.refuse(probe.make.event(tenant, correlation_id=text))
    await probe.fence(listener)


@case("EVT-05", implicates={"refused-seen"})
async def malformed_event_types_are_refused(probe: Probe) -> None:
    """Publishes malformed event types: each must be refused, and none delivered."""
    tenant, workflow = probe.make.tenant(), uuid4()
    everything = await probe.subscribe(EventPattern.all(tenant))
    narrow = await probe.subscribe(EventPattern.for_workflow(tenant, workflow))
    for one in eventhook_fixtures.load("event_types")["invalid"]:
        await probe.refuse(probe.make.event(tenant, one["value"], workflow=workflow))
    await probe.fence(everything, narrow)


def _refused(probe: Probe, tenant: UUID) -> list[FlovynEvent]:
    """Makes one publish of each refused kind."""
    return [
        probe.make.event(tenant, "created"),
        probe.make.event(tenant, "order.>"),
        probe.make.event(tenant, data={"ratio": math.nan}),
        probe.make.event(tenant, data={1: "one"}),
        probe.make.event(tenant, data={"when": {1, 2}}),
        _with(probe.make.event(tenant), source=None),
        _with(probe.make.event(tenant), timestamp_ms="now"),
    ]


@case("EVT-06", implicates={"refused-seen", "lost", "lost-first", "ended"})
async def refused_publish_leaves_the_bus_as_it_was(probe: Probe) -> None:
    """Publishes before, between and after refusals: two readers must get all valid events."""
    tenant = probe.make.tenant()
    waiting = await probe.subscribe(EventPattern.all(tenant))
    second = await probe.subscribe(EventPattern.all(tenant))
    neighbour = await probe.subscribe(EventPattern.all(probe.make.tenant()))
    await waiting.wait_reading()
    await probe.publish(probe.make.event(tenant))
    for refused in _refused(probe, tenant):
        await probe.refuse(refused)
        good = probe.make.event(tenant)
        await probe.publish(good)
        await waiting.receive(good)
        await second.receive(good)
        await waiting.wait_reading()
    await probe.fence(waiting, second, neighbour)
    entered_after = await probe.subscribe(EventPattern.all(tenant))
    await probe.fence(waiting, entered_after)


@case("EVT-06", implicates={"refused-seen", "lost", "lost-first", "ended"})
async def refused_publish_is_nobody_elses_trouble(probe: Probe) -> None:
    """Makes refused publishes beside other publishers on the same client: those must not be affected."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    chains = [[probe.make.event(tenant), probe.make.event(tenant)] for _ in range(2)]
    await probe.at_once(
        probe.burst(chains),
        *(probe.refuse(refused) for refused in _refused(probe, tenant)),
        probe.publish(probe.make.event(tenant)),
    )
    await probe.fence(listener)


def _sized(probe: Probe, tenant: UUID, size: int, filling: str = "x") -> FlovynEvent:
    """Returns an event of exactly that size on the wire."""
    return _filled(
        probe.make.event(tenant, "blob.stored", data={"body": "", "after": 1}), size, filling
    )


def _filled(event: FlovynEvent, size: int, filling: str) -> FlovynEvent:
    unit = len(msgspec.json.encode(filling)) - 2
    count, rest = divmod(size - len(event.to_json()), unit)
    return _with(event, data={"body": filling * count + "x" * rest, "after": 1})


@case("EVT-08", implicates={"altered", "lost", "lost-first", "ended"})
async def event_of_the_claimed_size_is_delivered(probe: Probe) -> None:
    """Publishes events around the sizes of usual buffers, up to the claim: each must be delivered."""
    claimed = min(probe.capabilities.max_event_bytes, _LARGEST_TRIED)
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    around = [edge + by for edge in (4096, 32768, 65536, 131072) for by in (-1, 0, 1)]
    for size in [*(size for size in around if size < claimed - 1), claimed - 1, claimed]:
        event = _sized(probe, tenant, size)
        await probe.publish(event)
        await listener.receive(event)
    await probe.fence(listener)


@case("EVT-08", implicates={"altered", "lost", "lost-first", "ended"})
async def event_of_any_size_is_delivered(probe: Probe) -> None:
    """Publishes events at and around each power of two in size: each must be delivered."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    most = min(probe.capabilities.max_event_bytes, _LARGEST_TRIED)
    sizes = [2**power + by for power in range(9, 18) for by in (-1, 0, 1)]
    for size in (size for size in sizes if size <= most):
        await probe.publish(event := _sized(probe, tenant, size))
        await listener.receive(event)
    await probe.fence(listener)


@case("EVT-06", implicates={"lost", "lost-first", "refused-seen"})
async def corrected_event_is_delivered(probe: Probe) -> None:
    """Publishes a refused event again, corrected, with the same id: it must be delivered."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for wrong in _refused(probe, tenant):
        good = probe.make.event(tenant, id=wrong.id)
        if isinstance(wrong.id, UUID):
            await probe.refuse(wrong)
            await probe.publish(good)
            await listener.receive(good)
    await probe.fence(listener)


@pytest.mark.parametrize(
    "filling",
    [
        pytest.param("é", id="two-bytes"),
        pytest.param("😀", id="four-bytes"),
        pytest.param('"', id="escaped"),
        pytest.param("\x00", id="escaped-long"),
    ],
)
@case("EVT-08", implicates={"altered", "lost", "lost-first", "ended"})
async def size_is_counted_in_bytes_of_the_wire_form(probe: Probe, filling: str) -> None:
    """Publishes events of the claimed size in multi-byte letters: each must be delivered."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    claimed = min(probe.capabilities.max_event_bytes, _LARGEST_TRIED)
    await probe.publish(_sized(probe, tenant, claimed, filling))
    await probe.fence(listener)


@case("EVT-08", implicates={"altered", "lost", "lost-first", "ended"})
async def any_part_of_an_event_may_be_the_large_one(probe: Probe) -> None:
    """Makes the source, correlation id or other parts large: each event must be delivered whole."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    third = min(probe.capabilities.max_event_bytes, _LARGEST_TRIED) // 3
    third = min(third, probe.make.spare_bytes)
    events = [
        probe.make.event(tenant, source="s" * third),
        probe.make.event(tenant, correlation_id="c" * third),
        probe.make.event(tenant, data=list(range(third // 8))),
        probe.make.event(tenant, data={f"key-{n}": n for n in range(third // 24)}),
        probe.make.event(tenant, data={"k" * third: None}),
    ]
    for event in events:
        await probe.publish(event)
        await listener.receive(event)
    await probe.fence(listener)


@case("EVT-08", implicates={"altered", "lost", "lost-first", "ended", "refused-seen"})
async def larger_event_is_whole_or_refused(probe: Probe) -> None:
    """Publishes events above the claimed size: each is whole or refused, and the client works on."""
    tenant = probe.make.tenant()
    claimed = probe.capabilities.max_event_bytes
    listener = await probe.subscribe(EventPattern.all(tenant))
    for size in (claimed + 1, claimed * 2, claimed * 5):
        if size <= _LARGEST_TRIED:
            await probe.fence(listener)
            text = probe.make.event(tenant, data="x" * size)
            for event in (_sized(probe, tenant, size), text):
                await probe.refuse(event, PublishError, InvalidEvent, unless_delivered=True)
        good = probe.make.event(tenant)
        await probe.publish(good)
        await listener.receive(good)
    entered_after = await probe.subscribe(EventPattern.all(tenant))
    await probe.fence(listener, entered_after)


def _with(event: FlovynEvent, **members: object) -> FlovynEvent:
    """Returns a copy with members of any type, unchecked."""
    return msgspec.structs.replace(event, **members)


_NO_JSON: Final[Mapping[str, tuple[Any, ...]]] = {
    "numbers": (math.nan, math.inf, -math.inf, 1 + 2j, Decimal("1.5")),
    "values": (
        *(b"bytes", bytearray(b"x"), {1, 2}, frozenset(), object(), range(3), print),
        *(datetime(2024, 1, 31, tzinfo=UTC), UUID(int=1), Exception("no"), ...),
    ),
    "keys": tuple({key: "value"} for key in (1, 1.5, None, True, b"key", ("a", "b"), UUID(int=1))),
}


@pytest.mark.parametrize("values", list(_NO_JSON))
@case("EVT-12", implicates={"refused-seen", "lost", "lost-first", "ended"})
async def what_is_no_json_is_refused(probe: Probe, values: str) -> None:
    """Publishes values without a JSON form, at each depth: each must be refused."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for value in _NO_JSON[values]:
        for data in (value, {"good": 1, "bad": value}, [[1, {"list": [value]}], 2]):
            await probe.refuse(probe.make.event(tenant, data=data))
    await probe.fence(listener)


_TOO_LARGE: Final = (2**53, -(2**53), 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30)


@case("EVT-12", implicates={"refused-seen", "altered", "lost", "lost-first", "ended"})
async def larger_integers_are_refused_or_kept(probe: Probe) -> None:
    """Publishes integers beyond 2^53: each must be refused or delivered exactly."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for number in _TOO_LARGE:
        events = [
            *(probe.make.event(tenant, data=data) for data in (number, {"id": number}, [[number]])),
            probe.make.event(tenant, timestamp_ms=number),
        ]
        for event in events:
            await probe.refuse(event, unless_delivered=True)
        await probe.fence(listener)


_WRONG_MEMBERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "id": ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 7, None, b"0123456789abcdef"),
    "tenant_id": (7, None, "tenant"),
    "workflow_execution_id": ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 7, "", False),
    "task_execution_id": ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 7, "", False),
    "event_type": (None, 7, b"order.created", ["order", "created"]),
    "source": (None, 7, b"suite", ["suite"]),
    "timestamp_ms": (None, "0", 1.5, True, math.nan, datetime(2024, 1, 31, tzinfo=UTC)),
    "correlation_id": (7, b"request", ["request"], UUID(int=1), False),
}


@pytest.mark.parametrize("member", list(_WRONG_MEMBERS))
@case("EVT-12", implicates={"refused-seen", "lost", "lost-first", "ended"})
async def member_of_the_wrong_type_is_refused(probe: Probe, member: str) -> None:
    """Publishes events with members of a wrong type: each must be refused."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    for value in _WRONG_MEMBERS[member]:
        await probe.refuse(_with(probe.make.event(tenant), **{member: value}))
    await probe.fence(listener)
