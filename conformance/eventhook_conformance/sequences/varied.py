"""Varies the data of a run, so that a member taken from another run shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final


def varied(raw: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Returns a scenario with the same structure, and with workers, errors, results and values of its own.

    Kinds, labels and names stay, since a server may know workflows by them. The events of the
    scenario are not changed with its steps; derive them anew.

    Args:
        raw: the JSON form of a scenario.
        number: tells the runs apart; 0 leaves the scenario as it is.
    """
    return {**raw, "steps": [_step(step, number) for step in raw["steps"]]}


def _step(step: Mapping[str, Any], number: int) -> dict[str, Any]:
    if step["do"] == "together":
        branches = [[_step(one, number) for one in branch] for branch in step["branches"]]
        return {**step, "branches": branches}
    return {
        member: _VARY[member](value, number) if number and member in _VARY else value
        for member, value in step.items()
    }


def _text(value: str, number: int) -> str:
    return f"{value}-{number}"


def _error(value: str, number: int) -> str:
    return f"{value} (run {number})"


def _delay(value: int, number: int) -> int:
    return value + 7000 * number


def _value(value: Any, number: int) -> Any:
    """Returns another value of the same kind; of booleans there are only two."""
    if isinstance(value, bool):
        return value is (number % 2 == 0)
    if isinstance(value, int | float):
        return value + number
    if isinstance(value, str):
        return _text(value, number)
    if isinstance(value, list):
        return [*value, number]
    return {**value, "run": number}


_VARY: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "worker": _text,
    "error": _error,
    "delayMs": _delay,
    "result": _value,
    "value": _value,
    "key": _text,
    "payload": _text,
}
