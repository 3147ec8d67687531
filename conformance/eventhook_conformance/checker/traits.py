"""Names a trait that many lost events share and no delivered event has: it often is the bug."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from eventhook_conformance.history import Event

_LEAST: Final = 3
_MOST: Final = 2_000
_MULTIPLES: Final = (65_536, 4_096, 1_024, 512, 256, 128, 100, 64)
_MEMBERS: Final = ("event_type", "source", "workflow_execution_id", "task_execution_id")


def common_trait(missing: Sequence[Event], came: Sequence[Event]) -> str | None:
    """Returns a trait of all missing events that no delivered event has; None if there is none."""
    if len(missing) < _LEAST or not came:
        return None
    missing, came = missing[:_MOST], came[:_MOST]
    with suppress(Exception):  # because: what is not valid has no size, and a hint is only a hint
        for text, holds in _candidates(missing, came):
            if all(map(holds, missing)) and not any(map(holds, came)):
                return text
    return None


def _candidates(
    missing: Sequence[Event], came: Sequence[Event]
) -> Iterator[tuple[str, Callable[[Event], bool]]]:
    for size in _MULTIPLES:
        yield f"a size that is a multiple of {size} bytes", partial(_is_multiple, size)
    milliseconds = Counter(event.timestamp_ms for event in (*missing, *came))
    yield "the same millisecond as another event", partial(_shares_time, milliseconds)
    for member in _MEMBERS:
        value = getattr(missing[0], member, None)
        if value is not None:
            yield f"{member} {str(value)[:40]!r}", partial(_has, member, value)
    largest = max(map(_size, came))
    yield f"more than {largest} bytes", partial(_is_larger, largest)


def _is_multiple(size: int, event: Event) -> bool:
    return _size(event) % size == 0


def _shares_time(milliseconds: Counter[int], event: Event) -> bool:
    return milliseconds[event.timestamp_ms] > 1


def _has(member: str, value: object, event: Event) -> bool:
    return bool(getattr(event, member, None) == value)


def _is_larger(size: int, event: Event) -> bool:
    return _size(event) > size


def _size(event: Event) -> int:
    return len(event.to_json())
