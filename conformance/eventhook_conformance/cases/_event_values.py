"""Values that events have to carry unchanged: data, texts and times, by kind."""

from __future__ import annotations

from typing import Any, Final

_LARGEST_INTEGER: Final = 2**53 - 1


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

UPPER: Final = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"
VALUES: Final[dict[str, list[Any]]] = {
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
        # Some encoders write floats between 2^53 and 1e21 as integers, which are too large for integers.
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
        *(text for text in (UPPER, UPPER.lower(), UPPER.replace("-", ""), f"{{{UPPER}}}")),
        {
            UPPER: UPPER,
            "urn": f"urn:uuid:{UPPER}",
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
    "lists": [
        *(["b", "a", "c"], ["b", "a", "b", "a"], [3, 1, 2], [2, 1, 2, 1], [False, True, False]),
        *([[2], [1], [2]], [{"b": 1}, {"a": 2}], ["x"], [["x"]], {"only": ["x"]}, [0, None, "", 0]),
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


TEXTS: Final[dict[str, list[str]]] = {
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


TIMES: Final = (
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


FALSY: Final[dict[str, Any]] = {
    "null": None,
    "false": False,
    "zero": 0,
    "float-zero": 0.0,
    "empty-text": "",
    "empty-object": {},
    "empty-array": [],
}
