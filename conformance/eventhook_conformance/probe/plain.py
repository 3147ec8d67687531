"""Reduces a delivered event to exact built-in types, so that no object of the target's compares itself.

A subclass of `str` or `dict` may say that it equals anything, and an attribute may raise: the checker
compares what is there, never what an object says of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType

_EXACT: Final = frozenset({str, int, float, bool, type(None), UUID, StreamEventType})
_BUILT_IN: Final = _EXACT | {dict, list, tuple, bytes}
_MOST: Final = 1 << 63
"""The largest count: no bus has lost more events."""
_EVENT_MEMBERS: Final = FlovynEvent.__struct_fields__
_STREAM_MEMBERS: Final = StreamEvent.__struct_fields__
_event_members: Final = attrgetter(*_EVENT_MEMBERS)
_stream_members: Final = attrgetter(*_STREAM_MEMBERS)


class Unreadable:
    """Stands for a delivered value that cannot be read, or that no event may have.

    Args:
        text: what it was, in a few words.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"<{self._text}>"


class Foreign(Unreadable):
    """Stands for a delivered object that is no event.

    Args:
        text: as messages show it.
    """

    def __repr__(self) -> str:
        return self._text


def plain(delivered: object) -> object:
    """Returns the event with members of exact built-in types.

    A value that is no event comes back itself if it is of a built-in type, which no target can change, else
    as `Foreign`. A member that cannot be read comes back as `Unreadable`, whatever reading it raised.
    """
    try:
        if isinstance(delivered, FlovynEvent):
            return _event(delivered)
        if isinstance(delivered, StreamEvent):
            return _stream_event(delivered)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # because: whatever the target raises is a finding, not our end
        return Unreadable(
            f"a {type(delivered).__name__} that cannot be read: {type(error).__name__}"
        )
    return delivered if type(delivered) in _BUILT_IN else Foreign(shown(delivered))


def plain_told(told: Any) -> Any:
    """Returns a count or a cursor that a target tells, of the exact type.

    A number becomes no larger than can be shown. An object of no built-in type comes back as `Unreadable`.
    """
    kind = type(told)
    if issubclass(kind, int):
        return max(-_MOST, min(int.__int__(told), _MOST))
    if issubclass(kind, str):
        return str.__getitem__(told, slice(None))
    return told if kind in _BUILT_IN else Unreadable("neither text nor number")


def _event(event: FlovynEvent) -> FlovynEvent:
    members = _event_members(event)
    if type(event) is FlovynEvent and _all_exact(members):
        return event
    return FlovynEvent(**dict(zip(_EVENT_MEMBERS, map(_reduced, members), strict=True)))


def _stream_event(event: StreamEvent) -> StreamEvent:
    members = _stream_members(event)
    if type(event) is StreamEvent and _all_exact(members):
        return event
    return StreamEvent(**dict(zip(_STREAM_MEMBERS, map(_reduced, members), strict=True)))


def _all_exact(values: tuple[Any, ...]) -> bool:
    # At once where all are plain, which is nearly always: this is asked of every delivery.
    return {*map(type, values)} <= _EXACT or all(map(_is_exact, values))


def _is_exact(value: object) -> bool:
    """Returns whether a value holds nothing but exact built-in types."""
    kind = type(value)
    if kind in _EXACT:
        return True
    if kind is dict:
        items: dict[Any, Any] = value  # type: ignore[assignment]  # because: just looked
        return all(type(key) is str for key in items) and all(map(_is_exact, items.values()))
    if kind is list:
        parts: list[Any] = value  # type: ignore[assignment]  # because: just looked
        return all(map(_is_exact, parts))
    return False


def _reduced(value: Any) -> Any:
    """Returns the value of exact types; by the base's own methods, which no subclass changes."""
    if type(value) in _EXACT:
        return value
    for base, reduce in _REDUCERS:
        if isinstance(value, base):
            return reduce(value)
    return Unreadable(f"a {type(value).__name__}")


_REDUCERS: Final[tuple[tuple[type, Callable[[Any], object]], ...]] = (
    (UUID, lambda its: UUID(int=int.__int__(vars(UUID)["int"].__get__(its)))),
    (StreamEventType, lambda its: StreamEventType(str.__str__(its))),
    (str, lambda its: str.__getitem__(its, slice(None))),
    (int, int.__int__),
    (float, float.__float__),
    # By its own `items`, as json.dumps reads it: it may well be filled when it is read.
    (dict, lambda its: {_reduced(key): _reduced(value) for key, value in its.items()}),
    (list, lambda its: [_reduced(value) for value in its]),
)
