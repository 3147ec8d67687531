"""NAT-04: sends garbage that only a strict reader tells from an event."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._nats import members_of, plain, put_and_get, subject_of
from eventhook_conformance.cases.nats_reading import example_of, reach_nobody, selections_of
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_MUCH: Final = 130
_BITS: Final = (0, 20, 46, 63, 64, 95, 96, 127)
"""One place in each part of a UUID's text, the first and the last of it."""


@pytest.mark.parametrize("side", ["events", "streams"])
@case("NAT-04", implicates={"phantom", "altered", "leaked", "crossed", "repeated"})
async def garbage_that_is_nearly_an_event_is_skipped(probe: Probe, side: str) -> None:
    """Sends bodies with one wrong byte, digit or quote: each must be skipped, and the reader goes on."""
    tenant = probe.make.tenant()
    example = example_of(probe, side, tenant)
    listeners = [await probe.subscribe(pattern) for pattern in selections_of(example)]
    async with plain(probe) as wire:
        for what, body in _nearly(example).items():
            await wire.put(subject_of(example), body)
            await put_and_get(probe, wire, listeners, f"the subscription to live on after {what}")
    for listener in listeners:
        if listener.dropped:
            probe.found(
                f"`dropped` of {listener.entry.name} to be 0: garbage does not count as lost",
                f"it is {listener.dropped}",
                listener.entry,
                charge=("OVF-07",),
            )


@pytest.mark.parametrize("side", ["events", "streams"])
@case("NAT-04", implicates={"phantom", "lost", "lost-first", "ended"}, since="1.1")
async def garbage_is_skipped_however_much_it_is(probe: Probe, side: str) -> None:
    """Sends hundreds of invalid bodies, in a row and between events: each must be skipped."""
    tenant = probe.make.tenant()
    example = example_of(probe, side, tenant)
    listeners = [await probe.subscribe(pattern) for pattern in selections_of(example)]
    async with plain(probe) as wire:
        for count in (1, 8, _MUCH):
            for _ in range(count):
                await wire.put(subject_of(example), b"{}")
            after = f"the subscription to live on after {count} empty objects"
            await put_and_get(probe, wire, listeners, after)


@case("NAT-09", since="1.1")
async def a_body_of_a_tenant_that_is_alike_reaches_nobody(probe: Probe) -> None:
    """Sends bodies whose tenant differs from the subject's in one digit: none may be delivered."""
    tenant = probe.make.tenant()
    alike = [UUID(int=tenant.int ^ (1 << bit)) for bit in _BITS]
    patterns = [EventPattern.all(tenant), EventPattern.by_type(tenant, "task")]
    listeners = [await probe.subscribe(pattern) for pattern in patterns]
    listeners += [await probe.subscribe(EventPattern.all(one)) for one in (alike[0], alike[-1])]
    subject = f"flovyn.events.{tenant}.task.created"
    forged = [(subject, probe.make.event(one, "task.created")) for one in alike]
    await reach_nobody(probe, listeners, forged)


@case("NAT-08", since="1.1")
async def a_body_of_a_name_that_is_alike_reaches_nobody(probe: Probe) -> None:
    """Sends bodies whose key or type is similar to the subject's: none may be delivered."""
    tenant, key = probe.make.tenant(), f"Key-{probe.make.tenant().hex}"
    listeners = [
        await probe.subscribe(selects)
        for selects in (key, EventPattern.all(tenant), EventPattern.by_type(tenant, "task"))
    ]
    keys = [
        f"{key}0",
        key[:-1],
        key[1:],
        f"0{key}",
        f"k{key[1:]}",
        f"{key[:-1]}_",
        f"{key[:8]}x{key[9:]}",
    ]
    types = ("task.create", "task.createdx", "task.createe", "tasks.created", "ask.created")
    forged: list[tuple[str, Event]] = [
        (f"flovyn.streams.workflow.{key}", probe.make.stream_event(one)) for one in keys
    ]
    forged += [
        (f"flovyn.events.{tenant}.task.created", probe.make.event(tenant, one)) for one in types
    ]
    await reach_nobody(probe, listeners, forged)


def _nearly(example: Event) -> dict[str, bytes]:
    """Returns the event that a lenient reader makes of it."""
    whole = members_of(example)
    body, text = json.dumps(whole), "data" if "data" in whole else "payload"
    written = json.dumps({**whole, text: "@"})
    raw = {
        "a text with a byte that is no UTF-8": b"\xff",
        "a text with an overlong byte": b"\xc0\xaf",
        "a text with a surrogate in UTF-8": b"\xed\xa0\x80",
        "a text that ends within a character": b"\xe2\x82",
        "a text with a raw line break": b"\n",
        "a text with a raw NUL": b"\0",
        "a text with an escape that JSON lacks": b"\\x41",
    }
    garbage = {what: written.encode().replace(b"@", byte) for what, byte in raw.items()}
    when = next(name for name in whole if name in ("timestamp_ms", "timestampMs"))
    for number in ("01", "+1", "0x1", "1_0", "1.", ".5", "NaN", "Infinity", '"5"'):
        changed = json.dumps({**whole, when: "@"}).replace('"@"', number)
        garbage[f"{when}: {number}"] = changed.encode()
    if text == "data":
        for number in ("NaN", "-Infinity", "[NaN]", "undefined"):
            changed = json.dumps({**whole, text: "@"}).replace('"@"', number)
            garbage[f"data: {number}"] = changed.encode()
    else:
        garbage["a sequence as text"] = json.dumps({**whole, "sequence": "5"}).encode()
    garbage |= {
        "a comma too many": (body[:-1] + ",}").encode(),
        "a comment": (body + "// a").encode(),
        "a NUL behind": body.encode() + b"\0",
        "quotes of the other sort": body.replace('"', "'").encode(),
    }
    return garbage
