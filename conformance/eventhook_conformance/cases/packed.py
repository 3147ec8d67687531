"""EVT-02, EVT-03, STR-05: packs hundreds of small values into few events, as other notations read them."""

from __future__ import annotations

import string
from typing import Any, Final

from eventhook_conformance.cases._event_values import VALUES
from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.cases.stream import deliver as deliver_streams
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_MARKS: Final = (*string.punctuation, " ", "\t", "\n", "\r", "\0", "\u00a0", "\u2028", "\u200b")
_AROUND: Final = (
    *(
        "{0}",
        "{0}{0}",
        "{0}{0}{0}",
        "a{0}b",
        "a{0}{0}b",
        "{0}a",
        "a{0}",
        "{0}a{0}",
        "{0}{0}a{0}{0}",
    ),
    *("{0}1", "1{0}", "1{0}2", "{0}n", "{0}0{0}"),
)
_PAIRS: Final = ("()", "[]", "{}", "<>", "''", '""', "``", "//", "%%", "$$", "<!", "{%", "#{", "${")
_TEXTS: Final = tuple(
    dict.fromkeys(
        [
            *(around.format(mark) for mark in _MARKS for around in _AROUND),
            *(f"{one}{inner}{other}" for one, other in _PAIRS for inner in ("", "a", "a b", "1")),
            *(f"{one * 2}a{other * 2}" for one, other in _PAIRS),
        ]
    )
)
"""Each mark alone, doubled, within, before, behind and around letters and digits."""

_NUMBER: Final = "1"
_OBJECTS: Final[tuple[Any, ...]] = (
    *({f"${name}": _NUMBER} for name in ("numberLong", "numberInt", "numberDouble", "oid", "ref")),
    *({f"${name}": {"$numberLong": _NUMBER}} for name in ("date", "timestamp", "numberDecimal")),
    *({f"${name}": "eA=="} for name in ("binary", "uuid", "regex", "code", "symbol", "type", "id")),
    *({f"${name}": 1} for name in ("minKey", "maxKey", "undefined", "set", "inc", "date", "eq")),
    *({f"@{name}": "x"} for name in ("type", "id", "class", "value", "attributes", "context")),
    *({name: _NUMBER} for name in ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS")),
    *({f"__{name}__": "x"} for name in ("type", "class", "datetime", "complex", "dict", "ref")),
    *({f"_{name}": "x"} for name in ("id", "type", "t", "v", "rev", "source", "class")),
    *({name: "x"} for name in ("#text", "$", "_", "value", "py/object", "!type", "%type", "nil")),
    {"type": "Buffer", "data": [1, 2]},
    {"seconds": 1, "nanos": 2},
    {"year": 2024, "month": 1, "day": 31},
    {"real": 1.5, "imag": 0.5},
    {"json": {"a": 1}, "meta": {"values": {"a": ["undefined"]}}},
    {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": {"a": 1}},
    {"jsonrpc": "2.0", "id": 1, "result": {}},
    {"key": "k", "value": "v"},
    [{"key": "k", "value": "v"}, {"key": "k", "value": "w"}],
    [["a", 1], ["b", 2]],
    {"length": 2, "0": "a", "1": "b"},
    {"error": None},
)
"""Objects that stand for something else in another notation: with one member alone, or with all."""

_SCALARS: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 255, 256, 1.5, -0.5, 0.1, 100, 10_000_000, 1e-9, 1e25),
    *(2**31 - 1, -(2**31), 2**32, 2**53 - 1, 1 - 2**53, "", "x", "0", "1.0", "true", [], {}),
]
_LEVELS: Final = 8
_KINDS: Final = ("booleans", "integers", "floats", "digits", "uuid-texts", "times", "lists")


def _at_each_depth(value: Any) -> Any:
    """Returns the value at each of several depths, beside what lies deeper."""
    nested = value
    for level in range(_LEVELS):
        nested = {"here": value, "deeper": nested} if level % 2 else [value, nested]
    return nested


@case("EVT-02", "EVT-03", implicates={"altered", "lost", "lost-first"}, since="1.1")
async def packed_values_arrive_unchanged(probe: Probe) -> None:
    """Publishes marks and objects of other notations at each depth: all must come unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    joined = "x".join(_TEXTS)
    events = [
        probe.make.event(tenant, data=list(_TEXTS), source=joined, correlation_id=joined),
        probe.make.event(tenant, data={text: text for text in _TEXTS}),
        probe.make.event(tenant, data=list(_OBJECTS)),
        *(probe.make.event(tenant, data=one) for one in _OBJECTS),
        probe.make.event(tenant, data=_at_each_depth(_SCALARS)),
        probe.make.event(tenant, data=_at_each_depth({str(n): v for n, v in enumerate(_SCALARS)})),
        probe.make.event(tenant, data={kind: VALUES[kind] for kind in _KINDS}),
    ]
    await deliver(probe, events, listener)


@case("STR-05", implicates={"altered", "lost", "lost-first"}, since="1.1")
async def packed_payloads_arrive_unchanged(probe: Probe) -> None:
    """Publishes marks of other notations in payloads and task names: all must come unchanged."""
    key = probe.make.key()
    reader = await probe.subscribe(key)
    joined = "x".join(_TEXTS)
    some = _TEXTS[probe.random.randrange(8) :: 8]
    events = [probe.make.stream_event(key, joined, task=joined)]
    events += [probe.make.stream_event(key, text, task=text) for text in some]
    await deliver_streams(probe, events, reader)
