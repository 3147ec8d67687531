"""EVT: the event itself, delivered as it was published."""

from __future__ import annotations

import copy
from contextlib import suppress
from itertools import product
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

import eventhook_fixtures
from eventhook_conformance.cases._paced import deliver
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import OTHER, case, via

_LARGEST_INTEGER: Final = 2**53 - 1


@via
@case("EVT-01", implicates={"altered"})
async def every_field_arrives_as_published(probe: Probe, via: Via) -> None:
    """Every optional, none, each alone and each pair: no field depends on another."""
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
    """Empty texts are no absent ones, ids are of any version, names as long as they may be."""
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
        probe.make.event(tenant, source=_UPPER, correlation_id=_UPPER),
    ]
    await deliver(probe, events, listener)


def _nested(levels: int, *kinds: str) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = {"inner": value} if kinds[level % len(kinds)] == "object" else [value]
    return value


_KEYS: Final = (
    *("", " ", ".", "a.b", "a.b.c", ".a", "a.", "a b", 'quo"te', "apo'strophe", "back\\slash"),
    *("line\nend", "$set", "@type", "#", "a/b", "a~1b", "0", "-1", "null", "true", "[0]", "*"),
    *("id", "tenant_id", "data", "type", "event_type", "source", "timestamp_ms", "__proto__"),
)

_UPPER: Final = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"
_VALUES: Final[dict[str, list[Any]]] = {
    "empty": [{}, [], "", None, [[]], [{}], {"a": {}}, {"a": []}, {"a": ""}, {"a": None}, [None]],
    "nested": [
        _nested(32, "object"),
        _nested(32, "array"),
        _nested(32, "object", "array"),
        {"deep": _nested(31, "array"), "beside": 1},
        [_nested(31, "object"), _nested(3, "array"), "after"],
    ],
    "booleans": [True, False, [True, 1, False, 0], {"on": True, "off": False, "one": 1}],
    "integers": [
        *(0, 1, -1, 127, 128, 255, 256, -(2**31), 2**31, 2**32, -(2**32) - 1, 2**52 + 1),
        *(_LARGEST_INTEGER, -_LARGEST_INTEGER, _LARGEST_INTEGER - 1),
        {"id": _LARGEST_INTEGER, "list": [-_LARGEST_INTEGER, _LARGEST_INTEGER - 2]},
    ],
    "floats": [
        *(0.1, -0.1, 0.1 + 0.2, 1 / 3, 2 / 3, 1.5, -0.0, 1e-7, 123456789.12345679, 16777217.5),
        *(5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e300, 1e22, 4.35, 2.675),
        # Between 2^53 and 1e21 some write a float as an integer that no integer may be.
        *(1.2345678901234566e17, -9007199254740994.0, 1e20),
        {"latitude": 52.520006599999995, "list": [0.1, 0.2, 0.30000000000000004]},
    ],
    "keys": [
        *({key: "value"} for key in _KEYS),
        {key: {key: [key]} for key in _KEYS},
        {"a": {"b": 1}, "a.b": 2},
        {"A": 1, "a": 2, " a": 3, "a ": 4},
        {"z": 1, "y": {"x": 2, "w": 3}, "a": 4, "0": 5},
    ],
    "numbered": [
        {"0": "a", "1": "b", "2": "c"},
        {"1": 1, "0": 0},
        {"007": 1, "7": 2, "07": 3},
        {"1e3": 1, "1.0": 2, "-1": 3, "1000": 4},
        [{"0": [{"0": {}}]}],
    ],
    "digits": [
        *(
            "007",
            "00",
            "12",
            "-0",
            "+1",
            "1.0",
            "1.50",
            "0x10",
            "1_000",
            "9007199254740993",
            "٣",
            "½",
        ),
        ["007", 7, "7", 7.0, {"007": "007"}],
    ],
    "uuid-texts": [
        *(text for text in (_UPPER, _UPPER.lower(), _UPPER.replace("-", ""), f"{{{_UPPER}}}")),
        {
            _UPPER: _UPPER,
            "urn": f"urn:uuid:{_UPPER}",
            "nil": "00000000-0000-0000-0000-000000000000",
        },
    ],
    "times": [
        "2024-01-31T00:00:00Z",
        "2024-01-31T00:00:00.000+00:00",
        "2024-01-31",
        "12:00",
        "20240131",
    ],
    "prototypes": [
        {"__proto__": {"a": 1}, "b": 2},
        {"constructor": {"prototype": {}}, "toString": 1, "hasOwnProperty": None, "length": 0},
        [{"__proto__": None, "__class__": "x", "__dict__": {}}],
        {"$ref": "#/a", "$id": 1, "@class": "x", "_id": 2, "toJSON": "x", "then": "y"},
    ],
    "wide": [
        list(range(1025)),
        {f"key {number}": number for number in range(300)},
        {"list": [[]] * 300, "texts": ["x"] * 257},
        [*([None] * 1024), "last"],
    ],
    "long-texts": [
        *(
            "x" * size
            for size in (255, 256, 257, 1023, 1024, 1025, 4095, 4096, 32_766, 32_767, 32_768)
        ),
        *("é" * size for size in (128, 16_384, 32_767)),
        *("😀" * size for size in (64, 16_383, 16_384)),
    ],
    "look-alikes": [
        *("1", "0", "true", "null", "1e3", "NaN", "2024-01-31T00:00:00Z", "{}", "[1]", '"x"', " "),
        ["1", 1, "true", True, "null", None],
        {"tenant_id": "00000000-0000-0000-0000-000000000000", "id": 1, "timestamp_ms": 0},
    ],
}


@via
@pytest.mark.parametrize("values", list(_VALUES))
@case("EVT-02", implicates={"altered", "lost", "lost-first"})
async def any_json_value_arrives_unchanged(probe: Probe, values: str, via: Via) -> None:
    """Nobody may tidy up what an outside service sent."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    events = [probe.make.event(tenant, data=value) for value in _VALUES[values]]
    most = probe.capabilities.max_event_bytes
    await deliver(probe, [one for one in events if len(one.to_json()) <= most], listener, via=via)


_TEXTS: Final[dict[str, list[str]]] = {
    "astral": ["😀", "a😀b", "𝒳" * 40, "\U0010ffff", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "𠮷野家"],
    "combining": ["e\u0301", "\u00e9", "\u1e9b\u0323", "\u0301alone", "한글", "\u212b", "ﬁ", "ａ"],
    "right-to-left": ["שלום", "مرحبا 123", "\u202eabc\u202c", "\u200fmark", "a\u2067b\u2069"],
    "controls": [
        "\x00",
        "a\x00b",
        "ends\x00",
        "\x00starts",
        "\x01\x1f\x7f\x85",
        "\r\n\t\b\f",
        "\r",
    ],
    "separators": ["\u2028", "\u2029", "a\u2028b\u2029c", "\u00a0", " lead", "trail ", "a\n\nb"],
    "marks": ["\ufeffmark", "in\ufeffside", "\ufffd", "\uffff", "\u200b\u200d", '\\"', "\\u0041"],
    "case": ["İıIi", "ßẞSS", "Ǆǅǆ", "ΑΣς", "ŉ", "%41%00", "&amp;<b>", "${x}{{y}}", "caf\u00e9"],
}


@via
@pytest.mark.parametrize("texts", list(_TEXTS))
@case("EVT-03", implicates={"altered", "lost", "lost-first"})
async def text_keeps_all_of_unicode(probe: Probe, texts: str, via: Via) -> None:
    """In data, in its keys, in source and correlation id: not normalised, not cut, not replaced."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    events = [
        probe.make.event(
            tenant, data={text: [text, {"nested": text}]}, source=text, correlation_id=text
        )
        for text in _TEXTS[texts]
    ]
    events += [probe.make.event(tenant, data=text) for text in _TEXTS[texts]]
    await deliver(probe, events, listener, via=via)


def _order() -> dict[str, Any]:
    return {"order": {"lines": [{"sku": "a", "count": 1}], "note": "n"}, "tags": ["x"], "total": 3}


def _scribble(value: Any) -> None:
    """Changes whatever lets itself be changed, the innermost first."""
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            _scribble(inner)
    # To refuse is as good as to give everyone a copy.
    with suppress(Exception):
        if isinstance(value, dict):
            value["scribbled"] = True
        else:
            value.append("scribbled")
    with suppress(Exception):
        value.pop(next(iter(value)) if isinstance(value, dict) else 0)


def _scribble_on_received(listener: Listener) -> None:
    """Changes what was received; the history keeps a copy of how it came."""
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
    """Neither for who read it before, nor for who reads it later, nor for the publisher."""
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
    """A dict filled in for the next event is still being read as the last one's."""
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


@via
@case("EVT-05", implicates={"lost", "lost-first"})
async def well_formed_event_types_are_delivered(probe: Probe, via: Via) -> None:
    """The whole grammar, up to 255 bytes: what is allowed must work everywhere."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    types = [one["value"] for one in eventhook_fixtures.load("event_types")["valid"]]
    await deliver(probe, [probe.make.event(tenant, name) for name in types], listener, via=via)


_TIMES: Final = (
    *(
        0,
        1,
        -1,
        999,
        1000,
        1001,
        -62135596800000,
        1_700_000_000,
        1_700_000_000_123,
        253402300800000,
    ),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, -(2**31) - 1, -(2**32) - 1, 2**53 - 2),
    *(_LARGEST_INTEGER, -_LARGEST_INTEGER),
)


@via
@case("EVT-07", implicates={"altered", "lost", "lost-first", "reordered"})
async def timestamps_arrive_as_given(probe: Probe, via: Via) -> None:
    """Past, future and out of any calendar: the bus reads nothing into them, not even an order."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    times = probe.random.sample(_TIMES, len(_TIMES))
    await deliver(
        probe, [probe.make.event(tenant, timestamp_ms=time) for time in times], listener, via=via
    )


@via
@case("EVT-09", implicates={"lost", "lost-first"})
async def equal_content_is_another_event(probe: Probe, via: Via) -> None:
    """One after the other, at once, and with another between: each id counts."""
    tenant, workflow = probe.make.tenant(), uuid4()
    listener = await probe.subscribe(EventPattern.all(tenant))

    def tick() -> FlovynEvent:
        return probe.make.event(
            tenant, "webhook.github", data={"n": 1}, workflow=workflow, timestamp_ms=1, source="w"
        )

    await deliver(probe, [tick(), tick(), probe.make.event(tenant), tick()], listener, via=via)
    await probe.burst([[tick()], [tick()], [tick()]], via=via)
    await probe.fence(listener)


_FALSY: Final[dict[str, Any]] = {
    "null": None,
    "false": False,
    "zero": 0,
    "float-zero": 0.0,
    "empty-text": "",
    "empty-object": {},
    "empty-array": [],
}


@via
@case("EVT-11", implicates={"altered", "lost", "lost-first"})
async def falsy_data_is_delivered(probe: Probe, via: Via) -> None:
    """A counter at zero and a flag switched off are news; at the top, and inside."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    values = [*_FALSY.values(), _FALSY, list(_FALSY.values()), {"": None}, [[]], {"inner": _FALSY}]
    await deliver(
        probe, [probe.make.event(tenant, data=value) for value in values], listener, via=via
    )
