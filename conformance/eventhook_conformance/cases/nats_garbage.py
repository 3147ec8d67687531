"""NAT-04: garbage that only a strict reader tells from an event."""

from __future__ import annotations

import json

import pytest

from eventhook_conformance.cases._nats import members_of, plain, put_and_get, subject_of
from eventhook_conformance.cases.nats_reading import example_of, selections_of
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case


@pytest.mark.parametrize("side", ["events", "streams"])
@case("NAT-04", implicates={"phantom", "altered", "leaked", "crossed", "repeated"})
async def garbage_that_is_nearly_an_event_is_skipped(probe: Probe, side: str) -> None:
    """Of one byte, one digit, one quote too many: nobody makes good what somebody sent."""
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
                f"`dropped` of {listener.entry.name} to be 0: garbage is no event that is lost",
                f"it is {listener.dropped}",
                listener.entry,
                charge=("OVF-07",),
            )


def _nearly(example: Event) -> dict[str, bytes]:
    """Returns what a lenient reader takes for the event."""
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
