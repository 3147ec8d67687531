"""Draws JSON values and texts of every kind, each from a number."""

from __future__ import annotations

from random import Random
from typing import Any, Final

_TEXTS: Final = (
    *(
        "",
        " ",
        "a\x00b",
        "\ufeffx",
        "e\u0301",
        "\u00e9",
        "\u2028",
        "a\r\nb",
        "x\n\n",
        '"q"',
        "\\u0041",
    ),
    *(
        "007",
        "1e3",
        "null",
        "true",
        "\U0001f600",
        "\u05d0\u05d1",
        "{}",
        "[1]",
        "a.b",
        "*",
        ">",
        "NaN",
    ),
    *("2024-01-01T00:00:00+00:00", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "12345678901234567"),
)
_NUMBERS: Final = (
    0,
    1,
    -1,
    2**31,
    2**32 + 1,
    2**53 - 1,
    1 - 2**53,
    0.1,
    1e-7,
    1e21,
    5e-324,
    1.5e308,
)
_DEEP: Final = 30
_LONG: Final = (0, 1, 2, 255, 300)


def draw_text(random: Random) -> str:
    """Returns a text: one with a meaning elsewhere, one of any letters, or a long one."""
    kind = random.randrange(4)
    if kind < 2:
        return random.choice(_TEXTS)
    if kind == 2:
        return "".join(chr(_letter(random)) for _ in range(random.randrange(1, 9)))
    return random.choice(_TEXTS) + "x" * random.choice(_LONG)


def _letter(random: Random) -> int:
    """Returns any code point but a surrogate's."""
    point = random.randrange(random.choice((0x80, 0x800, 0x10000, 0x110000)))
    return point if not 0xD800 <= point < 0xE000 else 0xE000


def draw_value(random: Random, depth: int = 0) -> Any:
    """Returns any JSON value; small, deep, or with many members."""
    kind = random.randrange(9)
    if kind == 0 and not depth:
        return _nested(random)
    if kind == 1 and depth < 3:
        return {
            draw_text(random): draw_value(random, depth + 1) for _ in range(random.randrange(4))
        }
    if kind == 2 and depth < 3:
        return [draw_value(random, depth + 1) for _ in range(random.randrange(4))]
    if kind == 3 and not depth:
        many = random.choice((70, 300, 1100))
        return list(range(many)) if random.random() < 0.5 else {f"k{n}": n for n in range(many)}
    if kind < 6:
        return draw_text(random)
    if kind == 6:
        return random.choice((None, True, False, [], {}))
    drawn = (random.choice(_NUMBERS), random.random(), random.randrange(-(2**53) + 1, 2**53))
    return random.choice(drawn)


def _nested(random: Random) -> Any:
    value: Any = draw_text(random)
    for _ in range(random.randrange(1, _DEEP)):
        value = [value] if random.random() < 0.5 else {draw_text(random): value}
    return value
