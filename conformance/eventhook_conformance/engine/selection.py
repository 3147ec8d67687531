"""Selects cases by an expression, as pytest's `-k` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from _pytest.mark.expression import Expression

from eventhook_conformance.specification import Instance


class WrongSelection(Exception):
    """The `-k` expression cannot be read; the message is one line."""


def selector(expression: str | None, target: str) -> Callable[[Instance], bool]:
    """Returns a predicate that tells whether a case is selected.

    A word of the expression matches a case if it is part of the case's ID, of one of its requirements,
    or of the target's name, in any letter case. Words combine by `and`, `or`, `not` and parentheses.

    Args:
        expression: as the user typed it; None or blank: every case is selected.
        target: the target's name, as the user typed it.

    Raises:
        WrongSelection: it cannot be read.
    """
    if expression is None or not expression.strip():
        return lambda _instance: True
    try:
        # pytest's own parser, so that `run -k` and `pytest -k` read alike; `tests/engine/test_selection.py`
        # fails when pytest moves it.
        compiled = Expression.compile(expression)
    except SyntaxError as error:
        raise WrongSelection(
            f"expected an expression such as 'PUB-04 or TEN', got {expression!r} ({error})"
        ) from error
    return lambda instance: compiled.evaluate(
        _Matcher([target, instance.id, *instance.case.requirements])
    )


class _Matcher:
    def __init__(self, words: Iterable[str]) -> None:
        self._words = [word.lower() for word in words]

    def __call__(self, name: str, /, **_: str | int | bool | None) -> bool:
        return any(name.lower() in word for word in self._words)
