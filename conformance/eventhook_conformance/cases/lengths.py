"""EVT, STR: uses the lengths at which buffers and limits lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.cases.stream import deliver as deliver_on_stream
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_LONGEST: Final = 16
"""The longest text, as a power of two."""
_FEWER: Final = 13
_MOST: Final = 9
"""The most members, as a power of two: each takes time."""


def _lengths(most: int) -> list[int]:
    """Returns round numbers and powers of two from 8 on, each plus one, and the latter minus one too."""
    tens = (1, 5, 10, 20, 50, 100, 200, 400, 500, 800, 1_000, 1_600, 2_000, 3_200, 5_000, 6_400)
    round_numbers = {number + by for ten in tens if (number := 10 * ten) < 2**most for by in (0, 1)}
    return sorted(
        round_numbers | {2**power + by for power in range(3, most + 1) for by in (-1, 0, 1)}
    )


_DATA: Final[Mapping[str, tuple[int, Callable[[int], Any]]]] = {
    "text": (_LONGEST, lambda length: {"text": "x" * (length - 1) + "y", "after": 1}),
    "name of a member": (_FEWER, lambda length: {"n" * (length - 1) + "z": length}),
    "list": (_MOST, lambda length: list(range(length))),
    "object": (_MOST - 1, lambda length: {f"{number}": number for number in range(length)}),
}


@pytest.mark.parametrize("what", list(_DATA))
@case("EVT-02", implicates={"altered", "lost", "lost-first", "ended"}, since="1.1")
async def data_of_any_length_is_delivered(probe: Probe, what: str) -> None:
    """Publishes data of lengths around those of counters, buffers and pages: each must come whole."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    most, make = _DATA[what]
    events = [probe.make.event(tenant, data=make(length)) for length in _lengths(most)]
    claimed = probe.capabilities.max_event_bytes
    await deliver(probe, [one for one in events if len(one.to_json()) <= claimed], listener)


@pytest.mark.parametrize("what", ["letters", "letters of two bytes", "line ends"])
@case("STR-05", implicates={"altered", "lost", "lost-first", "ended"}, since="1.1")
async def payload_of_any_length_is_delivered(probe: Probe, what: str) -> None:
    """Publishes payloads of lengths around those of counters, buffers and pages: each must come whole."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    letter = {"letters": "x", "letters of two bytes": "\u00e9", "line ends": "\n"}[what]
    most = _LONGEST if letter == "x" else _FEWER
    texts = [letter * (length - 1) + "y" for length in _lengths(most)]
    events = [probe.make.stream_event(key, text) for text in texts]
    claimed = probe.capabilities.max_event_bytes
    some = [one for one in events if len(one.to_json()) <= claimed]
    await deliver_on_stream(probe, some, listener)
