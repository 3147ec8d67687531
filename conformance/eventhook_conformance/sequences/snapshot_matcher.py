"""Compares a member of a snapshot with what a scenario expects.

A plain value stands for itself; an object with one member is a matcher, as the schema of the
scenarios describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from eventhook_conformance.contract.json_value import json_equal
from eventhook_conformance.sequences.scenario import Ids

MISSING: Final = object()
"""Stands for a member that is not there."""


@dataclass
class Bindings:
    """The texts and times that a server chose for what scenarios call by name, such as timers."""

    chosen: dict[str, str] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    """By timer, when it is due."""
    errors: frozenset[str] = frozenset()
    """The errors that the run's tasks and promises end with."""

    def same(self, name: str, value: str) -> bool:
        """Returns True if that text may stand for that name; the first text given is kept."""
        if name in self.chosen:
            return self.chosen[name] == value
        if value in self.chosen.values():
            return False
        self.chosen[name] = value
        return True


def mismatch(wanted: Any, value: Any, ids: Ids, bindings: Bindings | None) -> str | None:
    """Returns what would be right in place of the value, in words; None if it is right.

    Args:
        wanted: the matcher.
        value: what was seen, or `MISSING`.
        ids: what labels stand for.
        bindings: what names stand for so far; without, any text will do.
    """
    if not isinstance(wanted, dict):
        right = value is not MISSING and json_equal(wanted, value)
        return None if right else repr(wanted)
    ((kind, argument),) = wanted.items()
    if kind == "maybe":
        if value is MISSING or value is None:
            return None
        right_value = mismatch(argument, value, ids, bindings)
        return None if right_value is None else f"{right_value}, or nothing"
    return _mismatch(kind, argument, value, ids, bindings)


def _mismatch(
    kind: str, argument: Any, value: Any, ids: Ids, bindings: Bindings | None
) -> str | None:
    text = isinstance(value, str) and bool(value)
    if kind == "value":
        right, words = json_equal(argument, value), repr(argument)
    elif kind in ("workflow", "task"):
        own = (ids.workflows if kind == "workflow" else ids.tasks).get(argument)
        right = text and own is not None and str(own) == value.lower()
        words = f"the id of {kind} {argument!r}, {own}"
    elif kind == "same":
        right = text and (bindings is None or bindings.same(argument, value))
        chosen = bindings.chosen.get(argument) if bindings else None
        words = repr(chosen) if chosen else f"a text of its own for {argument}"
    elif kind == "error":
        right, words = _is_error(argument, value, bindings), f"the error {argument!r}"
    elif kind == "due":
        known = None if bindings is None else bindings.due.get(argument["timer"])
        right = isinstance(value, int) and not isinstance(value, bool) and known in (None, value)
        if right and bindings is not None:
            bindings.due[argument["timer"]] = value
        words = "a time in milliseconds" if known is None else f"{known}, as it was told before"
    elif kind == "one_of":
        right = any(json_equal(one, value) for one in argument)
        words = " or ".join(map(repr, argument))
    elif argument == "time":
        right = isinstance(value, int) and not isinstance(value, bool)
        words = "a time in milliseconds"
    elif argument == "text":
        right, words = text, "a text"
    else:
        right, words = value is not MISSING and value is not None, "some value"
    return None if right else words


def _is_error(wanted: str, value: Any, bindings: Bindings | None) -> bool:
    """Returns True if a text, or an object that holds it, tells that error and no other one of the run."""
    texts = list(_texts(value))
    others = frozenset() if bindings is None else bindings.errors
    return any(wanted in text for text in texts) and not any(
        one in text and one not in wanted for one in others for text in texts
    )


def _texts(value: Any) -> Iterator[str]:
    """Yields the text, or every text in an object or array."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
