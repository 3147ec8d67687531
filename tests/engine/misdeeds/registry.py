"""The table of misdeeds and lies, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eventhook_reference.mutants.base import Event

MISDEEDS: Final[dict[str, Callable[[], object]]] = {}
LIES: Final[dict[str, Callable[[Event], Event]]] = {}
kept: Final[list[object]] = []
"""Objects that misdeeds hold on to."""


def misdeed(function: Callable[[], object]) -> Callable[[], object]:
    """Enters a function into the table under its name; the result of an asynchronous one is awaited."""
    MISDEEDS[function.__name__] = function
    return function


def lie(function: Callable[[Event], Event]) -> Callable[[Event], Event]:
    """Enters a change of delivered events into the table."""
    LIES[function.__name__] = function
    return function
