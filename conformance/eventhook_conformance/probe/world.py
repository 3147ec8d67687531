"""Draws, by a seed, values that a case does not care about: ids, keys, data, texts and times.

The same seed and case draw the same kinds in the same order. The bits of ids are fresh all the same, so
that two runs on one bus never meet.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.contract.events import now_ms

_BITS: Final = Random()
os.register_at_fork(after_in_child=_BITS.seed)  # or a child would go on with the same ids

_HALF: Final = (1 << 64) - 1
_NIL: Final = UUID(int=0)
_UPPER: Final = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"

_DATA: Final[tuple[Any, ...]] = (
    *(None,) * 24,
    *(0, 1, -1, 7, 255, 256, 2**31, 2**53 - 1, -0.0, 0.1, 1e300, True, False),
    *("", "x", "007", "null", "true", "1e3", _UPPER, "é😀", "a\nb", " ", "x" * 256),
    *(
        {},
        [],
        {"a": 1},
        [None],
        {"": ""},
        {"0": 0, "1": 1},
        {"007": "7"},
        [[], {}],
        {"a": {"b": []}},
    ),
    *({"__proto__": {"a": 1}}, {"constructor": None}, {"b": 1, "a": 2}, {"a.b": [1.5, "1.5"]}),
    *({"id": _UPPER}, ["x"] * 9, [[[]]]),
)
_SOME_MS: Final = (0, 1, -1, 999, 2**31, 2**32 + 1, -(2**32), 2**53 - 1, 1_700_000_000_000)
_CORRELATIONS: Final = (*(None,) * 9, "", "request-1", "007", _UPPER, "é", " ", "null")
_PAYLOADS: Final = (
    *("token", "token", "token", "", " ", "Hello", " world", "\n", "a\r\nb", "007", "50", "{}"),
    *('{"b": 1, "a":2}', "null", "é😀", _UPPER),
)
_SEQUENCES: Final = (0, 0, 0, 1, 1, 2, 5, 1000)
_TASKS: Final = ("", "", "", "", str(_NIL), _UPPER, "007", "task")
_TYPES: Final[tuple[StreamEventType, ...]] = (*(StreamEventType.TOKEN,) * 3, *StreamEventType)


class World:
    """Draws what a case leaves open.

    Args:
        random: draws the kinds.
    """

    def __init__(self, random: Random) -> None:
        self._bits = random.getrandbits
        self._last = self._fresh()
        self._workflows = (*(None,) * 5, self.identifier(), self.identifier(), _NIL)
        self._tasks = (*(None,) * 5, self.identifier(), self.identifier(), _NIL)
        self._last_ms = now_ms()

    def identifier(self) -> UUID:
        """Returns a fresh id: mostly of version 4; else of another, or sharing a half with the last."""
        kind, number = self._bits(4), self._fresh()
        if kind == 0:
            number = (self._last & ~_HALF) | (number & _HALF)
        elif kind == 1:
            number = (number & ~_HALF) | (self._last & _HALF)
        elif kind == 2:  # of version 1 or 7, as clocks make them
            number = number & ~(0xF << 76) | ((1 if self._bits(1) else 7) << 76)
        elif kind == 3:  # the same first eight digits, or the same last twelve
            mask = ((1 << 96) - 1) if self._bits(1) else ((1 << 80) - 1) << 48
            number = (self._last & ~mask) | (number & mask)
        self._last = number
        return UUID(int=number)

    def _fresh(self) -> int:
        """Returns the number of a unique id of version 4."""
        return _BITS.getrandbits(128) & ~(0xF << 76) & ~(0b11 << 62) | (4 << 76) | (0b10 << 62)

    def key(self) -> str:
        """Returns a fresh stream key: the text of a UUID as a rule, or another token."""
        kind, identifier = self._bits(4), self.identifier()
        if kind == 0:
            return str(identifier).upper()
        if kind == 1:
            return identifier.hex
        if kind == 2:
            return f"00{identifier.int:039d}"
        if kind == 3:
            return f"-{identifier.hex}_A"
        return str(identifier)

    def data(self) -> Any:
        """Returns no data as a rule, which costs least to record; else any JSON value, small."""
        drawn = self._bits(8)
        return _DATA[drawn >> 2] if drawn & 0b11 == 0 else None

    def workflow(self) -> UUID | None:
        """Returns no workflow as a rule, one of two that the case has, or the nil one."""
        return self._workflows[self._bits(3)]

    def task(self) -> UUID | None:
        """Returns no task as a rule, one of two that the case has, or the nil one."""
        return self._tasks[self._bits(3)]

    def correlation_id(self) -> str | None:
        """Returns None as a rule, or a text."""
        return _CORRELATIONS[self._bits(4)]

    def timestamp_ms(self) -> int:
        """Returns now as a rule, the time of the event before, or a time out of the calendar."""
        kind = self._bits(4)
        if kind == 0:
            return _SOME_MS[self._bits(8) % len(_SOME_MS)]
        if kind > 3:
            self._last_ms = now_ms()
        return self._last_ms

    def payload(self) -> str:
        """Returns a payload of a stream event; short."""
        return _PAYLOADS[self._bits(4)]

    def sequence(self) -> int:
        """Returns a sequence that may be that of another event."""
        return _SEQUENCES[self._bits(3)]

    def stream_task(self) -> str:
        """Returns the task of a stream event: none as a rule, or a text."""
        return _TASKS[self._bits(3)]

    def stream_type(self) -> StreamEventType:
        """Returns one of the four types; a token as a rule."""
        return _TYPES[self._bits(8) % len(_TYPES)]
