"""EVT, STR: uses texts with a meaning in other notations, and fields that are equal."""

from __future__ import annotations

from itertools import combinations
from typing import Final
from uuid import uuid4

from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.cases.stream import deliver as deliver_streams
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_TEXTS: Final = (
    *("</script>", "a</b", "<\\/b>", "<!-- a -->", "]]>", "<br/>", "&lt;", "&#39;", "a & b"),
    *("\\n", "\\\\", "\\", '"', '\\"', "\\u00e9", "\\ud83d\\ude00", "\\x00", "\\/", "/", "//a//"),
    *("%", "%25", "%zz", "a+b c", "a=b&c=d", "?q=1#h", "=?utf-8?q?a?=", "Zm9v", "Zm9vYg=="),
    *("data: x\n\n", ":comment", "event: x\ndata: y", "\n\n", "\r", "a\rb", "\x1e", "\x1f", "\x85"),
    *("\u00a0x\u00a0", "\u3000", "\u2003x", "\u200bx\u200b", "x\u00ad", "\v", "\f", "\t"),
    *("INF", "-Infinity", "nan", "undefined", "None", "nil", "NULL", "yes", "off", "TRUE", "~"),
    *("1,5", "1'000", "0b1", "0o7", "1n", "-", "+", ".", "..", "../a", "$a", "$1", "${a}", "{a}"),
    *(
        "%s",
        "%(a)s",
        "{{a}}",
        "`a`",
        "'a'",
        '"a"',
        '"a b"',
        "(a)",
        "<a>",
        "a;b",
        "--",
        "#",
        "a,b\nc,d",
        "[1,2]",
        "{'a': 1}",
    ),
    *('"a"', '"a b"', "(a)", "<a>", "[a]", "|a|"),
    *("[object Object]", "b'a'", "0000-00-00", "1970-01-01T00:00:00Z", "P1D", "12:00:00"),
)


@case("EVT-03", "EVT-02", implicates={"altered", "lost", "lost-first"})
async def texts_of_other_notations_arrive_unchanged(probe: Probe) -> None:
    """Puts texts of other notations into data, keys, source and correlation id: all must come unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    make = probe.make.event
    events = [
        make(tenant, data={text: [text, {"a": text}]}, source=text, correlation_id=text)
        for text in _TEXTS
    ]
    await deliver(probe, [*events, *(make(tenant, data=text) for text in _TEXTS)], listener)


@case("STR-05", implicates={"altered", "lost", "lost-first"})
async def payloads_of_other_notations_arrive_unchanged(probe: Probe) -> None:
    """Puts texts of other notations into payloads and task names: all must come unchanged."""
    key, kinds = probe.make.key(), list(StreamEventType)
    reader = await probe.subscribe(key)
    events = [
        probe.make.stream_event(key, text, kinds[place % len(kinds)], task=text)
        for place, text in enumerate(_TEXTS)
    ]
    await deliver_streams(probe, events, reader)


@case("EVT-01", implicates={"altered", "lost", "lost-first"})
async def fields_that_are_equal_arrive_unchanged(probe: Probe) -> None:
    """Makes two fields of an event equal: both must come unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    make, events = probe.make.event, list[FlovynEvent]()
    for names in combinations(("id", "tenant", "workflow", "task"), 2):
        shared = tenant if "tenant" in names else uuid4()
        text, ids = str(shared), dict.fromkeys(names, shared)
        own, workflow, task = (ids.get(name) for name in ("id", "workflow", "task"))
        events += [
            make(tenant, source=text, id=own, workflow=workflow, task=task),
            make(tenant, correlation_id=text, data=text, id=own, workflow=workflow, task=task),
        ]
    events += [
        make(tenant, source="task.created", correlation_id="task.created"),
        make(tenant, source="same", correlation_id="same", data="same"),
        make(tenant, data={"source": "suite", "data": {"data": None}}),
    ]
    await deliver(probe, events, listener)


@case("STR-01", implicates={"altered", "lost", "lost-first"})
async def stream_fields_that_are_equal_arrive_unchanged(probe: Probe) -> None:
    """Makes two fields of a stream event equal: both must come unchanged."""
    key = probe.make.key()
    reader = await probe.subscribe(key)
    make, events = probe.make.stream_event, list[StreamEvent]()
    for kind in StreamEventType:
        events += [
            make(key, key, kind, task=key),
            make(key, kind.value, kind, task=kind.value),
            make(key, "same", kind, task="same"),
            make(key, kind.value.lower(), kind, task=""),
        ]
    await deliver_streams(probe, events, reader)


_LENGTHS: Final = (63, 64, 65, 127, 128, 129, 255, 256, 257, 1025)
"""Lengths of texts without a limit of their own."""


@case("EVT-03", "EVT-01", implicates={"altered", "lost", "lost-first"})
async def long_names_arrive_unchanged(probe: Probe) -> None:
    """Uses long sources and correlation ids that differ at the end only: each must come unchanged."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    make = probe.make.event
    texts = ["x" * (length - 1) + end for length in _LENGTHS for end in "ab"]
    events = [make(tenant, source=text, correlation_id=text[::-1]) for text in texts]
    await deliver(probe, events, listener)


@case("STR-01", implicates={"altered", "lost", "lost-first"})
async def long_names_of_tasks_arrive_unchanged(probe: Probe) -> None:
    """Uses long task names that differ at the end only: each must come unchanged."""
    key = probe.make.key()
    reader = await probe.subscribe(key)
    texts = ["x" * (length - 1) + end for length in _LENGTHS for end in "ab"]
    await deliver_streams(
        probe, [probe.make.stream_event(key, "x", task=text) for text in texts], reader
    )
