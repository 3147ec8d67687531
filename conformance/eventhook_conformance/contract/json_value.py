"""JSON values as Python ones: which are allowed, and when two are the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from eventhook_conformance.contract.grammar import MAX_INTEGER

MAX_DEPTH: Final = 128
"""The deepest nesting `validate` accepts; the contract asks every bus for 32 (EVT-02)."""

_CONTAINERS: Final = (dict, list)
_LEAST: Final = -MAX_INTEGER


def check_json(value: object, where: str = "data") -> str | None:
    """Says what in `value` JSON cannot carry exactly; None if nothing is wrong (EVT-03, EVT-12)."""
    if not isinstance(value, _CONTAINERS):
        return _find_problem(value, where, 0)
    return None if _surely_json(value, 1) else _find_problem(value, where, 0)


def _surely_json(container: dict[Any, Any] | list[Any], depth: int) -> bool:
    """Returns whether all that is in it is surely allowed. If not, `_find_problem` has the last word.

    Nearly every event is in order, and to name the place of each of its values would cost more than
    all else that publishing does.
    """
    values: Iterable[Any] = container
    if isinstance(container, dict):
        for key in container:
            if type(key) is not str or not (key.isascii() or check_text(key, "") is None):
                return False
        values = container.values()
    for value in values:
        kind = type(value)
        if kind is str:
            if not value.isascii() and check_text(value, "") is not None:
                return False
        elif kind is dict or kind is list or isinstance(value, _CONTAINERS):
            if depth >= MAX_DEPTH or not _surely_json(value, depth + 1):
                return False
        elif not (
            (kind is int and _LEAST <= value <= MAX_INTEGER)
            or value is None
            or kind is bool
            or (kind is float and math.isfinite(value))
        ):
            return False
    return True


def keeps_bounds(decoded: Any, depth: int = 0) -> bool:
    """Returns whether a value decoded from JSON is surely allowed; a decoder lets through no other fault
    than integers that are too large and values that lie too deep."""
    kind = type(decoded)
    if kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            return False
        for value in decoded.values() if kind is dict else decoded:
            if type(value) is not str and not keeps_bounds(value, depth + 1):
                return False
        return True
    return kind is not int or _LEAST <= decoded <= MAX_INTEGER


def _find_problem(value: object, where: str, depth: int) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        if -MAX_INTEGER <= value <= MAX_INTEGER:
            return None
        return f"{where} is {value}; integers must lie within ±{MAX_INTEGER}"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{where} is {value}; JSON has no such number"
    if isinstance(value, str):
        return check_text(value, where)
    if isinstance(value, dict | list):
        return _find_problem_inside(value, where, depth)
    return f"{where} is a {type(value).__name__}; expected a JSON value"


def _find_problem_inside(value: dict[Any, Any] | list[Any], where: str, depth: int) -> str | None:
    if depth >= MAX_DEPTH:
        return f"{where} is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, list):
        for index, item in enumerate(value):
            if problem := _find_problem(item, f"{where}[{index}]", depth + 1):
                return problem
        return None
    for key, item in value.items():
        if not isinstance(key, str):
            return f"{where} has the key {key!r}; keys must be text"
        problem = check_text(key, f"a key of {where}") or _find_problem(
            item, f"{where}[{key!r}]", depth + 1
        )
        if problem:
            return problem
    return None


def check_text(value: object, where: str) -> str | None:
    """Says why `value` is no text that UTF-8 can carry; None if it is."""
    if not isinstance(value, str):
        return f"{where} is {value!r}, not text"
    if value.isascii():
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"{where} holds a lone surrogate at position {error.start}; UTF-8 cannot carry it"
    return None


def with_floats(value: Any, depth: int = 0) -> Any:
    """Returns a JSON value as read, with a float for each integer that can only be meant as one.

    JavaScript and Go write the float `1e20` as `100000000000000000000`. An integer beyond the range that
    is the same by value as a float stands for it; one that no float equals stays, and is refused (EVT-12).
    """
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        try:
            real = float(value)
        except OverflowError:
            return value
        return real if json_equal(value, real) else value
    if depth >= MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [with_floats(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: with_floats(item, depth + 1) for key, item in value.items()}
    return value


def json_equal(left: Any, right: Any) -> bool:
    """Returns whether two JSON values are the same by value.

    `1` equals `1.0` and `0` equals `-0.0`, a boolean is no number, and the order of keys means
    nothing. A value that is not JSON equals nothing.

    JavaScript and Go write the float `1.2345678901234566e+17` as `123456789012345660`. The digits
    are the same, and so is the number, though the integer is not what the float is in binary.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if left is None or right is None:
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right or _same_digits(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(left[k], right[k]) for k in left)
    return False


def _same_digits(left: float, right: float) -> bool:
    """Returns whether an integer has the digits that a float is written with."""
    if isinstance(left, float) is isinstance(right, float):
        return False
    real, integer = (left, right) if isinstance(left, float) else (right, left)
    return math.isfinite(real) and Decimal(repr(float(real))) == integer
