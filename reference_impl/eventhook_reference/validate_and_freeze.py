"""Checks and freezes a published event in one look.

Nearly every event is in order, and to check its members, measure its wire form and copy its data one
after another costs more than to hand it to ten readers. So one walk over the data does all three
where that surely comes to the same. Where it is not sure, the contract's own check has the last word.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    MAX_DEPTH,
    MAX_INTEGER,
    FlovynEvent,
    check_event_type,
)
from eventhook_reference.argument_checks import MAX_EVENT_BYTES, checked_body
from eventhook_reference.frozen import FrozenDict, FrozenList, freeze

_MOST_PER_CHARACTER: Final = 6
"""The longest that JSON makes of one character: `\\u0000`."""
_MOST_BESIDES: Final = 1024
"""The most bytes that an event's wire form has beside its data, its source and its correlation id."""
_ROOM: Final = (MAX_EVENT_BYTES - _MOST_BESIDES) // _MOST_PER_CHARACTER
"""How many characters of text surely fit."""
_PER_ITEM: Final = 6
"""How many of them an item counts for beside its texts: a number, or quotes and punctuation."""
_NO: Final = -1
"""The room where something is not surely in order."""

_LEAST: Final = -MAX_INTEGER
_MOST_TYPES: Final = 1024

_sound_types: Final[set[str]] = set()
"""Event types that were checked; a bus sees the same few again and again."""
_replace: Final = msgspec.structs.replace


def admitted(event: FlovynEvent) -> FlovynEvent:
    """Returns the event for delivery: valid, not too large, and sharing nothing that can change (EVT-04).

    Raises:
        InvalidEvent: it is no `FlovynEvent`, or breaks the contract (EVT-05, EVT-12).
        PublishError: it is larger than `MAX_EVENT_BYTES` (EVT-08).
    """
    if type(event) is FlovynEvent:
        source = event.source
        if (
            type(event.event_type) is str
            and (event.event_type in _sound_types or _is_sound_type(event.event_type))
            and type(event.id) is UUID
            and type(event.tenant_id) is UUID
            and (event.workflow_execution_id is None or type(event.workflow_execution_id) is UUID)
            and (event.task_execution_id is None or type(event.task_execution_id) is UUID)
            and type(event.timestamp_ms) is int
            and _LEAST <= event.timestamp_ms <= MAX_INTEGER
            and type(source) is str
            and (source.isascii() or _is_unicode(source))
        ):
            room = _ROOM - len(source)
            if event.correlation_id is not None:
                room = _room_after(event.correlation_id, room)
            data = event.data
            if type(data) is dict:
                copied = FrozenDict(data)
                if _freeze_members(copied, 1, room) >= 0:
                    return _replace(event, data=copied)
            elif data is None:
                if room >= 0:
                    return event
            else:
                box = FrozenList((data,))
                if _freeze_items(box, 0, room) >= 0:
                    return event if box[0] is data else _replace(event, data=box[0])
    checked_body(event, FlovynEvent)
    frozen = freeze(event.data)
    return event if frozen is event.data else _replace(event, data=frozen)


def _is_sound_type(event_type: str) -> bool:
    if check_event_type(event_type) is not None:
        return False
    if len(_sound_types) < _MOST_TYPES:
        _sound_types.add(event_type)
    return True


def _room_after(text: object, room: int) -> int:
    """Returns the room left beside that text; below 0 if the text may be invalid."""
    if type(text) is str and (text.isascii() or _is_unicode(text)):
        return room - len(text)
    return _NO


def _freeze_members(frozen: FrozenDict, depth: int, room: int) -> int:
    """Puts a frozen copy in the place of each container in an object that lies that deep.

    Returns the room left; below 0 if it may be no JSON, or too large.
    """
    for name, value in frozen.items():
        if type(name) is not str or not (name.isascii() or _is_unicode(name)):
            return _NO
        room -= _PER_ITEM + len(name)
        kind = type(value)
        if kind is str:
            if not (value.isascii() or _is_unicode(value)):
                return _NO
            room -= len(value)
        elif kind is dict or kind is list:
            inner, room = _frozen(value, depth + 1, room)
            if room < 0:
                return _NO
            dict.__setitem__(frozen, name, inner)
        elif not (
            (kind is int and _LEAST <= value <= MAX_INTEGER)
            or value is None
            or kind is bool
            or (kind is float and isfinite(value))
        ):
            return _NO
    return room


def _freeze_items(frozen: FrozenList, depth: int, room: int) -> int:
    """Freezes the items of an array as `_freeze_members` does; one loop for both would be half as fast."""
    for index, value in enumerate(frozen):
        room -= _PER_ITEM
        kind = type(value)
        if kind is str:
            if not (value.isascii() or _is_unicode(value)):
                return _NO
            room -= len(value)
        elif kind is dict or kind is list:
            inner, room = _frozen(value, depth + 1, room)
            if room < 0:
                return _NO
            list.__setitem__(frozen, index, inner)
        elif not (
            (kind is int and _LEAST <= value <= MAX_INTEGER)
            or value is None
            or kind is bool
            or (kind is float and isfinite(value))
        ):
            return _NO
    return room


def _frozen(
    value: dict[Any, Any] | list[Any], depth: int, room: int
) -> tuple[FrozenDict | FrozenList, int]:
    """Returns a frozen copy of a container that lies that deep, and how much room is left then."""
    if type(value) is dict:
        members = FrozenDict(value)
        return members, _freeze_members(members, depth, room) if depth <= MAX_DEPTH else _NO
    items = FrozenList(value)
    return items, _freeze_items(items, depth, room) if depth <= MAX_DEPTH else _NO


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
