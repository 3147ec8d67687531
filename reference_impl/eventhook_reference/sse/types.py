"""The `types` parameter: which events a reader asked for (SSE-05)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from eventhook_conformance.contract import StreamEventType

STREAM_TYPES: Final = frozenset(kind.lower() for kind in StreamEventType)
"""The names of the stream side; everything else names lifecycle events."""

ITEM: Final = r"[A-Za-z0-9_-]+(?:\.\*|(?:\.[A-Za-z0-9_-]+)*)"
"""A category, `category.*`, or an exact type."""

_ITEM: Final = re.compile(ITEM, re.ASCII)
_BLANKS: Final = " \t"
_MAX_BYTES: Final = 255


class MalformedTypes(ValueError):
    """An item of `types` is none of the forms; the message names it and says what would be right."""


@dataclass(frozen=True)
class TypesFilter:
    """The selected types; None on a side selects all of it."""

    streams: frozenset[str] | None = None
    prefixes: tuple[str, ...] | None = None

    def takes_stream(self, event_type: StreamEventType) -> bool:
        """Returns whether a stream event of that type is selected."""
        return self.streams is None or event_type.lower() in self.streams

    def takes_lifecycle(self, event_type: str) -> bool:
        """Returns whether a lifecycle event of that type is selected: it, its category, or an ancestor."""
        if self.prefixes is None:
            return True
        dotted = event_type.lower() + "."
        return any(dotted.startswith(prefix) for prefix in self.prefixes)

    @property
    def wants_streams(self) -> bool:
        """True if anything of the stream side is selected."""
        return self.streams is None or bool(self.streams)


def parse_types(values: Iterable[str], *, stream_types: bool = True) -> TypesFilter:
    """Reads all values of the parameter; none, or nothing but empty items, selects everything.

    Args:
        values: one for each time the parameter was given.
        stream_types: whether the endpoint carries the stream side.

    Raises:
        MalformedTypes: an item has another form, or names a stream type where there are none.
    """
    items = [item for value in values for item in split_items(value) if item]
    if not items:
        return TypesFilter()
    for item in items:
        if _ITEM.fullmatch(item) is None or len(item) > _MAX_BYTES:
            raise MalformedTypes(
                f"types: expected token, progress, data, error, a category such as task, "
                f"or an event type such as task.created, got {item[:80]!r}"
            )
    names = {item.lower() for item in items}
    streams = frozenset(names & STREAM_TYPES)
    if streams and not stream_types:
        raise MalformedTypes(
            f"types has {min(streams)!r}, but this stream carries lifecycle events only"
        )
    # With its dot a prefix matches whole tokens only.
    prefixes = tuple(sorted(name.removesuffix(".*") + "." for name in names - streams))
    return TypesFilter(streams, prefixes)


def split_items(value: str) -> list[str]:
    """Returns the items of one value, without the blanks around them."""
    return [item.strip(_BLANKS) for item in value.split(",")]
